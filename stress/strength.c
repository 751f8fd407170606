/* SPDX-License-Identifier: MIT */
#include "strength.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

/* Fewer strikes than this at a depth are said. */
#define FEW_STRIKES 10
/* Sound targets of one tier that are told one by one; of more only the one with the least evidence. */
#define TOLD_SINGLY 3

/* A kernel that has the legacy protocol now and then only, up to this share of the time, might have been missed. */
#define WEAK_BOUND 0.2

/* The evidence of one target, or what is said of several. */
struct piece {
	char text[1024];
	size_t at;
};

static void add(struct piece *piece, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct piece *piece, const char *format, ...)
{
	size_t room = sizeof(piece->text) - piece->at;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(piece->text + piece->at, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		piece->at += (size_t)length < room ? (size_t)length : room - 1;
}

/* ---- the step tier ---- */

static const char *tuples_name(const struct step_pass *pass, uint64_t tuples)
{
	static const char *const names[LEVELS][2] = { [1] = { "boundary", "boundaries" },
						      [2] = { "nested pair", "nested pairs" },
						      [3] = { "nested triple", "nested triples" } };

	if (pass->strikes > 1)
		return tuples == 1 ? "pair in one write" : "pairs in one write";
	return names[pass->depth][tuples != 1];
}

/* "all 1,312 boundaries in 14 ring states", "1,000 boundaries (9 of 14 ring states)" or "no boundaries". */
static void add_pass(struct piece *piece, const struct step_pass *pass, unsigned scenarios)
{
	uint64_t tuples = pass->strikes > 1 ? pass->counts.twice : pass->counts.tuples[pass->depth];
	bool all = pass->scenarios == scenarios;

	if (!pass->counts.steps) {
		add(piece, "no %s", tuples_name(pass, 0));
	} else {
		add(piece, "%s%s %s", all ? "all " : "", number_grouped(tuples).text, tuples_name(pass, tuples));
		/* What its signal mask keeps out is no gap. */
		if (pass->depth == 1 && pass->strikes == 1 && pass->counts.masked)
			add(piece, " where signals are not blocked");
	}
	if (pass->strikes > 1 && pass->depth > 1)
		add(piece, " at depth %u", pass->depth);
	if (pass->counts.steps && !all)
		add(piece, " (%u of %u ring states)", pass->scenarios, scenarios);
	else if (pass->depth == 1 && pass->strikes == 1)
		add(piece, " in %u ring states", scenarios);
}

static void add_stepped(struct piece *piece, const struct target_result *r)
{
	const struct step_result *step = &r->step;
	bool all = true;

	/* A step is a strike: what begins anew for it never gets on. */
	add(piece, "0 violations, %sstruck at ", r->restarts ? "by the nest protocol that it falls back to, " : "");
	for (unsigned i = 0; i < step->passes; i++) {
		add(piece, "%s", i ? ", " : "");
		add_pass(piece, &step->pass[i], step->scenarios);
		all &= step->pass[i].scenarios == step->scenarios;
	}
	if (!all)
		add(piece, ": there was no time for more");
}

/* ---- the sampled tiers ---- */

/* Exposures, what readers see of them, the bound, and depths hardly reached. */
static void add_sampled(struct piece *piece, const struct target_result *r, const struct judgement *j,
			const struct sight *sight)
{
	uint64_t slow = r->counts.by_class[STRIKE_SLOW].exposed;
	uint64_t all = slow + r->counts.by_class[STRIKE_PLAIN].exposed;

	if (r->masked) {
		add(piece, "0 violations; its writes block signals, so nothing strikes inside them");
		return;
	}
	add(piece, "0 violations at %s %s (", number_grouped(all).text,
	    r->restarts     ? "strikes into its restartable sequences and at exposed boundaries"
	    : r->boundaries ? "exposed boundaries"
			    : "interrupted writes");
	if (slow)
		add(piece, "%s in slow motion, of which readers see at least %s", number_grouped(slow).text,
		    number_percent(sight->share_slow).text);
	else
		add(piece, "none in slow motion; readers see at least %s", number_percent(sight->share_plain).text);
	if (j->bound > 0)
		add(piece, "): rate below 1 in %s at 95 %% confidence", number_grouped((uint64_t)(1 / j->bound)).text);
	else
		add(piece, "): too few for a bound");
	if (!r->counts.lost_records)
		add(piece, "; never full: space and losses not tried");
	/* What is aimed at is the outermost write. */
	for (unsigned depth = 3; depth <= LEVELS && r->tier != TIER_AIM; depth++) {
		uint64_t strikes = r->counts.strikes_by_depth[depth];

		if (strikes < FEW_STRIKES)
			add(piece, "; only %s interrupt%s at depth %u", number_grouped(strikes).text,
			    strikes == 1 ? "" : "s", depth);
	}
}

/* ---- the kernel tier ---- */

static void add_kernel(struct piece *piece, const struct target_result *r, const struct judgement *j,
		       const struct sight *sight)
{
	uint64_t slow = r->counts.by_class[STRIKE_SLOW].exposed;

	add(piece,
	    "0 violations at %s interrupts inside its writes, of which readers here see at least %s go wrong in the "
	    "legacy protocol",
	    number_grouped(r->counts.by_class[STRIKE_PLAIN].exposed).text, number_percent(sight->share_plain).text);
	if (slow)
		add(piece, "; and %s by breakpoint at each instruction that publishes, of which they see at least %s",
		    number_grouped(slow).text, number_percent(sight->share_slow).text);
	add(piece, ": were it that, some %.0f would have been seen", j->exposure);
	if (j->bound > 0)
		add(piece, "; that rate is below 1 in %s of it at 95 %% confidence%s",
		    number_grouped((uint64_t)(1 / j->bound)).text, j->bound > WEAK_BOUND ? ", which is weak" : "");
	if (!r->counts.lost_records)
		add(piece, "; never full: space and losses not tried");
}

/* ---- all of them ---- */

/* Whether @a was put through less than @b, in the same tier. */
static bool is_weaker(const struct target_result *a, const struct judgement *ja, const struct target_result *b,
		      const struct judgement *jb)
{
	if (a->tier != TIER_STEP) {
		/* Where nothing can strike there is nothing to compare. */
		if (a->masked != b->masked)
			return b->masked;
		return ja->exposure < jb->exposure;
	}
	for (unsigned i = 0; i < a->step.passes && i < b->step.passes; i++)
		if (a->step.pass[i].scenarios != b->step.pass[i].scenarios)
			return a->step.pass[i].scenarios < b->step.pass[i].scenarios;
	return a->step.pass[0].counts.tuples[1] < b->step.pass[0].counts.tuples[1];
}

static void add_one(struct piece *piece, const struct target_result *r, const struct judgement *j,
		    const struct sight *sight)
{
	add(piece, "%.60s%s: ", r->name, sight->note);
	if (r->tier == TIER_STEP)
		add_stepped(piece, r);
	else if (r->tier == TIER_KERNEL)
		add_kernel(piece, r, j, sight);
	else
		add_sampled(piece, r, j, sight);
}

/* A piece as a whole, or not at all. Return: whether it had room. */
static bool put(struct run_judgement *run, const struct piece *piece)
{
	static const char more[] = "; and more, in the table";
	size_t at = strlen(run->strength);

	if (at + piece->at + sizeof("; ") + sizeof(more) > sizeof(run->strength)) {
		snprintf(run->strength + at, sizeof(run->strength) - at, "%s", more);
		return false;
	}
	snprintf(run->strength + at, sizeof(run->strength) - at, "%s%s", at ? "; " : "", piece->text);
	return true;
}

/* What had nothing to strike at is no evidence. */
static bool is_told(const struct target_result *r, enum tier tier)
{
	return r->claim == CLAIM_SOUND && r->tier == tier && !r->idle;
}

/* Many of one tier: how many, and the one with the least. Return: whether it had room. */
static bool put_many(const struct target_result *results, size_t count, const struct judgement *judgements, size_t many,
		     enum tier tier, struct run_judgement *run)
{
	struct piece piece = { .at = 0 };
	size_t least = count;

	for (size_t i = 0; i < count; i++)
		if (is_told(&results[i], tier) &&
		    (least == count || is_weaker(&results[i], &judgements[i], &results[least], &judgements[least])))
			least = i;
	add(&piece, "%zu sound targets%s: 0 violations, the least evidence for ", many, run->sight[tier].note);
	add_one(&piece, &results[least], &judgements[least], &run->sight[tier]);
	return put(run, &piece);
}

static bool put_each(const struct target_result *results, size_t count, const struct judgement *judgements,
		     enum tier tier, struct run_judgement *run)
{
	for (size_t i = 0; i < count; i++) {
		struct piece piece = { .at = 0 };

		if (!is_told(&results[i], tier))
			continue;
		add_one(&piece, &results[i], &judgements[i], &run->sight[tier]);
		if (!put(run, &piece))
			return false;
	}
	return true;
}

bool strength_tell(const struct target_result *results, size_t count, const struct judgement *judgements,
		   struct run_judgement *run)
{
	size_t all = 0;

	run->strength[0] = '\0';
	for (unsigned tier = 0; tier < TIERS; tier++) {
		size_t sound = 0;

		for (size_t i = 0; i < count; i++)
			sound += is_told(&results[i], tier);
		all += sound;
		if (sound > TOLD_SINGLY ? !put_many(results, count, judgements, sound, tier, run)
					: !put_each(results, count, judgements, tier, run))
			break;
	}
	return all;
}
