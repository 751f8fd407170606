/* SPDX-License-Identifier: MIT */
/*
 * json.c - a run as one JSON object; doc/nrb-stress-json.md tells its fields, doc/nrb-stress.schema.json their types
 *
 * A name in there is never given another meaning. Fields may be added; FORMAT_VERSION counts up when one goes away or
 * changes.
 */
#define _GNU_SOURCE
#include "report/json_value.h"
#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "step/stepper.h"
#include "symbol.h"

#define FORMAT_VERSION 1

/* ---- what a run was ---- */

json_t *json_environment(const struct environment *environment)
{
	return pack_fields((struct field[]) {
		{ "started", text(environment->started) },
		{ "nrb_version", text(environment->version) },
		{ "revision", text(environment->revision) },
		{ "compiler", text(environment->compiler) },
		{ "compiler_flags", text(environment->compiler_flags) },
		{ "cpu_model", text(environment->cpu_model) },
		{ "microcode", text(environment->microcode) },
		{ "architecture", text(environment->architecture) },
		{ "kernel", text(environment->kernel) },
		{ "kernel_short", text(environment->kernel_short) },
		{ "clocksource", text(environment->clocksource) },
		{ "hypervisor", text_or_null(environment->hypervisor) },
		{ NULL, NULL },
	});
}

static json_t *pack_outputs(const struct options *options)
{
	static const char *const formats[] = {
		[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_KTAP] = "ktap", [OUTPUT_WITNESS] = "witness"
	};
	json_t *array = json_array();

	for (unsigned i = 0; i < options->outputs; i++)
		array = append(array, pack_fields((struct field[]) {
					      { "format", text(formats[options->output[i].format]) },
					      { "path", text(options->output[i].path) },
					      { NULL, NULL },
				      }));
	return array;
}

static json_t *pack_target_names(const struct options *options)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < options->targets; i++)
		array = append(array, text(options->target[i]->name));
	return array;
}

static json_t *pack_tier_names(const struct options *options)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < options->tiers; i++)
		array = append(array, text(tier_name(options->tier[i])));
	return array;
}

static json_t *pack_argv(const struct options *options)
{
	json_t *array = json_array();

	for (int i = 0; i < options->argc; i++)
		array = append(array, text(options->argv[i]));
	return array;
}

static json_t *pack_options(const struct options *options)
{
	static const char *const colors[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"
	};

	return pack_fields((struct field[]) {
		{ "argv", pack_argv(options) },
		{ "targets", pack_target_names(options) },
		{ "inject", pack_tier_names(options) },
		{ "duration_ns", count_or_null(options->duration_ns, options->duration_ns) },
		{ "depth", count(options->depth) },
		{ "strikes", count(options->strikes) },
		{ "stepper", text(options->stepper ? options->stepper->name : NULL) },
		{ "exhaustive", json_boolean(options->exhaustive) },
		{ "data_size_bytes", count(options->data_size) },
		{ "writers", count_or_null(options->writers, options->writers) },
		{ "readers", count_or_null(options->readers, options->readers) },
		{ "cpus", text(options->cpus) },
		{ "placement", text(placement_policy_name(options->placement)) },
		{ "rate_hz", count_or_null(options->rate_hz, options->rate_hz) },
		{ "progress_share", real(options->progress) },
		{ "slow_motion_share", real(options->slow_motion) },
		{ "min_exposure", real(options->min_exposure) },
		{ "drop", json_boolean(options->drop) },
		{ "kernel_breakpoints", json_boolean(options->kernel_breakpoints) },
		{ "seed", hex(options->seed) },
		{ "skip_status", json_integer(options->skip_status) },
		{ "quiet", json_boolean(options->quiet) },
		{ "verbose", json_boolean(options->verbose) },
		{ "map", json_boolean(options->map) },
		{ "color", text(colors[options->color]) },
		{ "outputs", pack_outputs(options) },
		{ NULL, NULL },
	});
}

