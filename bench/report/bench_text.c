/* SPDX-License-Identifier: MIT */
/*
 * bench_text.c - a run as text for people: all but its tables
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asked.h"
#include "contestant.h"
#include "number.h"
#include "text_parts.h"

const char *digits(char *text, size_t size, double value)
{
	if (!isfinite(value))
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
	return text;
}

void print_estimate(FILE *out, const struct estimate *estimate, int width)
{
	char value[32], low[32], high[32], text[112];

	digits(value, sizeof(value), estimate->value);
	if (isfinite(estimate->low))
		snprintf(text, sizeof(text), "%s [%s %s]", value, digits(low, sizeof(low), estimate->low),
			 digits(high, sizeof(high), estimate->high));
	else
		snprintf(text, sizeof(text), "%s", value);
	fprintf(out, "%*s", width, text);
}

/* ---- what it was measured on ---- */

static void print_places(const struct bench_report *report, FILE *out)
{
	struct place_counts counts;

	summary_places(report->measured, &counts);
	for (unsigned place = PLACE_NEAR; place < PLACES; place++)
		if (counts.repetitions[place])
			fprintf(out, "  %s repetitions across %s: round trip %.0f ns\n",
				number_grouped(counts.repetitions[place]).text, place_text((enum place)place),
				counts.trip_ns[place]);
	if (report->plan->cpus < 2)
		fprintf(out, "  one CPU: what takes two is not measured\n");
	else
		fprintf(out,
			"  %s discarded, whose CPUs moved meanwhile (round trips below %d ns: one core; %d: one "
			"cache)\n",
			number_grouped(counts.repetitions[PLACE_MIXED]).text, PROBE_CACHE_NS, PROBE_FAR_NS);
	fprintf(out, "  %s discarded, in which others ran on our CPUs\n",
		number_grouped(counts.repetitions[PLACE_DISTURBED]).text);
}

static void print_machine(const struct bench_report *report, FILE *out)
{
	const struct environment *environment = report->environment;
	const struct measured *measured = report->measured;
	const struct plan *plan = report->plan;
	int counters = measured->processes ? measured->process[0]->counters : -ENOENT;

	fprintf(out, "nrb-bench %s   %s   Linux %s   %s %s\n", environment->version, report->topology->summary,
		environment->kernel_short, environment->compiler, environment->compiler_flags);
	fprintf(out, "%s%s%s   clock %s   revision %s\n", environment->cpu_model,
		environment->hypervisor[0] ? "   under " : "", environment->hypervisor, environment->clocksource,
		environment->revision);
	fprintf(out, "%u processes of up to %u repetitions of %s, in %s", measured->processes, plan->repetitions,
		number_duration(plan->time_ns).text, number_duration(measured->wall_ns).text);
	fprintf(out, plan->cpus > 1 ? "; cpu%u writes, cpu%u reads\n" : "; cpu%u writes\n", plan->cpu[0],
		plan->cpus > 1 ? plan->cpu[1] : 0);
	print_places(report, out);
	if (report->stolen.steal_ns)
		fprintf(out, "the hypervisor took %s of these CPUs meanwhile\n",
			number_duration(report->stolen.steal_ns).text);
	if (counters)
		fprintf(out, "no hardware counters: %s\n", counters_explain(counters));
	if (measured->failed)
		fprintf(out, "%u processes failed: %s\n", measured->failed, measured->message);
	if (measured->stopped_by)
		fprintf(out, "interrupted by SIG%s: %u of %u processes\n", sigabbrev_np(measured->stopped_by),
			measured->processes, plan->processes);
	if (plan->slow_percent)
		fprintf(out, "NRB_BENCH_SLOW: %s is slowed down by %u %%, on purpose\n",
			contestant_table[plan->slow_contestant]->name, plan->slow_percent);
}

/* ---- what could not be measured ---- */

static void print_missing(const struct bench_report *report, FILE *out)
{
	const struct plan *plan = report->plan;
	bool first = true;

	for (uint32_t c = 0; contestant_table[c]; c++) {
		const char *why = contestant_table[c]->absent ? contestant_table[c]->absent() : NULL;

		if (!why)
			continue;
		fprintf(out, "%s%s: %s\n", first ? "\nnot measured\n  " : "  ", contestant_table[c]->name, why);
		first = false;
	}
	for (unsigned i = 0; i < plan->cells; i++) {
		const struct cell *cell = &plan->cell[i];
		int status = summary_status(report->measured, i);

		if (!status || status == -EOPNOTSUPP)
			continue;
		fprintf(out, "%s%s, %s, %u B: %s\n", first ? "\nnot measured\n  " : "  ",
			contestant_table[cell->contestant]->name, mode_table[cell->mode].name, cell->payload,
			status == -ETIME ? "it stood still for two seconds" : strerror(-status));
		first = false;
	}
}

/* ---- what is asked of libnrb ---- */

/* Where it was measured most often. */
static enum place usual_place(const struct bench_report *report, unsigned above, unsigned below)
{
	const struct cell *cell = report->plan->cell;
	unsigned crossing = cell_crosses(&cell[above]) ? above : below, most = 0;
	enum place usual = PLACE_ONE;

	if (!cell_crosses(&cell[crossing]))
		return PLACE_ONE;
	for (unsigned place = PLACE_NEAR; place < PLACES; place++) {
		unsigned count = summary_counts(report->measured, crossing, (enum place)place).repetitions;

		if (count > most) {
			most = count;
			usual = (enum place)place;
		}
	}
	return usual;
}

