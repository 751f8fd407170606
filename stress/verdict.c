/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "strength.h"

/* Zero seen in n: the rate is below 3 / n at 95 % confidence (1 - 0.05^(1/n), the "rule of three"). */
#define RULE_OF_THREE 3.0

/* Whether two results belong together: what the control of a tier shows holds for that tier. */
static bool is_control(const struct target_result *r, enum tier tier)
{
	return r->claim == CLAIM_CONTROL && r->tier == tier;
}

static uint64_t violations_in(const struct class_counts *class, uint32_t mask)
{
	uint64_t sum = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (mask & VIOLATION_BIT(kind))
			sum += class->violations[kind];
	return sum;
}

/* Seen failing in the way it is known for; what struck in slow motion proves nothing about anything. */
static bool is_caught(const struct target_result *r)
{
	return violations_in(&r->counts.by_class[STRIKE_PLAIN], r->expected) ||
	       violations_in(&r->counts.by_class[STRIKE_SLOW], r->expected);
}

/*
 * What a share is not below, at 95 %, when @seen of @happened were seen: the score interval's lower end (Wilson, 1927).
 * A few lucky ones must not count as much as many.
 */
static double share(uint64_t seen, uint64_t happened)
{
	const double z = 1.645;
	double n = (double)happened, p;

	if (!happened)
		return 0;
	p = seen >= happened ? 1 : (double)seen / n;
	return fmax(0, (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n));
}

static struct sight look(const struct target_result *results, size_t count, enum tier tier)
{
	uint64_t plain_seen = 0, plain_happened = 0, slow_seen = 0, slow_happened = 0;
	struct sight sight = { .caught = false };

	for (size_t i = 0; i < count; i++) {
		const struct class_counts *class = results[i].counts.by_class;

		if (!is_control(&results[i], tier) || !is_caught(&results[i]))
			continue;
		sight.caught = true;
		sight.boundaries |= results[i].boundaries != 0;
		/* What else has data_head go back, among much else, says little of when readers see it. */
		if (!(results[i].expected & VIOLATION_BIT(HEAD_BACKWARD)))
			continue;
		plain_seen += class[STRIKE_PLAIN].seen;
		plain_happened += class[STRIKE_PLAIN].decreasing;
		slow_seen += class[STRIKE_SLOW].seen;
		slow_happened += class[STRIKE_SLOW].decreases;
	}
	sight.share_plain = share(plain_seen, plain_happened);
	sight.share_slow = share(slow_seen, slow_happened);
	return sight;
}

/*
 * What readers would see of the kernel, had it the legacy protocol: as much as they see of the control that has it, run
 * in turn with it. Slow motion is left out, for there is none in the kernel.
 */
static struct sight look_at_kernel(const struct target_result *results, size_t count)
{
	uint64_t seen = 0, in_write = 0, decreasing = 0;
	struct sight sight = { .caught = false };

	for (size_t i = 0; i < count; i++) {
		const struct class_counts *class = &results[i].counts.by_class[STRIKE_PLAIN];

		if (!is_control(&results[i], TIER_TIMER) || !is_caught(&results[i]) ||
		    !(results[i].expected & VIOLATION_BIT(HEAD_BACKWARD)))
			continue;
		sight.caught = true;
		seen += class->seen;
		in_write += class->in_write;
		decreasing += class->decreasing;
	}
	sight.share_plain = share(seen, in_write);
	sight.share_slow = share(seen, decreasing);
	return sight;
}

static void judge_control(const struct target_result *r, const struct sight *sight, struct judgement *j)
{
	uint64_t strange = counts_violations_except(&r->counts, r->expected | r->allowed);

	j->caught = is_caught(r);
	if (strange) {
		j->verdict = VERDICT_ERROR;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s showed %s violations that it is not known for: the harness, or this build of it, is "
			 "broken",
			 r->name, sight->note, number_grouped(strange).text);
	} else if (r->expected && !j->caught) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason), "%s%s was not caught: readers here may be blind to what it does",
			 r->name, sight->note);
	}
}

/* Whether the step tier has done all that was planned. */
static bool is_complete(const struct step_result *step)
{
	for (unsigned i = 0; i < step->passes; i++)
		if (step->pass[i].scenarios < step->scenarios)
			return false;
	return step->passes && step->scenarios;
}

/*
 * What stepping found did not show again without shortcuts, or could not be played at all: the engine is wrong, not the
 * target. Where the target took the whole process along there was nobody left to play it; then it stands.
 */
static bool is_refuted(const struct target_result *r)
{
	return r->tier == TIER_STEP && r->failed && r->step.done && !r->step.confirmed;
}