json_t *json_topology(const struct topology *topology)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < topology->cpus; i++) {
		const struct topology_cpu *cpu = &topology->cpu[i];

		array = append(array, pack_fields((struct field[]) {
					      { "cpu", json_integer(cpu->cpu) },
					      { "core", json_integer(cpu->core) },
					      { "cache", json_integer(cpu->cache) },
					      { "package", json_integer(cpu->package) },
					      { NULL, NULL },
				      }));
	}
	return pack_fields((struct field[]) {
		{ "summary", text(topology->summary) },
		{ "cpus", array },
		{ NULL, NULL },
	});
}

static json_t *pack_placement(const struct placement *placement)
{
	json_t *writers = json_array(), *readers = json_array();

	for (unsigned i = 0; i < placement->writers; i++)
		writers = append(writers, pack_fields((struct field[]) {
						  { "cpu", json_integer(placement->writer[i].cpu) },
						  { "kicker_cpu", json_integer(placement->writer[i].kicker_cpu) },
						  { NULL, NULL },
					  }));
	for (unsigned i = 0; i < placement->readers; i++) {
		const struct placed_reader *reader = &placement->reader[i];

		readers = append(readers, pack_fields((struct field[]) {
						  { "cpu", json_integer(reader->cpu) },
						  { "duty", text(reader->consumer ? "consumer" : "poller") },
						  { "first_ring", json_integer(reader->first_ring) },
						  { "stride", json_integer(reader->stride) },
						  { NULL, NULL },
					  }));
	}
	return pack_fields((struct field[]) {
		{ "writers", writers },
		{ "readers", readers },
		{ "oversubscribed", json_boolean(placement->oversubscribed) },
		{ NULL, NULL },
	});
}

static json_t *pack_survey(const struct survey_summary *survey)
{
	return pack_fields((struct field[]) {
		{ "slow_motion", json_boolean(survey->slow_motion) },
		{ "slow_motion_reason", text_or_null(survey->slow_motion_reason) },
		{ "signal_cost_ns", count(survey->signal_cost_ns) },
		{ NULL, NULL },
	});
}

json_t *json_stolen(const struct stolen_time *stolen)
{
	return pack_fields((struct field[]) {
		{ "steal_ns", count_or_null(stolen->steal_ns, stolen->steal_known) },
		{ "throttled_ns", count_or_null(stolen->throttled_ns, stolen->throttled_known) },
		{ NULL, NULL },
	});
}

/* ---- what was found ---- */

