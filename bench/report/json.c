/* SPDX-License-Identifier: MIT */
/*
 * json.c - a run as one JSON object; doc/nrb-bench.schema.json tells its fields
 *
 * A name in there is never given another meaning. Fields may be added; FORMAT_VERSION counts up when one goes away or
 * changes.
 */
#define _GNU_SOURCE
#include "report/json_value.h"

#include <errno.h>

#include "asked.h"
#include "contestant.h"
#include "reports.h"

#define FORMAT_VERSION 1

static json_t *pack_estimate(const struct estimate *estimate)
{
	if (!isfinite(estimate->value))
		return json_null();
	return pack_fields((struct field[]) {
		{ "median", real(estimate->value) },
		{ "low", real(estimate->low) },
		{ "high", real(estimate->high) },
		{ NULL, NULL },
	});
}

static json_t *pack_values(const double *values, unsigned count)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < count; i++)
		array = append(array, real(values[i]));
	return array;
}

static json_t *pack_argv(const struct request *request)
{
	json_t *array = json_array();

	for (int i = 0; i < request->argc; i++)
		array = append(array, text(request->argv[i]));
	return array;
}

static json_t *pack_options(const struct bench_report *report)
{
	const struct request *request = report->request;
	const struct plan *plan = report->plan;

	return pack_fields((struct field[]) {
		{ "argv", pack_argv(request) },
		{ "quick", json_boolean(request->quick) },
		{ "stamped", json_boolean(request->stamped) },
		{ "duration_ns", count(request->duration_ns) },
		{ "processes", count(plan->processes) },
		{ "repetitions", count(plan->repetitions) },
		{ "repetition_ns", count(plan->time_ns) },
		{ "wait_ns", count(plan->loop_ns) },
		{ "interval_ns", count(plan->interval_ns) },
		{ "cpus", text(request->cpus) },
		{ "placement", text(placement_policy_name(request->placement)) },
		{ "seed", hex(request->seed) },
		{ "slowed", text(plan->slow_percent ? contestant_table[plan->slow_contestant]->name : NULL) },
		{ "slowed_percent", count(plan->slow_percent) },
		{ NULL, NULL },
	});
}

static json_t *pack_contestants(void)
{
	json_t *array = json_array();

	for (const struct contestant *const *c = contestant_table; *c; c++)
		array = append(array, pack_fields((struct field[]) {
					      { "name", text((*c)->name) },
					      { "summary", text((*c)->summary) },
					      { "limit", json_boolean((*c)->traits & CONTESTANT_LIMIT) },
					      { "absent", text((*c)->absent ? (*c)->absent() : NULL) },
					      { NULL, NULL },
				      }));
	return array;
}

static json_t *pack_cpus(const struct bench_report *report)
{
	return pack_fields((struct field[]) {
		{ "writer", count(report->plan->cpu[0]) },
		{ "reader", count_or_null(report->plan->cpu[1], report->plan->cpus > 1) },
		{ NULL, NULL },
	});
}

static json_t *pack_places(const struct bench_report *report)
{
	json_t *array = json_array();
	struct place_counts counts;

	summary_places(report->measured, &counts);
	for (unsigned place = PLACE_NEAR; place < PLACES; place++)
		array = append(array, pack_fields((struct field[]) {
					      { "place", text(place_name((enum place)place)) },
					      { "repetitions", count(counts.repetitions[place]) },
					      { "round_trip_ns", real(counts.trip_ns[place]) },
					      { NULL, NULL },
				      }));
	return pack_fields((struct field[]) {
		{ "cache_from_ns", json_integer(PROBE_CACHE_NS) },
		{ "far_from_ns", json_integer(PROBE_FAR_NS) },
		{ "places", array },
		{ "moved", count(counts.repetitions[PLACE_MIXED]) },
		{ "disturbed", count(counts.repetitions[PLACE_DISTURBED]) },
		{ NULL, NULL },
	});
}

static json_t *pack_latency(const struct bench_report *report, unsigned cell, enum place place)
{
	static struct histogram histogram;

	if (report->plan->cell[cell].mode != MODE_LATENCY)
		return json_null();
	summary_latency(report->measured, cell, place, &histogram);
	return pack_fields((struct field[]) {
		{ "records", count(histogram.count) },
		{ "p50_ns", count(histogram_percentile(&histogram, 0.5)) },
		{ "p90_ns", count(histogram_percentile(&histogram, 0.9)) },
		{ "p99_ns", count(histogram_percentile(&histogram, 0.99)) },
		{ "p999_ns", count(histogram_percentile(&histogram, 0.999)) },
		{ "max_ns", count(histogram.max) },
		{ NULL, NULL },
	});
}