/* Stepping is exact: a control that it went through without seeing anything is not what it is said to be. */
static void judge_stepped_control(const struct target_result *r, const struct sight *sight, struct judgement *j)
{
	if (j->verdict != VERDICT_INCONCLUSIVE)
		return;
	if (is_complete(&r->step)) {
		j->verdict = VERDICT_ERROR;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s was not caught, although it was struck at every boundary: the harness, or this build of "
			 "it, is broken",
			 r->name, sight->note);
	} else {
		snprintf(j->reason, sizeof(j->reason), "%s%s was not caught in the time there was (--duration)",
			 r->name, sight->note);
	}
}

/* Writes that it took. */
static uint64_t stepped_taken(const struct step_result *step)
{
	uint64_t taken = 0;

	for (unsigned i = 0; i < step->passes; i++)
		taken += step->pass[i].counts.taken;
	return taken;
}

static void judge_stepped_sound(const struct target_result *r, const struct sight *sight,
				const struct verdict_limits *limits, struct judgement *j)
{
	uint64_t violations = counts_violations_except(&r->counts, 0);

	if (violations && !is_refuted(r)) {
		j->verdict = VERDICT_FAIL;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s, which claims to be sound, showed violations in %s state%s", r->name, sight->note,
			 number_grouped(violations).text, violations == 1 ? "" : "s");
	} else if (!sight->caught) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason), "%s is clean, but no control was caught in the %s tier", r->name,
			 tier_name(r->tier));
	} else if (limits->steps_alone && r->step.pass[0].scenarios < r->step.scenarios) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(
			j->reason, sizeof(j->reason),
			"%s is clean, but not even all single strikes could be tried: %u of %u ring states; run longer "
			"(--duration)",
			r->name, r->step.pass[0].scenarios, r->step.scenarios);
	} else if (!r->step.pass[0].scenarios) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(
			j->reason, sizeof(j->reason),
			"%s%s is clean, but there was no time to go through a single scenario: run longer (--duration)",
			r->name, sight->note);
	} else if (!stepped_taken(&r->step)) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s is clean, but it refused every write that was stepped: nothing was tried", r->name,
			 sight->note);
	}
}

static void judge_sound(const struct target_result *r, const struct sight *sight, const struct verdict_limits *limits,
			struct judgement *j)
{
	uint64_t violations = counts_violations_except(&r->counts, 0);
	/* Where the control is exposed is known, and here any strike into a write would count: no comparison. */
	bool unknown = sight->boundaries && !r->boundaries && !r->boundaries_complete && !r->everywhere;

	j->exposure = (double)r->counts.by_class[STRIKE_PLAIN].exposed * sight->share_plain +
		      (double)r->counts.by_class[STRIKE_SLOW].exposed * sight->share_slow;
	if (violations) {
		j->verdict = VERDICT_FAIL;
		snprintf(j->reason, sizeof(j->reason), "%s%s, which claims to be sound, showed %s violation%s", r->name,
			 sight->note, number_grouped(violations).text, violations == 1 ? "" : "s");
	} else if (!sight->caught) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason), "%s is clean, but no control was caught in the %s tier", r->name,
			 tier_name(r->tier));
	} else if (r->shared && (double)r->counts.met < limits->min_exposure) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s is clean, but its two writing threads hardly met: %s interrupts found both in a write, "
			 "of "
			 "the %.0f needed; run longer (--duration)",
			 r->name, sight->note, number_grouped(r->counts.met).text, limits->min_exposure);
	} else if (r->masked) {
		/* Nothing is exposed by design, so there is no exposure to ask for. */
		return;
	} else if (unknown) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s is clean, but where it is exposed could not be found out in time: is this machine very "
			 "busy?",
			 r->name, sight->note);
	} else if (j->exposure < limits->min_exposure) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason),
			 "%s%s is clean, but too few interrupts struck where it matters and could be seen: %.1f of the "
			 "%.0f needed; run longer (--duration)",
			 r->name, sight->note, j->exposure, limits->min_exposure);
	}
	/* Below three strikes the rule says no more than that a rate is at most 1. */
	if (!violations && !unknown && sight->caught && j->exposure > RULE_OF_THREE)
		j->bound = RULE_OF_THREE / j->exposure;
}

static void judge_kernel(const struct target_result *r, const struct sight *sight, const struct verdict_limits *limits,
			 struct judgement *j)
{
	uint64_t nested = r->counts.by_class[STRIKE_PLAIN].exposed + r->counts.by_class[STRIKE_SLOW].exposed;

