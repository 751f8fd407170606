/* SPDX-License-Identifier: MIT */
/*
 * text.c - a run as people read it: where it ran, a table, what was seen, and last one line with the verdict
 */
#define _GNU_SOURCE
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

/* ---- header ---- */

/* "gcc 12.2 -O2" of "gcc (Debian 12.2.0-14) 12.2.0" and "-g -O2" */
static void add_compiler(struct line *line, const char *compiler, const char *flags)
{
	const char *version = "", *optimise = "-O0", *sanitise = "";
	unsigned parentheses = 0;
	unsigned major, minor;

	for (const char *at = compiler; *at; at++) {
		parentheses += *at == '(';
		parentheses -= *at == ')' && parentheses;
		if (!parentheses && at > compiler && at[-1] == ' ' && sscanf(at, "%u.%u", &major, &minor) == 2) {
			version = at;
			break;
		}
	}
	for (const char *at = flags; (at = strstr(at, "-O")); at++)
		if (at == flags || at[-1] == ' ')
			optimise = at;
	sanitise = strstr(flags, "-fsanitize=");
	if (strstr(compiler, "clang"))
		line_add(line, "clang");
	else
		line_add(line, "%.*s", (int)strcspn(compiler, " "), compiler);
	if (version[0])
		line_add(line, " %u.%u", major, minor);
	line_add(line, " %.*s", (int)strcspn(optimise, " "), optimise);
	if (sanitise)
		line_add(line, " %.*s", (int)strcspn(sanitise, " "), sanitise);
}

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? -1 : x > y;
}

/* "   cpu0-2,5 write"; nothing for none. @verb: one does it; @verbs: several do. */
static void add_cpus(struct line *line, unsigned *cpus, unsigned count, const char *verb, const char *verbs)
{
	unsigned distinct = 0;

	if (!count)
		return;
	qsort(cpus, count, sizeof(*cpus), by_number);
	for (unsigned i = 0; i < count; i++) {
		unsigned last = i;

		while (last + 1 < count && cpus[last + 1] - cpus[last] <= 1)
			last++;
		line_add(line, "%s%u", distinct ? "," : "cpu", cpus[i]);
		if (cpus[last] != cpus[i])
			line_add(line, "-%u", cpus[last]);
		distinct += 1 + (cpus[last] != cpus[i]);
		i = last;
	}
	line_add(line, " %s", distinct > 1 || count > 1 ? verbs : verb);
}

static void add_placement(struct line *line, const struct placement *placement, enum tier tier)
{
	unsigned writers[PLACEMENT_MAX], kickers[PLACEMENT_MAX], consumers[PLACEMENT_MAX], pollers[PLACEMENT_MAX];
	unsigned consuming = 0, polling = 0;

	for (unsigned i = 0; i < placement->writers; i++) {
		writers[i] = placement->writer[i].cpu;
		kickers[i] = placement->writer[i].kicker_cpu;
	}
	for (unsigned i = 0; i < placement->readers; i++) {
		if (placement->reader[i].consumer)
			consumers[consuming++] = placement->reader[i].cpu;
		else
			pollers[polling++] = placement->reader[i].cpu;
	}
	add_cpus(line, writers, placement->writers, "writes", "write");
	line_add(line, "%s", consuming ? ", " : "");
	add_cpus(line, consumers, consuming, "reads", "read");
	line_add(line, "%s", polling ? ", " : "");
	add_cpus(line, pollers, polling, "polls", "poll");
	if (tier == TIER_KICK) {
		line_add(line, ", ");
		add_cpus(line, kickers, placement->writers, "kicks", "kick");
	}
	if (placement->oversubscribed)
		line_add(line, " (more threads than CPUs)");
}

static void add_rate(struct line *line, const struct report *report, enum tier tier)
{
	const struct options *options = report->options;
	uint64_t strikes = 0, elapsed_ns = 0;

	for (size_t i = 0; i < report->count; i++) {
		if (report->results[i].tier != tier)
			continue;
		strikes += strikes_of(&report->results[i].counts);
		elapsed_ns += report->results[i].counts.elapsed_ns;
	}
	/* elapsed_ns is writer time, so this is what each writer got. */
	line_add(line, "%s interrupts/s%s ", number_short(per_second(strikes, elapsed_ns)).text,
		 report->placement->writers > 1 ? " a writer" : "");
	if (tier == TIER_AIM)
		line_add(line, "(where it is aimed)");
	else if (!options->rate_hz)
		line_add(line, "(steered)");
	else if (report->rate_limit_hz)
		line_add(line, "(asked for %s a level, cut to %s)", number_grouped(options->rate_hz).text,
			 number_grouped(report->rate_limit_hz).text);
	else
		line_add(line, "(asked for %s a level)", number_grouped(options->rate_hz).text);
}