static json_t *pack_reference(const struct plan *plan, unsigned index)
{
	const struct cell *reference = &plan->cell[plan->cell[index].reference];

	return pack_fields((struct field[]) {
		{ "contestant", text(contestant_table[reference->contestant]->name) },
		{ "mode", text(mode_table[reference->mode].name) },
		{ "writers", count(reference->writers) },
		{ NULL, NULL },
	});
}

static json_t *pack_result(const struct bench_report *report, unsigned index, enum place place)
{
	const struct measured *measured = report->measured;
	const struct cell *cell = &report->plan->cell[index];
	struct cell_counts counts = summary_counts(measured, index, place);
	double ns[STATISTICS_MAX], ratio[STATISTICS_MAX];
	struct estimate ns_estimate, ratio_estimate;

	summary_ns(measured, index, place, ns);
	summary_ratio(measured, index, (unsigned)cell->reference, place, ratio);
	ns_estimate = estimate_make(ns, measured->processes, CONFIDENCE);
	ratio_estimate = estimate_make(ratio, measured->processes, CONFIDENCE);
	return pack_fields((struct field[]) {
		{ "contestant", text(contestant_table[cell->contestant]->name) },
		{ "mode", text(mode_table[cell->mode].name) },
		{ "payload_bytes", count(cell->payload) },
		{ "data_size_bytes", count(cell->data_size) },
		{ "writers", count(cell->writers) },
		{ "depth", count(cell->depth) },
		{ "place", text(place_name(place)) },
		{ "repetitions", count(counts.repetitions) },
		{ "discarded", count(counts.discarded) },
		{ "ns", pack_estimate(&ns_estimate) },
		{ "ratio", pack_estimate(&ratio_estimate) },
		{ "reference", pack_reference(report->plan, index) },
		{ "dropped_share", real(counts.dropped) },
		{ "instructions", real(counts.instructions) },
		{ "cycles", real(counts.cycles) },
		{ "latency", pack_latency(report, index, place) },
		{ "ns_by_process", pack_values(ns, measured->processes) },
		{ "ratio_by_process", pack_values(ratio, measured->processes) },
		{ NULL, NULL },
	});
}

static json_t *pack_results(const struct bench_report *report)
{
	const struct plan *plan = report->plan;
	json_t *array = json_array();

	for (unsigned cell = 0; cell < plan->cells; cell++)
		for (unsigned place = PLACE_ONE; place < PLACES; place++)
			if ((place == PLACE_ONE) != cell_crosses(&plan->cell[cell]) &&
			    summary_counts(report->measured, cell, (enum place)place).repetitions)
				array = append(array, pack_result(report, cell, (enum place)place));
	return array;
}

static json_t *pack_failures(const struct bench_report *report)
{
	const struct plan *plan = report->plan;
	json_t *array = json_array();

	for (unsigned i = 0; i < plan->cells; i++) {
		const struct cell *cell = &plan->cell[i];
		int status = summary_status(report->measured, i);

		if (status)
			array = append(array, pack_fields((struct field[]) {
						      { "contestant", text(contestant_table[cell->contestant]->name) },
						      { "mode", text(mode_table[cell->mode].name) },
						      { "payload_bytes", count(cell->payload) },
						      { "reason", text(strerror(-status)) },
						      { NULL, NULL },
					      }));
	}
	return array;
}

/* One asked ratio with one payload, at each place where there is a value. */
static json_t *append_asked(json_t *array, const struct bench_report *report, const struct asked *asked,
			    uint32_t payload)
{
	unsigned above, below;

	if (asked_cells(asked, report->plan, payload, report->request->wish.size[0], &above, &below))
		return array;
	for (unsigned place = PLACE_ONE; place < PLACES; place++) {
		struct estimate estimate;

		if ((place == PLACE_ONE) ==
		    (cell_crosses(&report->plan->cell[above]) || cell_crosses(&report->plan->cell[below])))
			continue;
		estimate = asked_estimate(asked, report->measured, above, below, (enum place)place);
		if (isfinite(estimate.value))
			array = append(array, pack_fields((struct field[]) {
						      { "name", text(asked->name) },
						      { "payload_bytes", count(payload) },
						      { "place", text(place_name((enum place)place)) },
						      { "ratio", pack_estimate(&estimate) },
						      { NULL, NULL },
					      }));
	}
	return array;
}

