/* SPDX-License-Identifier: MIT */
/*
 * ktap.c - KTAP version 1: a subtest per target, in it a case per check, and last the run's verdict
 *
 * A control that was caught is a success, and its violations are what was wanted: its cases are ok, with a plain note.
 * A case of its own for the verdict, because a run may be worth nothing although each target is fine, as when it was
 * stopped before its time.
 */
#include "report/report.h"

#include <string.h>

#include "number.h"

#define INDENT "    "

/* The checks that can be told for a result; all, when its target is not among those asked for. */
static uint32_t checks_of(const struct report *report, const struct target_result *result)
{
	for (unsigned i = 0; i < report->options->targets; i++)
		if (!strcmp(report->options->target[i]->name, result->name))
			return report->options->target[i]->checks;
	return VIOLATION_ALL;
}

/* What stands behind "#" ends with the line, so the text must not have lines of its own. */
static void put_note(FILE *out, const char *indent, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "%s# ", indent);
	for (; *text; text++)
		fputc(*text == '\n' ? ' ' : *text, out);
	fputc('\n', out);
}

static void put_case(FILE *out, const char *indent, bool ok, unsigned number, const char *name)
{
	fprintf(out, "%s%s %u %s\n", indent, ok ? "ok" : "not ok", number, name);
}

/* Whether what was counted of one kind is as it should be; says so where there is something to say. */
static bool check_kind(const struct target_result *result, const struct judgement *judgement, enum violation kind,
		       FILE *out)
{
	uint64_t seen = counts_violations(&result->counts, kind);
	uint32_t bit = VIOLATION_BIT(kind);
	char text[256];

	if (result->claim == CLAIM_SOUND) {
		if (seen)
			snprintf(text, sizeof(text), "%s claims to be sound and is not: %s time%s", result->name,
				 number_grouped(seen).text, seen == 1 ? "" : "s");
	} else if (result->expected & bit) {
		if (judgement->caught)
			snprintf(text, sizeof(text), "%s is known bad and was caught: %s time%s", result->name,
				 number_grouped(seen).text, seen == 1 ? "" : "s");
		else
			snprintf(text, sizeof(text), "%s is known bad and was not caught", result->name);
	} else if (seen) {
		snprintf(text, sizeof(text), "%s is known bad, and this %s: %s time%s", result->name,
			 result->allowed & bit ? "comes along with it" : "is not how", number_grouped(seen).text,
			 seen == 1 ? "" : "s");
	}
	if (seen || (result->claim == CLAIM_CONTROL && result->expected & bit))
		put_note(out, INDENT, text);
	if (result->claim == CLAIM_CONTROL && result->expected & bit)
		return judgement->caught;
	return !seen || (result->claim == CLAIM_CONTROL && result->allowed & bit);
}

/* What stepping went through. */
static bool check_steps(const struct target_result *result, const struct judgement *judgement, FILE *out)
{
	const struct step_result *step = &result->step;
	char text[256];

	for (unsigned i = 0; i < step->passes; i++) {
		const struct step_pass *pass = &step->pass[i];

		/* A control that was caught needs no more. */
		if (!pass->counts.steps && judgement->caught)
			continue;
		snprintf(text, sizeof(text), "depth %u, %u strike%s on a write: %u of %u ring states, %s instructions",
			 pass->depth, pass->strikes, pass->strikes == 1 ? "" : "s", pass->scenarios, step->scenarios,
			 number_grouped(pass->counts.steps).text);
		put_note(out, INDENT, text);
	}
	return judgement->verdict != VERDICT_INCONCLUSIVE && judgement->verdict != VERDICT_ERROR;
}

/* Whether enough was tried to say anything. */
static bool check_exposure(const struct report *report, size_t at, FILE *out)
{
	const struct target_result *result = &report->results[at];
	const struct judgement *judgement = &report->judgements[at];
	const struct class_counts *class = result->counts.by_class;
	const struct sight *sight = &report->run->sight[result->tier];
	char text[320];

	snprintf(text, sizeof(text), "%s interrupts struck %s, %s of them followed by slow motion",
		 number_grouped(class[STRIKE_PLAIN].exposed + class[STRIKE_SLOW].exposed).text,
		 result->boundaries ? "an exposed boundary" : "a write",
		 number_grouped(class[STRIKE_SLOW].exposed).text);
	put_note(out, INDENT, text);
	if (result->failed || result->starved) {
		put_note(out, INDENT, judgement->reason);
		return false;
	}
	if (result->claim == CLAIM_CONTROL)
		return true;
	snprintf(text, sizeof(text), "%.1f weighed with the share that readers see, %.1f needed%s", judgement->exposure,
		 report->options->min_exposure, sight->caught ? "" : "; no control was caught, so they saw nothing");
	put_note(out, INDENT, text);
	return sight->caught && judgement->exposure >= report->options->min_exposure;
}

static void put_target(const struct report *report, size_t at, FILE *out)
{
	const struct target_result *result = &report->results[at];
	const struct judgement *judgement = &report->judgements[at];
	uint32_t checks = checks_of(report, result);
	unsigned number = 0;
	char name[96];

	snprintf(name, sizeof(name), "%s.%s", tier_name(result->tier), result->name);
	if (judgement->verdict == VERDICT_SKIP) {
		fprintf(out, "ok %zu %s # SKIP %s\n", at + 1, name, judgement->reason);
		return;
	}
	fprintf(out, INDENT "KTAP version 1\n" INDENT "# Subtest: %s\n" INDENT "1..%d\n", name,
		__builtin_popcount(checks) + 1);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (checks & VIOLATION_BIT(kind))
			put_case(out, INDENT, check_kind(result, judgement, kind, out), ++number, violation_name(kind));
	if (result->tier == TIER_STEP)
		put_case(out, INDENT, check_steps(result, judgement, out), number + 1, "coverage");
	else
		put_case(out, INDENT, check_exposure(report, at, out), number + 1, "exposure");
	put_note(out, "", judgement->reason);
	put_case(out, "", judgement->verdict == VERDICT_PASS, (unsigned)at + 1, name);
}

void report_ktap(const struct report *report, FILE *out)
{
	const struct run_judgement *run = report->run;
	char text[64];

	fprintf(out, "KTAP version 1\n1..%zu\n", report->count + 1);
	for (size_t i = 0; i < report->count; i++)
		put_target(report, i, out);
	if (run->verdict == VERDICT_SKIP) {
		fprintf(out, "ok %zu verdict # SKIP %s\n", report->count + 1, run->reason);
		return;
	}
	if (report->stopped_by) {
		snprintf(text, sizeof(text), "stopped by signal %d", report->stopped_by);
		put_note(out, "", text);
	}
	snprintf(text, sizeof(text), "%s, seed 0x%llx", verdict_name(run->verdict),
		 (unsigned long long)report->options->seed);
	put_note(out, "", text);
	put_note(out, "", run->verdict == VERDICT_PASS ? run->strength : run->reason);
	put_case(out, "", run->verdict == VERDICT_PASS, (unsigned)report->count + 1, "verdict");
}
