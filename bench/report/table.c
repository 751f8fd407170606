/* SPDX-License-Identifier: MIT */
/*
 * table.c - ns a record and ratios: a table for each mode, ring and place
 */
#define _GNU_SOURCE
#include <math.h>

#include "contestant.h"
#include "number.h"
#include "text_parts.h"

/* One table: cells that differ in contestant, depth and payload alone. */
struct table {
	struct cell like; /* mode, size, writers, depth */
	enum place place;
};

static bool belongs(const struct table *table, const struct cell *cell)
{
	return cell->mode == table->like.mode && cell->data_size == table->like.data_size &&
	       cell->writers == table->like.writers;
}

static int cell_of(const struct bench_report *report, const struct table *table, uint32_t contestant, uint32_t depth,
		   uint32_t payload)
{
	struct cell wanted = table->like;

	wanted.contestant = contestant;
	wanted.depth = depth;
	wanted.payload = payload;
	return plan_find(report->plan, &wanted);
}

/* In how many processes one of its cells was measured there, at most. */
static unsigned most_processes(const struct bench_report *report, const struct table *table)
{
	unsigned most = 0;

	for (unsigned i = 0; i < report->plan->cells; i++) {
		struct estimate ns;

		if (!belongs(table, &report->plan->cell[i]))
			continue;
		ns = summary_ns_estimate(report->measured, i, table->place);
		most = ns.count > most ? ns.count : most;
	}
	return most;
}

static void print_heading(const struct table *table, FILE *out)
{
	const struct cell *like = &table->like;

	fprintf(out, "\n%s", mode_table[like->mode].name);
	if (like->mode == MODE_WRITERS)
		fprintf(out, ", %u", like->writers);
	if (cell_crosses(like))
		fprintf(out, ", %s", place_text(table->place));
	fprintf(out, ", a ring of %s bytes: %s\n", number_grouped(like->data_size).text,
		mode_table[like->mode].summary);
}

/* The payloads of a table, in the order of the plan. Return: how many. */
static unsigned payloads_of(const struct bench_report *report, const struct table *table, uint32_t *payload)
{
	unsigned count = 0;

	for (unsigned i = 0; i < report->plan->cells && count < PLAN_PAYLOADS; i++) {
		const struct cell *cell = &report->plan->cell[i];
		bool known = !belongs(table, cell);

		for (unsigned p = 0; p < count && !known; p++)
			known = payload[p] == cell->payload;
		if (!known)
			payload[count++] = cell->payload;
	}
	return count;
}

static void print_cell(const struct bench_report *report, const struct table *table, int cell, FILE *out)
{
	const struct plan *plan = report->plan;
	char text[64];
	struct estimate ns, ratio;

	if (cell < 0) {
		fprintf(out, "  %24s", "");
		return;
	}
	ns = summary_ns_estimate(report->measured, (unsigned)cell, table->place);
	fprintf(out, "  %6s", digits(text, sizeof(text), ns.value));
	if (plan->cell[cell].reference == cell) {
		fprintf(out, "  %16s", isfinite(ns.value) ? "1" : "");
		return;
	}
	ratio = summary_ratio_estimate(report->measured, (unsigned)cell, (unsigned)plan->cell[cell].reference,
				       table->place);
	print_estimate(out, &ratio, 18);
}

static void print_row(const struct bench_report *report, const struct table *table, uint32_t contestant, uint32_t depth,
		      const uint32_t *payload, unsigned columns, FILE *out)
{
	char name[48];
	bool any = false;

	for (unsigned p = 0; p < columns; p++)
		any |= cell_of(report, table, contestant, depth, payload[p]) >= 0;
	if (!any)
		return;
	snprintf(name, sizeof(name), table->like.mode == MODE_NESTED ? "%s, %u" : "%s",
		 contestant_table[contestant]->name, depth);
	fprintf(out, "%-14s", name);
	for (unsigned p = 0; p < columns; p++)
		print_cell(report, table, cell_of(report, table, contestant, depth, payload[p]), out);
	fputc('\n', out);
}

static void print_table(const struct bench_report *report, const struct table *table, FILE *out)
{
	uint32_t payload[PLAN_PAYLOADS];
	unsigned payloads = payloads_of(report, table, payload);

	print_heading(table, out);
	for (unsigned first = 0; first < payloads; first += COLUMNS) {
		unsigned columns = payloads - first < COLUMNS ? payloads - first : COLUMNS;

		fprintf(out, "%-14s", "");
		for (unsigned p = 0; p < columns; p++)
			fprintf(out, "  %5u B %17s", payload[first + p], "ratio [95 %]");
		fputc('\n', out);
		for (uint32_t c = 0; contestant_table[c]; c++)
			for (uint32_t depth = 0; depth <= PLAN_DEPTH; depth++)
				print_row(report, table, c, depth, payload + first, columns, out);
	}
}

/* Shares that were dropped, and percentiles: what these modes are about. */
static void print_dropped(const struct bench_report *report, const struct table *table, FILE *out)
{
	for (unsigned i = 0; i < report->plan->cells && table->like.mode == MODE_DROPPING; i++) {
		const struct cell *cell = &report->plan->cell[i];
		struct cell_counts counts = summary_counts(report->measured, i, table->place);

		if (belongs(table, cell) && counts.repetitions)
			fprintf(out, "  %s, %u B: %s dropped\n", contestant_table[cell->contestant]->name,
				cell->payload, number_percent(counts.dropped).text);
	}
}

