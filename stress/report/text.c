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

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[m"

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

static void put_tier(const struct report *report, enum tier tier, FILE *out)
{
	const char *obstacle = tier_obstacle(report, tier);
	struct line line = { .at = 0 };

	if (obstacle) {
		/* It begins with the tier's name, which stands there already. */
		line_add(&line, "SKIP: %s", obstacle + (strstr(obstacle, ": ") ? strlen(tier_name(tier)) + 2 : 0));
		line_put(&line, out, tier_name(tier), 7, 1);
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
	fputc('\n', out);
}

/* ---- table ---- */

enum column {
	COLUMN_TARGET,
	COLUMN_TIER,
	COLUMN_RECORDS,
	COLUMN_INTERRUPTS,
	COLUMN_DEEPEST,
	COLUMN_WINDOW,
	COLUMN_PLAIN,
	COLUMN_SLOW,
	COLUMN_IN_SLOW,
	COLUMN_OTHER,
	COLUMN_VERDICT,
	COLUMNS
};

struct row {
	char cell[COLUMNS][96];
	const char *color; /* of the verdict */
};

#define cell_print(row, column, ...) snprintf((row)->cell[column], sizeof((row)->cell[column]), __VA_ARGS__)

static void fill_verdict(struct row *row, const struct target_result *result, const struct judgement *judgement)
{
	bool control = result->claim == CLAIM_CONTROL;
	const char *text;

	row->color = YELLOW;
	if (judgement->verdict == VERDICT_ERROR || judgement->verdict == VERDICT_SKIP) {
		text = verdict_name(judgement->verdict);
		row->color = judgement->verdict == VERDICT_ERROR ? RED : YELLOW;
	} else if (control && !result->expected) {
		text = "KNOWN BAD, rarely shows";
	} else if (control) {
		text = judgement->caught ? "KNOWN BAD, caught" : "KNOWN BAD, not caught";
		row->color = judgement->caught ? GREEN : YELLOW;
	} else if (judgement->verdict == VERDICT_FAIL) {
		text = "sound, VIOLATED";
		row->color = RED;
	} else if (judgement->verdict == VERDICT_PASS) {
		text = "sound, clean";
		row->color = "";
	} else {
		text = "clean, INCONCLUSIVE";
	}
	cell_print(row, COLUMN_VERDICT, "%s", text);
}

/* "2 / 1,930": seen, of those that happened; without the latter where none is known to have. */
static void fill_seen(struct row *row, enum column column, uint64_t seen, uint64_t happened)
{
	if (happened)
		cell_print(row, column, "%s / %s", number_short(seen).text, number_short(happened).text);
	else
		cell_print(row, column, "%s", number_short(seen).text);
}

static void fill_row(struct row *row, const struct target_result *result, const struct judgement *judgement)
{
	const struct counts *counts = &result->counts;
	const struct class_counts *class = counts->by_class;
	uint64_t other =
		counts_violations_except(counts, VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL));
	unsigned deepest = LEVELS;

	while (deepest && !counts->strikes_by_depth[deepest])
		deepest--;
	cell_print(row, COLUMN_TARGET, "%s", result->name);
	cell_print(row, COLUMN_TIER, "%s", tier_name(result->tier));
	cell_print(row, COLUMN_RECORDS, "%s", number_short(counts->records).text);
	cell_print(row, COLUMN_INTERRUPTS, "%s", number_short(strikes_of(counts)).text);
	cell_print(row, COLUMN_DEEPEST, "%u", deepest);
	cell_print(row, COLUMN_WINDOW, "%s",
		   number_short(class[STRIKE_PLAIN].exposed + class[STRIKE_SLOW].exposed).text);
	fill_seen(row, COLUMN_PLAIN, class[STRIKE_PLAIN].seen, class[STRIKE_PLAIN].decreasing);
	fill_seen(row, COLUMN_SLOW, class[STRIKE_SLOW].seen, class[STRIKE_SLOW].decreases);
	cell_print(row, COLUMN_IN_SLOW, "%s", number_short(class[STRIKE_IN_SLOW].seen).text);
	cell_print(row, COLUMN_OTHER, "%s", number_short(other).text);
	fill_verdict(row, result, judgement);
}

static void put_row(FILE *out, const struct row *row, const int *width, bool color)
{
	for (unsigned column = 0; column < COLUMN_VERDICT; column++) {
		if (!width[column])
			continue;
		fprintf(out, "%*s  ", column <= COLUMN_TIER ? -width[column] : width[column], row->cell[column]);
	}
	fprintf(out, "%s%s%s\n", color ? row->color : "", row->cell[COLUMN_VERDICT],
		color && row->color[0] ? PLAIN : "");
}

/* Whether strikes are told by the exposed boundary; else by the write that they fell into. */
static bool boundaries_known(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (!report->results[i].boundaries)
			return false;
	return true;
}

static void put_table(const struct report *report, FILE *out, bool color)
{
	static const char *const heads[COLUMNS] = { "target",  "tier",      "records",    "interrupts",
						    "deepest", "in window", "plain seen", "slow seen",
						    "in slow", "other",     "verdict" };
	struct row *rows = calloc(report->count + 1, sizeof(*rows));
	int width[COLUMNS] = { 0 };

	if (!rows)
		return;
	rows[0].color = "";
	for (unsigned column = 0; column < COLUMNS; column++)
		cell_print(&rows[0], column, "%s", heads[column]);
	if (!boundaries_known(report))
		cell_print(&rows[0], COLUMN_WINDOW, "in write");
	for (size_t i = 0; i < report->count; i++)
		fill_row(&rows[i + 1], &report->results[i], &report->judgements[i]);
	for (size_t i = 0; i <= report->count; i++)
		for (unsigned column = 0; column < COLUMNS; column++)
			if ((int)strlen(rows[i].cell[column]) > width[column])
				width[column] = (int)strlen(rows[i].cell[column]);
	if (one_tier(report))
		width[COLUMN_TIER] = 0;
	for (size_t i = 0; i <= report->count; i++)
		put_row(out, &rows[i], width, color);
	fputc('\n', out);
	free(rows);
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
			put_table(report, out, style->color);
		text_details(report, out, style);
		if (style->map)
			text_map(report, out);
	}
	put_verdict(report, out, style->color);
}