	judge_sound(r, sight, limits, j);
	if (j->verdict == VERDICT_FAIL)
		snprintf(
			j->reason, sizeof(j->reason),
			"kernel: its ring showed %s violation%s: this kernel does not have the fix of 2019, or another "
			"bug",
			number_grouped(counts_violations_except(&r->counts, 0)).text,
			counts_violations_except(&r->counts, 0) == 1 ? "" : "s");
	else if (j->verdict == VERDICT_INCONCLUSIVE && !sight->caught)
		snprintf(j->reason, sizeof(j->reason),
			 "kernel is clean, but no control was caught beside it: what readers here would see is not "
			 "known");
	else if (j->verdict == VERDICT_INCONCLUSIVE && !nested)
		snprintf(
			j->reason, sizeof(j->reason),
			"kernel is clean, but no interrupt was found inside its writes: nothing nested, so nothing was "
			"tried");
	else if (j->verdict == VERDICT_INCONCLUSIVE)
		snprintf(j->reason, sizeof(j->reason),
			 "kernel is clean, but the evidence is too weak: of %s nested writes readers here would have "
			 "seen "
			 "%.1f decreases, were it the legacy protocol; %.0f are needed: run longer (--duration)",
			 number_grouped(nested).text, j->exposure, limits->min_exposure);
}

static void judge(const struct target_result *r, const struct sight *sight, const struct verdict_limits *limits,
		  struct judgement *j)
{
	memset(j, 0, sizeof(*j));
	j->verdict = VERDICT_PASS;
	if (r->idle)
		return;
	if (r->claim == CLAIM_CONTROL)
		judge_control(r, sight, j);
	else if (r->tier == TIER_STEP)
		judge_stepped_sound(r, sight, limits, j);
	else if (r->tier == TIER_KERNEL)
		judge_kernel(r, sight, limits, j);
	else
		judge_sound(r, sight, limits, j);
	if (r->claim == CLAIM_CONTROL && r->tier == TIER_STEP)
		judge_stepped_control(r, sight, j);
	if (j->verdict == VERDICT_FAIL)
		return;
	if (r->failed) {
		j->verdict = VERDICT_ERROR;
		snprintf(j->reason, sizeof(j->reason), "%s%s: %s", r->name, sight->note, r->message);
	} else if (j->verdict != VERDICT_ERROR && r->starved) {
		j->verdict = VERDICT_INCONCLUSIVE;
		snprintf(j->reason, sizeof(j->reason), "%s%s: %s", r->name, sight->note, r->message);
	} else if (j->verdict != VERDICT_ERROR && r->skipped) {
		j->verdict = VERDICT_SKIP;
		snprintf(j->reason, sizeof(j->reason), "%s", r->message);
	}
}

static bool has_several_tiers(const struct target_result *results, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (results[i].tier != results[0].tier)
			return true;
	return false;
}

void verdict_run(const struct target_result *results, size_t count, const struct verdict_limits *limits,
		 struct judgement *judgements, struct run_judgement *run)
{
	bool caught = false;

	memset(run, 0, sizeof(*run));
	run->verdict = VERDICT_PASS;
	for (unsigned tier = 0; tier < TIERS; tier++) {
		run->sight[tier] = tier == TIER_KERNEL ? look_at_kernel(results, count) : look(results, count, tier);
		if (has_several_tiers(results, count))
			snprintf(run->sight[tier].note, sizeof(run->sight[tier].note), " (%s)", tier_name(tier));
	}
	if (!count) {
		run->verdict = VERDICT_INCONCLUSIVE;
		snprintf(run->reason, sizeof(run->reason), "nothing was run");
	}
	for (size_t i = 0; i < count; i++) {
		judge(&results[i], &run->sight[results[i].tier], limits, &judgements[i]);
		if (judgements[i].verdict <= run->verdict)
			continue;
		run->verdict = judgements[i].verdict;
		snprintf(run->reason, sizeof(run->reason), "%s", judgements[i].reason);
	}
	if (limits->interrupted && run->verdict < VERDICT_ERROR) {
		run->verdict = VERDICT_INCONCLUSIVE;
		snprintf(run->reason, sizeof(run->reason), "stopped before its time");
	}
	if (run->verdict != VERDICT_PASS)
		return;
	if (strength_tell(results, count, judgements, run))
		return;
	for (unsigned tier = 0; tier < TIERS; tier++)
		caught |= run->sight[tier].caught;
	for (size_t i = 0; i < count && run->verdict == VERDICT_PASS; i++) {
		if (!results[i].idle || results[i].claim == CLAIM_CONTROL)
			continue;
		/* It was asked for, and nothing else was tried of it. */
		run->verdict = VERDICT_SKIP;
		snprintf(run->reason, sizeof(run->reason), "%s", results[i].message);
	}
	if (run->verdict != VERDICT_PASS)
		return;
	if (caught) {
		snprintf(run->strength, sizeof(run->strength), "every control was caught; no sound target was run");
	} else {
		run->verdict = VERDICT_INCONCLUSIVE;
		snprintf(run->reason, sizeof(run->reason), "none of these controls can show itself in this tier");
	}
}

int verdict_exit_status(enum verdict verdict, int skip_status)
{
	switch (verdict) {
	case VERDICT_PASS: return 0;
	case VERDICT_FAIL: return 1;
	case VERDICT_ERROR: return 2;
	case VERDICT_SKIP: return skip_status;
	default: return 3;
	}
}