/* Every name is there, zero or not; @class: one class of interrupts alone, or NULL for all. */
static json_t *pack_violations(const struct counts *counts, const struct class_counts *class)
{
	json_t *object = json_object();

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		uint64_t value = class ? class->violations[kind] : counts_violations(counts, kind);

		if (json_object_set_new(object, violation_name(kind), count(value))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *pack_class(const struct class_counts *class)
{
	return pack_fields((struct field[]) {
		{ "strikes", count(class->strikes) },
		{ "in_write", count(class->in_write) },
		{ "exposed", count(class->exposed) },
		{ "decreasing", count(class->decreasing) },
		{ "decreases", count(class->decreases) },
		{ "seen", count(class->seen) },
		{ "violations", pack_violations(NULL, class) },
		{ NULL, NULL },
	});
}

static json_t *pack_array(const uint64_t *values, unsigned from, unsigned to)
{
	json_t *array = json_array();

	for (unsigned i = from; i < to; i++)
		array = append(array, count(values[i]));
	return array;
}

static json_t *pack_counts(const struct counts *counts)
{
	return pack_fields((struct field[]) {
		{ "records", count(counts->records) },
		{ "attempts_by_level", pack_array(counts->attempts, 0, LEVELS) },
		{ "refused_by_level", pack_array(counts->refused, 0, LEVELS) },
		{ "strikes_by_level", pack_array(counts->strikes_by_level, 1, LEVELS) },
		{ "strikes_by_depth", pack_array(counts->strikes_by_depth, 1, LEVELS + 1) },
		{ "lingered", count(counts->lingered) },
		{ "overruns", count(counts->overruns) },
		{ "stray_signals", count(counts->stray_signals) },
		{ "passed_hits", count(counts->passed_hits) },
		{ "late_hits", count(counts->late_hits) },
		{ "slow_cut", count(counts->slow_cut) },
		{ "slow_steps", count(counts->slow_steps) },
		{ "elapsed_ns", count(counts->elapsed_ns) },
		{ "handler_ns", count(counts->handler_ns) },
		{ "slow_ns", count(counts->slow_ns) },
		{ "waited", count(counts->waited) },
		{ "disarms", count(counts->disarms) },
		{ "swaps", count(counts->swaps) },
		{ "shared_records", count(counts->shared_records) },
		{ "met", count(counts->met) },
		{ "records_read", count(counts->records_read) },
		{ "lost_records", count(counts->lost_records) },
		{ "polls", count(counts->polls) },
		{ NULL, NULL },
	});
}

static const char *class_name(unsigned class)
{
	return class < STRIKE_CLASSES ? strike_class_name(class) : "unknown";
}

static json_t *pack_strike(const struct strike *strike)
{
	struct symbol symbol;

	symbol_find(strike->pc, &symbol);
	return pack_fields((struct field[]) {
		{ "number", count(strike->number) },
		{ "time_ns", count(strike->time_ns) },
		{ "pc", hex(strike->pc) },
		{ "function", text(symbol.function) },
		{ "inlined", text_or_null(symbol.inlined) },
		{ "place", text_or_null(symbol.place) },
		{ "head_before", hex(strike->head_before) },
		{ "head_after", hex(strike->head_after) },
		{ "level", json_integer(strike->level) },
		{ "depth", json_integer(strike->depth) },
		{ "class", text(class_name(strike->class)) },
		{ "exposed", json_boolean(strike->exposed) },
		{ NULL, NULL },
	});
}

static json_t *pack_event(const struct event *event)
{
	json_t *strikes = json_array();

	for (unsigned i = 0; i < event->strikes_known && i < EVENT_STRIKES; i++)
		if (event->strikes[i].number)
			strikes = append(strikes, pack_strike(&event->strikes[i]));
	return pack_fields((struct field[]) {
		{ "kind", text(event->kind < VIOLATIONS ? violation_name(event->kind) : "unknown") },
		{ "class", text(class_name(event->class)) },
		{ "writer", json_integer(event->writer) },
		{ "reader", count_or_null(event->reader != EVENT_BY_WRITER, event->reader) },
		{ "time_ns", count(event->time_ns) },
		{ "before", hex(event->before) },
		{ "after", hex(event->after) },
		{ "strikes", strikes },
		{ NULL, NULL },
	});
}

static json_t *pack_events(const struct target_result *result)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < result->events && i < EVENTS_KEPT; i++)
		array = append(array, pack_event(&result->event[i]));
	return array;
}

static json_t *pack_classes(const struct counts *counts)
{
	return pack_fields((struct field[]) {
		{ "plain", pack_class(&counts->by_class[STRIKE_PLAIN]) },
		{ "slow", pack_class(&counts->by_class[STRIKE_SLOW]) },
		{ "in_slow", pack_class(&counts->by_class[STRIKE_IN_SLOW]) },
		{ NULL, NULL },
	});
}

static json_t *pack_judgement(const struct target_result *result, const struct judgement *judgement)
{
	bool sound = result->claim == CLAIM_SOUND;

	return pack_fields((struct field[]) {
		{ "verdict", text(verdict_name(judgement->verdict)) },
		{ "reason", text_or_null(judgement->reason) },
		{ "caught", sound ? json_null() : json_boolean(judgement->caught) },
		{ "exposure", sound && result->tier != TIER_STEP ? real(judgement->exposure) : json_null() },
		{ "bound", judgement->bound > 0 ? real(judgement->bound) : json_null() },
		{ NULL, NULL },
	});
}