static json_t *pack_asked(const struct bench_report *report)
{
	json_t *array = json_array();

	for (const struct asked *asked = asked_table; asked->name; asked++)
		for (unsigned p = 0; p < report->request->wish.payloads; p++)
			array = append_asked(array, report, asked, report->request->wish.payload[p]);
	return array;
}

static json_t *pack_differences(const struct bench_report *report)
{
	const struct comparison *comparison = report->comparison;
	json_t *array = json_array();

	for (unsigned i = 0; i < comparison->count; i++) {
		const struct compared *compared = &comparison->compared[i];
		const struct cell *cell = &report->plan->cell[compared->cell];

		if (compared->differs)
			array = append(array, pack_fields((struct field[]) {
						      { "contestant", text(contestant_table[cell->contestant]->name) },
						      { "mode", text(mode_table[cell->mode].name) },
						      { "payload_bytes",
							compared->payloads > 1 ? json_null() : count(cell->payload) },
						      { "data_size_bytes", count(cell->data_size) },
						      { "writers", count(cell->writers) },
						      { "depth", count(cell->depth) },
						      { "place", text(place_name(compared->place)) },
						      { "apart_from_others", json_boolean(compared->apart) },
						      { "change", pack_estimate(&compared->change) },
						      { NULL, NULL },
					      }));
	}
	return array;
}

static json_t *pack_common(const struct bench_report *report)
{
	const struct comparison *comparison = report->comparison;
	json_t *array = json_array();

	for (unsigned i = 0; i < comparison->blocks; i++) {
		const struct compared_all *all = &comparison->all[i];
		const struct cell *cell = &report->plan->cell[all->cell];

		array = append(array, pack_fields((struct field[]) {
					      { "mode", text(mode_table[cell->mode].name) },
					      { "data_size_bytes", count(cell->data_size) },
					      { "writers", count(cell->writers) },
					      { "depth", count(cell->depth) },
					      { "place", text(place_name(all->place)) },
					      { "contestants", count(all->contestants) },
					      { "change", pack_estimate(&all->change) },
					      { NULL, NULL },
				      }));
	}
	return array;
}

static json_t *pack_comparison(const struct bench_report *report)
{
	const struct comparison *comparison = report->comparison;

	if (!comparison)
		return json_null();
	return pack_fields((struct field[]) {
		{ "started", text(comparison->started) },
		{ "revision", text(comparison->revision) },
		{ "tolerance_share", real(comparison->tolerance) },
		{ "confidence", real(comparison->confidence) },
		{ "compared", count(comparison->count) },
		{ "common", pack_common(report) },
		{ "differences", pack_differences(report) },
		{ NULL, NULL },
	});
}

int report_to_json(const struct bench_report *report, FILE *out)
{
	const struct measured *measured = report->measured;
	int counters = measured->processes ? measured->process[0]->counters : -ENOENT, rc = -ENOMEM;
	json_t *root = pack_fields((struct field[]) {
		{ "format_version", json_integer(FORMAT_VERSION) },
		{ "program", text("nrb-bench") },
		{ "interrupted_by", json_signal(measured->stopped_by) },
		{ "wall_ns", count(measured->wall_ns) },
		{ "processes", count(measured->processes) },
		{ "processes_failed", count(measured->failed) },
		{ "environment", json_environment(report->environment) },
		{ "options", pack_options(report) },
		{ "topology", json_topology(report->topology) },
		{ "cpus", pack_cpus(report) },
		{ "stolen", json_stolen(&report->stolen) },
		{ "counters_missing", text(counters ? counters_explain(counters) : NULL) },
		{ "between_cpus", pack_places(report) },
		{ "contestants", pack_contestants() },
		{ "results", pack_results(report) },
		{ "failures", pack_failures(report) },
		{ "asked", pack_asked(report) },
		{ "comparison", pack_comparison(report) },
		{ NULL, NULL },
	});

	if (root && (!json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) || ferror(out))) {
		fputc('\n', out);
		rc = 0;
	}
	json_decref(root);
	return rc;
}