static void print_asked_row(const struct bench_report *report, const struct asked *asked, const uint32_t *payload,
			    unsigned payloads, FILE *out)
{
	const uint64_t data_size = report->request->wish.size[0];
	unsigned above, below, any = 0;

	for (unsigned p = 0; p < payloads; p++)
		any += !asked_cells(asked, report->plan, payload[p], data_size, &above, &below);
	/* Whoever named modes asked for nothing else. */
	if (!any && report->request->wish.modes)
		return;
	fprintf(out, "%-42s", asked->text);
	if (!any) {
		fprintf(out, "%19s\n", "not measured");
		return;
	}
	for (unsigned p = 0; p < payloads; p++) {
		struct estimate estimate = { .value = NAN, .low = NAN, .high = NAN };

		if (!asked_cells(asked, report->plan, payload[p], data_size, &above, &below))
			estimate = asked_estimate(asked, report->measured, above, below,
						  usual_place(report, above, below));
		print_estimate(out, &estimate, 19);
	}
	fputc('\n', out);
}

static void print_asked(const struct bench_report *report, FILE *out)
{
	const struct plan_wish *wish = &report->request->wish;
	unsigned payloads = wish->payloads < COLUMNS ? wish->payloads : COLUMNS, above, below, any = 0;

	for (const struct asked *asked = asked_table; asked->name; asked++)
		for (unsigned p = 0; p < payloads; p++)
			any += !asked_cells(asked, report->plan, wish->payload[p], wish->size[0], &above, &below);
	if (!any)
		return;
	fprintf(out, "\nwhat is asked of libnrb: ratios with their intervals, where CPUs were most of the time\n%-42s",
		"");
	for (unsigned p = 0; p < payloads; p++)
		fprintf(out, "%17u B", wish->payload[p]);
	fputc('\n', out);
	for (const struct asked *asked = asked_table; asked->name; asked++)
		print_asked_row(report, asked, wish->payload, payloads, out);
}

/* ---- since an earlier run ---- */

static void print_change(const struct estimate *change, FILE *out)
{
	fprintf(out, ": %+.1f %% (%+.1f to %+.1f)", (change->value - 1) * 100, (change->low - 1) * 100,
		(change->high - 1) * 100);
}

static void print_where(const struct bench_report *report, unsigned at, enum place place, FILE *out)
{
	const struct cell *cell = &report->plan->cell[at];

	fputs(mode_table[cell->mode].name, out);
	if (cell->mode == MODE_WRITERS)
		fprintf(out, " %u", cell->writers);
	if (cell->mode == MODE_NESTED)
		fprintf(out, " %u deep", cell->depth);
	if (report->request->wish.sizes > 1)
		fprintf(out, ", a ring of %s bytes", number_grouped(cell->data_size).text);
	if (cell_crosses(cell))
		fprintf(out, ", %s", place_text(place));
}

static void print_compared_all(const struct bench_report *report, const struct compared_all *all, FILE *out)
{
	if (!all->differs)
		return;
	fputs("  all of ", out);
	print_where(report, all->cell, all->place, out);
	print_change(&all->change, out);
	fputs(": the machine, or what they share; told once\n", out);
}

static void print_too_few(const struct bench_report *report, FILE *out)
{
	const struct comparison *comparison = report->comparison;
	const char *between = "  fewer than 4 contestants, so ratios as they are, with what the machine did: ";

	for (unsigned i = 0; i < comparison->blocks; i++) {
		if (isfinite(comparison->all[i].change.low))
			continue;
		fputs(between, out);
		print_where(report, comparison->all[i].cell, comparison->all[i].place, out);
		between = "; ";
	}
	if (*between == ';')
		fputc('\n', out);
}

static void print_compared(const struct bench_report *report, const struct compared *compared, FILE *out)
{
	const struct cell *cell = &report->plan->cell[compared->cell];

	if (!compared->differs)
		return;
	fprintf(out, "  %s, ", contestant_table[cell->contestant]->name);
	print_where(report, compared->cell, compared->place, out);
	if (compared->payloads > 1)
		fprintf(out, ", %u payloads", compared->payloads);
	else
		fprintf(out, ", %u B", cell->payload);
	print_change(&compared->change, out);
	fputc('\n', out);
}

static void print_comparison(const struct bench_report *report, FILE *out)
{
	const struct comparison *comparison = report->comparison;

	if (!comparison)
		return;
	if (!comparison->count) {
		fprintf(out,
			"\nsince %s (%s): nothing to compare: measure the same in both runs, in at least %u processes, "
			"and long enough\n",
			comparison->started, comparison->revision, INTERVAL_MIN);
		return;
	}
	fprintf(out, "\nsince %s (%s): %u of %u differ: by more than %s, and beyond intervals of %.2f %%\n",
		comparison->started, comparison->revision, comparison->differences, comparison->count,
		number_percent(comparison->tolerance).text, comparison->confidence * 100);
	for (unsigned i = 0; i < comparison->blocks; i++)
		print_compared_all(report, &comparison->all[i], out);
	print_too_few(report, out);
	for (unsigned i = 0; i < comparison->count; i++)
		print_compared(report, &comparison->compared[i], out);
}

int report_table(const struct bench_report *report, FILE *out)
{
	print_machine(report, out);
	fprintf(out,
		"ns a record, medians; ratios to %s (of loop: to it polled; overwrite, nested: to it alone; "
		"writers: to one)\n",
		PLAN_REFERENCE);
	print_tables(report, out);
	print_missing(report, out);
	print_asked(report, out);
	print_comparison(report, out);
	return 0;
}