static json_t *pack_target(const struct target_result *result, const struct judgement *judgement)
{
	return pack_fields((struct field[]) {
		{ "name", text(result->name) },
		{ "summary", text(result->summary) },
		{ "claim", text(claim_name(result->claim)) },
		{ "tier", text(tier_name(result->tier)) },
		{ "judgement", pack_judgement(result, judgement) },
		{ "expected", pack_mask(result->expected) },
		{ "allowed", pack_mask(result->allowed) },
		{ "slices", json_integer(result->slices) },
		{ "starved_slices", json_integer(result->starved) },
		{ "failed", json_boolean(result->failed) },
		{ "skipped", json_boolean(result->skipped) },
		{ "message", text_or_null(result->message) },
		{ "boundaries", count_or_null(result->boundaries, result->boundaries) },
		{ "boundaries_complete", json_boolean(result->boundaries_complete) },
		{ "first_violation_ns",
		  count_or_null(result->first_violation_ns, result->first_violation_ns != UINT64_MAX) },
		{ "rss_min_kib", count(result->rss_min_kib) },
		{ "rss_max_kib", count(result->rss_max_kib) },
		{ "counts", pack_counts(&result->counts) },
		{ "classes", pack_classes(&result->counts) },
		{ "violations", pack_violations(&result->counts, NULL) },
		{ "step", json_step(result) },
		{ "events_total", count(result->events) },
		{ "events", pack_events(result) },
		{ NULL, NULL },
	});
}

static json_t *pack_targets(const struct report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->count; i++)
		array = append(array, pack_target(&report->results[i], &report->judgements[i]));
	return array;
}

/* What readers see; there are none where the observer looks after each instruction. */
static json_t *pack_share(enum tier tier, double share)
{
	return tier == TIER_STEP ? json_null() : real(share);
}

/* Of the tiers that ran. */
static json_t *pack_tiers(const struct report *report)
{
	json_t *array = json_array();

	for (unsigned tier = 0; tier < TIERS; tier++) {
		const struct sight *sight = &report->run->sight[tier];
		bool ran = false;

		for (size_t i = 0; i < report->count; i++)
			ran |= report->results[i].tier == tier;
		if (ran)
			array = append(array, pack_fields((struct field[]) {
						      { "tier", text(tier_name(tier)) },
						      { "caught", json_boolean(sight->caught) },
						      { "plain_share_seen", pack_share(tier, sight->share_plain) },
						      { "slow_share_seen", pack_share(tier, sight->share_slow) },
						      { NULL, NULL },
					      }));
	}
	return array;
}

json_t *json_signal(int number)
{
	const char *name = number ? sigabbrev_np(number) : NULL;

	if (name)
		return json_sprintf("SIG%s", name);
	return number ? json_sprintf("signal %d", number) : json_null();
}

int report_json(const struct report *report, FILE *out)
{
	const struct run_judgement *run = report->run;
	json_t *root = pack_fields((struct field[]) {
		{ "format_version", json_integer(FORMAT_VERSION) },
		{ "program", text("nrb-stress") },
		{ "verdict", text(verdict_name(run->verdict)) },
		{ "reason", text_or_null(run->reason) },
		{ "strength", text_or_null(run->strength) },
		{ "exit_status", json_integer(report->exit_status) },
		{ "interrupted_by", json_signal(report->stopped_by) },
		{ "wall_ns", count(report->wall_ns) },
		{ "slice_ns", count(report->slice_ns) },
		{ "target_ns", count(report->target_ns) },
		{ "rate_limit_hz", count_or_null(report->rate_limit_hz, report->rate_limit_hz) },
		{ "environment", json_environment(report->environment) },
		{ "options", pack_options(report->options) },
		{ "topology", json_topology(report->topology) },
		{ "placement", pack_placement(report->placement) },
		{ "survey", pack_survey(report->survey) },
		{ "stolen", json_stolen(&report->stolen) },
		{ "step_missing", text_or_null(report->step_missing ? report->step_missing : "") },
		{ "tiers", pack_tiers(report) },
		{ "targets", pack_targets(report) },
		{ "kernel", json_kernel(report) },
		{ "maps", json_maps(report) },
		{ NULL, NULL },
	});
	int rc = -ENOMEM;

	/* An error of the stream is its owner's to find. */
	if (root && (!json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) || ferror(out))) {
		fputc('\n', out);
		rc = 0;
	}
	json_decref(root);
	return rc;
}