static void print_latencies(const struct bench_report *report, const struct table *table, FILE *out)
{
	static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
	static struct histogram histogram;

	if (table->like.mode != MODE_LATENCY)
		return;
	fprintf(out, "  %-24s %11s %9s %9s %9s %9s %9s\n", "", "records", "50 %", "90 %", "99 %", "99.9 %", "max");
	for (unsigned i = 0; i < report->plan->cells; i++) {
		const struct cell *cell = &report->plan->cell[i];
		char name[48];

		if (!belongs(table, cell))
			continue;
		summary_latency(report->measured, i, table->place, &histogram);
		snprintf(name, sizeof(name), "%s, %u B", contestant_table[cell->contestant]->name, cell->payload);
		fprintf(out, "  %-24s %11s", name, number_grouped(histogram.count).text);
		for (unsigned s = 0; s < sizeof(shares) / sizeof(shares[0]); s++)
			fprintf(out, " %9s", number_duration(histogram_percentile(&histogram, shares[s])).text);
		fprintf(out, " %9s\n", number_duration(histogram.max).text);
	}
}

/* What several writers make together. */
static void print_scaling(const struct bench_report *report, const struct table *table, FILE *out)
{
	for (unsigned i = 0; i < report->plan->cells && table->like.writers > 1; i++) {
		const struct cell *cell = &report->plan->cell[i];
		struct estimate scaling;

		if (!belongs(table, cell))
			continue;
		scaling = summary_ratio_estimate(report->measured, (unsigned)cell->reference, i, table->place);
		if (isfinite(scaling.value))
			fprintf(out, "  %s, %u B: %u writers make %.2f times the records of one, %s of ideal\n",
				contestant_table[cell->contestant]->name, cell->payload, cell->writers,
				scaling.value * cell->writers, number_percent(scaling.value).text);
	}
}

/* What one more write costs within those that are there already. */
static void print_depths(const struct bench_report *report, const struct table *table, FILE *out)
{
	for (unsigned i = 0; i < report->plan->cells && table->like.mode == MODE_NESTED; i++) {
		const struct cell *cell = &report->plan->cell[i];
		struct cell outer = *cell;
		struct estimate with, without;
		int found;

		if (!belongs(table, cell) || !cell->depth)
			continue;
		outer.depth--;
		found = plan_find(report->plan, &outer);
		with = summary_ns_estimate(report->measured, i, table->place);
		without = summary_ns_estimate(report->measured, found < 0 ? i : (unsigned)found, table->place);
		if (found >= 0 && isfinite(with.value - without.value))
			fprintf(out, "  %s, %u B: the write at depth %u adds %.1f ns\n",
				contestant_table[cell->contestant]->name, cell->payload, cell->depth,
				with.value * (cell->depth + 1) - without.value * cell->depth);
	}
}

static void print_counted(const struct bench_report *report, const struct table *table, FILE *out)
{
	for (unsigned i = 0; i < report->plan->cells; i++) {
		const struct cell *cell = &report->plan->cell[i];
		struct cell_counts counts = summary_counts(report->measured, i, table->place);

		if (belongs(table, cell) && isfinite(counts.instructions))
			fprintf(out, "  %s, %u B: %.1f instructions, %.1f cycles a record\n",
				contestant_table[cell->contestant]->name, cell->payload, counts.instructions,
				counts.cycles);
	}
}

/* What is told of one mode at one place. */
static void print_all_of(const struct bench_report *report, const struct table *table, FILE *out)
{
	print_table(report, table, out);
	print_dropped(report, table, out);
	print_latencies(report, table, out);
	print_scaling(report, table, out);
	print_depths(report, table, out);
	print_counted(report, table, out);
}

/* At each place where enough was measured to tell how far it is to be trusted, or most of what there is. */
static void print_places_of(const struct bench_report *report, const struct cell *like, FILE *out)
{
	unsigned processes[PLACES] = { 0 }, most = 0;
	struct table table = { .like = *like };

	for (unsigned place = PLACE_ONE; place < PLACES; place++) {
		table.place = (enum place)place;
		if ((place == PLACE_ONE) != cell_crosses(like))
			processes[place] = most_processes(report, &table);
		most = processes[place] > processes[most] ? place : most;
	}
	for (unsigned place = PLACE_ONE; place < PLACES; place++) {
		table.place = (enum place)place;
		if (processes[place] >= INTERVAL_MIN || (processes[place] && place == most))
			print_all_of(report, &table, out);
		else if (processes[place])
			fprintf(out, "\n%s, %s: in too few processes to tell, see the JSON\n",
				mode_table[like->mode].name, place_text((enum place)place));
	}
}

void print_tables(const struct bench_report *report, FILE *out)
{
	const struct plan *plan = report->plan;

	for (unsigned i = 0; i < plan->cells; i++) {
		const struct table table = { .like = plan->cell[i] };
		bool known = false;

		for (unsigned before = 0; before < i && !known; before++)
			known = belongs(&table, &plan->cell[before]);
		if (!known)
			print_places_of(report, &plan->cell[i], out);
	}
}
