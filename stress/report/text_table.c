/* SPDX-License-Identifier: MIT */
/*
 * text_table.c - the tables of the text report: a line for each target, in each tier
 */
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#include "number.h"

#define COLUMNS_MAX 12

struct row {
	char cell[COLUMNS_MAX][96]; /* the last is the verdict */
	const char *color;          /* of the verdict */
};

struct table {
	struct row *row; /* the first is the head */
	unsigned rows, columns;
	unsigned left; /* so many columns from the left are aligned there */
};

#define cell_print(row, column, ...) snprintf((row)->cell[column], sizeof((row)->cell[column]), __VA_ARGS__)

static void fill_verdict(struct row *row, const struct target_result *result, const struct judgement *judgement,
			 unsigned column)
{
	bool control = result->claim == CLAIM_CONTROL;
	const char *text;

	row->color = YELLOW;
	if (result->idle) {
		cell_print(row, column, "nothing to aim at");
		return;
	}
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
	cell_print(row, column, "%s", text);
}

static bool table_open(struct table *table, const struct report *report, const char *const *heads, unsigned columns,
		       unsigned left)
{
	*table = (struct table) {
		.row = calloc(report->count + 1, sizeof(*table->row)), .rows = 1, .columns = columns, .left = left
	};
	if (!table->row)
		return false;
	for (unsigned column = 0; column < columns; column++)
		cell_print(&table->row[0], column, "%s", heads[column]);
	table->row[0].color = "";
	return true;
}

static void put_row(const struct table *table, const struct row *row, const int *width, FILE *out, bool color)
{
	unsigned last = table->columns - 1;

	for (unsigned column = 0; column < last; column++)
		if (width[column])
			fprintf(out, "%*s  ", column < table->left ? -width[column] : width[column], row->cell[column]);
	fprintf(out, "%s%s%s\n", color ? row->color : "", row->cell[last], color && row->color[0] ? PLAIN : "");
}

/* A column whose cells are all empty, but for the head, is left out. */
static void table_put(struct table *table, FILE *out, bool color)
{
	int width[COLUMNS_MAX] = { 0 };

	for (unsigned column = 0; column < table->columns; column++) {
		for (unsigned i = 1; i < table->rows; i++)
			if ((int)strlen(table->row[i].cell[column]) > width[column])
				width[column] = (int)strlen(table->row[i].cell[column]);
		if (width[column] && (int)strlen(table->row[0].cell[column]) > width[column])
			width[column] = (int)strlen(table->row[0].cell[column]);
	}
	for (unsigned i = 0; i < table->rows && table->rows > 1; i++)
		put_row(table, &table->row[i], width, out, color);
	if (table->rows > 1)
		fputc('\n', out);
	free(table->row);
}

/* ---- the step tier ---- */

enum {
	STEP_TARGET,
	STEP_BOUNDARIES,
	STEP_MASKED,
	STEP_PAIRS,
	STEP_TRIPLES,
	STEP_TWICE,
	STEP_STEPS,
	STEP_TIME,
	STEP_VERDICT,
	STEP_COLUMNS
};

/* "119,774", or "22,842 (2/14)" where time or need did not go further. */
static void fill_pass(struct row *row, unsigned column, const struct step_result *step, const struct step_pass *pass)
{
	uint64_t tuples = pass->strikes > 1 ? pass->counts.twice : pass->counts.tuples[pass->depth];

	if (!pass->counts.steps)
		cell_print(row, column, "-");
	else if (pass->scenarios == step->scenarios)
		cell_print(row, column, "%s", number_grouped(tuples).text);
	else
		cell_print(row, column, "%s (%u/%u)", number_grouped(tuples).text, pass->scenarios, step->scenarios);
}

static void fill_stepped(struct row *row, const struct target_result *result, const struct judgement *judgement)
{
	static const unsigned columns[LEVELS] = { [1] = STEP_BOUNDARIES, [2] = STEP_PAIRS, [3] = STEP_TRIPLES };
	const struct step_result *step = &result->step;
	uint64_t steps = 0, ns = 0;

	cell_print(row, STEP_TARGET, "%s", result->name);
	for (unsigned i = 0; i < step->passes; i++) {
		const struct step_pass *pass = &step->pass[i];

		if (pass->strikes == 1)
			fill_pass(row, columns[pass->depth], step, pass);
		else if (pass->depth == 1)
			fill_pass(row, STEP_TWICE, step, pass);
		steps += pass->counts.steps;
		ns += pass->counts.ns;
	}
	if (step->pass[0].counts.masked)
		cell_print(row, STEP_MASKED, "%s", number_grouped(step->pass[0].counts.masked).text);
	cell_print(row, STEP_STEPS, "%s", number_grouped(steps).text);
	cell_print(row, STEP_TIME, "%s", number_duration(ns).text);
	fill_verdict(row, result, judgement, STEP_VERDICT);
}

static void put_stepped(const struct report *report, FILE *out, bool color)
{
	static const char *const heads[STEP_COLUMNS] = { "target", "boundaries",   "masked", "nested pairs", "triples",
							 "twice",  "instructions", "time",   "verdict" };
	struct table table;

	if (!table_open(&table, report, heads, STEP_COLUMNS, 1))
		return;
	for (size_t i = 0; i < report->count; i++)
		if (report->results[i].tier == TIER_STEP)
			fill_stepped(&table.row[table.rows++], &report->results[i], &report->judgements[i]);
	table_put(&table, out, color);
}

/* ---- the sampled tiers ---- */

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

/* "2 / 1,930": seen, of those that happened; without the latter where none is known to have. */
static void fill_seen(struct row *row, enum column column, uint64_t seen, uint64_t happened)
{
	if (happened)
		cell_print(row, column, "%s / %s", number_short(seen).text, number_short(happened).text);
	else
		cell_print(row, column, "%s", number_short(seen).text);
}

static void fill_row(struct row *row, const struct target_result *result, const struct judgement *judgement, bool tier)
{
	const struct counts *counts = &result->counts;
	const struct class_counts *class = counts->by_class;
	uint64_t other =
		counts_violations_except(counts, VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL));
	unsigned deepest = LEVELS;

	while (deepest && !counts->strikes_by_depth[deepest])
		deepest--;
	cell_print(row, COLUMN_TARGET, "%s", result->name);
	if (tier)
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
	fill_verdict(row, result, judgement, COLUMN_VERDICT);
}

/* Whether strikes are told by the exposed boundary; else by the write that they fell into. */
static bool boundaries_known(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->results[i].tier != TIER_STEP && report->results[i].tier != TIER_KERNEL &&
		    !report->results[i].boundaries && !report->results[i].boundaries_complete)
			return false;
	return true;
}

static void put_sampled(const struct report *report, FILE *out, bool color)
{
	static const char *const heads[COLUMNS] = { "target",  "tier",      "records",    "interrupts",
						    "deepest", "in window", "plain seen", "slow seen",
						    "in slow", "other",     "verdict" };
	struct table table;

	if (!table_open(&table, report, heads, COLUMNS, 2))
		return;
	if (!boundaries_known(report))
		cell_print(&table.row[0], COLUMN_WINDOW, "in write");
	for (size_t i = 0; i < report->count; i++)
		if (report->results[i].tier != TIER_STEP)
			fill_row(&table.row[table.rows++], &report->results[i], &report->judgements[i],
				 !one_sampled_tier(report));
	table_put(&table, out, color);
}

void text_tables(const struct report *report, FILE *out, bool color)
{
	put_stepped(report, out, color);
	put_sampled(report, out, color);
}