/* What all targets of the step tier together came to. */
static void put_step_tier(const struct report *report, FILE *out)
{
	struct step_counts sum = { .steps = 0 };
	struct line line = { .at = 0 };
	unsigned scenarios = 0;
	const char *stepper = "";

	for (size_t i = 0; i < report->count; i++) {
		const struct step_result *step = &report->results[i].step;

		if (report->results[i].tier != TIER_STEP)
			continue;
		scenarios = step->scenarios;
		stepper = step->stepper;
		for (unsigned pass = 0; pass < step->passes; pass++) {
			sum.steps += step->pass[pass].counts.steps;
			sum.strikes += step->pass[pass].counts.strikes;
			sum.ns += step->pass[pass].counts.ns;
		}
	}
	line_add(&line, "to depth %u   %u ring states   %s   %s instructions and %s strikes in %s (%s strikes/s)",
		 report->options->depth, scenarios, !strcmp(stepper, "trap") ? "by the trap flag" : "by ptrace",
		 number_short(sum.steps).text, number_short(sum.strikes).text, number_duration(sum.ns).text,
		 number_short(per_second(sum.strikes, sum.ns)).text);
	line_put(&line, out, tier_name(TIER_STEP), 7, 3);
}

static void put_tier(const struct report *report, enum tier tier, FILE *out)
{
	const char *obstacle = tier_obstacle(report, tier);
	size_t length = strlen(tier_name(tier));
	struct line line = { .at = 0 };

	if (obstacle) {
		/* The tier's name stands there already. */
		if (!strncmp(obstacle, tier_name(tier), length) && !strncmp(obstacle + length, ": ", 2))
			obstacle += length + 2;
		line_add(&line, "SKIP: %s", obstacle);
		line_put(&line, out, tier_name(tier), 7, 1);
		return;
	}
	if (tier == TIER_STEP) {
		put_step_tier(report, out);
		return;
	}
	if (tier == TIER_KERNEL) {
		text_kernel_tier(report, out);
		return;
	}
	line_add(&line, "%s a target in slices of %s   ", number_duration(report->target_ns).text,
		 number_duration(report->slice_ns).text);
	add_placement(&line, report->placement, tier);
	line_add(&line, "   %d levels   ", LEVELS - 1);
	add_rate(&line, report, tier);
	line_put(&line, out, tier_name(tier), 7, 3);
}

static void put_header(const struct report *report, FILE *out)
{
	const struct environment *environment = report->environment;
	struct line line = { .at = 0 };

	line_add(&line, "%s   %s   Linux %s   seed 0x%" PRIx64 "   ", environment->version, report->topology->summary,
		 environment->kernel_short, report->options->seed);
	add_compiler(&line, environment->compiler, environment->compiler_flags);
	line_put(&line, out, "nrb-stress", 11, 3);
	for (unsigned tier = 0; tier < TIERS; tier++) {
		size_t targets = 0;

		for (size_t i = 0; i < report->count; i++)
			targets += report->results[i].tier == tier;
		if (targets)
			put_tier(report, tier, out);
	}
	if (report->step_missing && report->step_missing[0]) {
		line_add(&line, "not here: %s", report->step_missing + (strstr(report->step_missing, ": ") ? 6 : 0));
		line_put(&line, out, tier_name(TIER_STEP), 7, 1);
	}
	fputc('\n', out);
}

/* ---- last line ---- */

/* Always one line, whatever its length: it is what scripts look at. */
static void put_verdict(const struct report *report, FILE *out, bool color)
{
	static const char *const colors[VERDICTS] = {
		[VERDICT_PASS] = GREEN, [VERDICT_SKIP] = YELLOW, [VERDICT_INCONCLUSIVE] = YELLOW,
		[VERDICT_ERROR] = RED,  [VERDICT_FAIL] = RED,
	};
	const struct run_judgement *run = report->run;
	const char *text = run->verdict == VERDICT_PASS ? run->strength : run->reason;

	if (color)
		fprintf(out, BOLD "%s%s" PLAIN "   ", colors[run->verdict], verdict_name(run->verdict));
	else
		fprintf(out, "%s   ", verdict_name(run->verdict));
	if (report->stopped_by) {
		const char *name = sigabbrev_np(report->stopped_by);

		fprintf(out, "interrupted by ");
		if (name)
			fprintf(out, "SIG%s", name);
		else
			fprintf(out, "signal %d", report->stopped_by);
		fprintf(out, " after %s%s", number_duration(report->wall_ns).text, text[0] ? ": " : "");
	}
	fprintf(out, "%s\n", text);
}

void report_text(const struct report *report, FILE *out, const struct text_style *style)
{
	if (!style->quiet) {
		put_header(report, out);
		if (report->count)
			text_tables(report, out, style->color);
		text_details(report, out, style);
		if (style->map)
			text_map(report, out);
	}
	put_verdict(report, out, style->color);
}
