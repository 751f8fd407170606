/* SPDX-License-Identifier: MIT */
#include "forged.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "step/stepper.h"

/* The write path of both: forged_function() alone. */
#define FORGED_SECTION "nrb_path_forged"
extern const char __start_nrb_path_forged[], __stop_nrb_path_forged[];
static const struct text_range text[] = { { __start_nrb_path_forged, __stop_nrb_path_forged }, { NULL, NULL } };

static const struct target legacy = { .name = "legacy",
				      .checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP),
				      .text = text };
static const struct target fixed = { .name = "fixed", .checks = VIOLATION_ALL, .text = text };

static void forge_machine(struct forged *f)
{
	f->argv[0] = (char *)"stress/stress";
	f->argv[1] = (char *)"--duration=10";
	f->argv[2] = (char *)"--seed=12";
	f->argv[3] = (char *)"--cpus=0 \xff'1";
	f->options = (struct options) {
		.target = { &legacy, &fixed },
		.targets = 2,
		.tier = { TIER_TIMER },
		.tiers = 1,
		.depth = 2,
		.strikes = 2,
		.duration_ns = 10000000000u,
		.data_size = 65536,
		.progress = 0.5,
		.slow_motion = 0.5,
		.min_exposure = 30,
		.seed = 0x8f3a19c2,
		.skip_status = 77,
		.output = { { OUTPUT_JSON, "a.json" }, { OUTPUT_TEXT, NULL } },
		.outputs = 2,
		.argc = 4,
		.argv = f->argv,
	};
	f->environment = (struct environment) {
		.cpu_model = "EPYC",
		.microcode = "0x1",
		.kernel = "Linux 6.18.1 #1",
		.kernel_short = "6.18",
		.architecture = "x86_64",
		.clocksource = "tsc",
		.started = "2026-11-01T00:00:00Z",
		.version = "0.1",
		.revision = "abc",
		.compiler = "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
		.compiler_flags = "-g -O2",
	};
	f->topology =
		(struct topology) { .cpus = 2, .cpu = { { 0, 0, 0, 0 }, { 1, 1, 0, 0 } }, .summary = "2 CPUs, one L3" };
	f->placement =
		(struct placement) { .writers = 1, .readers = 1, .writer = { { 0 } }, .reader = { { 1, 0, 1, true } } };
	f->survey = (struct survey_summary) { .slow_motion = true, .signal_cost_ns = 13000 };
}

__attribute__((section(FORGED_SECTION))) void forged_function(void)
{
	/* Long enough for an address within it. */
	__asm__ volatile("nop\n\tnop\n\tnop");
}

static void add_event(struct target_result *result, enum violation kind, uint64_t before, uint64_t after)
{
	struct event *event = &result->event[result->events++];

	*event = (struct event) {
		.kind = (uint8_t)kind,
		.class = STRIKE_SLOW,
		.strikes_known = 1,
		.time_ns = 3112000,
		.before = before,
		.after = after,
		.strikes = { { .number = 77,
			       .time_ns = 3111000,
			       .pc = (uint64_t)(uintptr_t)&forged_function + 1,
			       .head_before = after,
			       .head_after = before,
			       .level = 2,
			       .depth = 2,
			       .class = STRIKE_SLOW,
			       .exposed = 1 } },
	};
	result->counts.by_class[STRIKE_SLOW].violations[kind]++;
	result->first_violation_ns = 3112000;
}

static void forge_results(struct forged *f)
{
	for (unsigned i = 0; i < 2; i++) {
		struct target_result *r = &f->result[i];
		struct counts *c = &r->counts;

		*r = (struct target_result) { .name = i ? "fixed" : "legacy",
					      .summary = i ? "what is right" : "what was wrong",
					      .claim = i ? CLAIM_SOUND : CLAIM_CONTROL,
					      .tier = TIER_TIMER,
					      .slices = 5,
					      .boundaries = 4,
					      .first_violation_ns = UINT64_MAX,
					      .rss_min_kib = 5120,
					      .rss_max_kib = 5124 };
		*c = (struct counts) { .records = 61012345,
				       .attempts = { 61000000, 20000, 20000, 17120 },
				       .refused = { 0, 0, 171, 0 },
				       .strikes_by_level = { 0, 20000, 20000, 17120 },
				       .strikes_by_depth = { 0, 50000, 6000, 1000, 120 },
				       .elapsed_ns = 5000000000u,
				       .handler_ns = 2000000000,
				       .slow_ns = 500000000,
				       .polls = 123456789,
				       .overruns = 1 };
		c->by_class[STRIKE_PLAIN] =
			(struct class_counts) { .strikes = 40000, .in_write = 9000, .exposed = 1930 };
		c->by_class[STRIKE_SLOW] = (struct class_counts) { .strikes = 17000, .in_write = 4000, .exposed = 954 };
		c->by_class[STRIKE_IN_SLOW] = (struct class_counts) { .strikes = 120 };
	}
	f->result[LEGACY].expected = VIOLATION_BIT(HEAD_BACKWARD);
	f->result[LEGACY].allowed = VIOLATION_BIT(HEAD_BELOW_TAIL);
	/* The control is caught; the middle event crosses 2^64. */
	add_event(&f->result[LEGACY], HEAD_BACKWARD, 0x1010, 0x1000);
	add_event(&f->result[LEGACY], HEAD_BACKWARD, 0x8, UINT64_MAX - 0xff7);
	add_event(&f->result[LEGACY], HEAD_BACKWARD, 0xfffffffffffff000, 0xffffffffffffefc0);
	f->result[LEGACY].counts.by_class[STRIKE_SLOW].violations[HEAD_BACKWARD] = 913;
	f->result[LEGACY].counts.by_class[STRIKE_PLAIN].violations[HEAD_BACKWARD] = 2;
	f->result[LEGACY].counts.by_class[STRIKE_PLAIN].seen = 2;
	f->result[LEGACY].counts.by_class[STRIKE_PLAIN].decreasing = 1930;
	f->result[LEGACY].counts.by_class[STRIKE_SLOW].seen = 913;
	f->result[LEGACY].counts.by_class[STRIKE_SLOW].decreases = 954;
}

/* One exposed boundary after which the control failed, one that nothing struck, and one in the C library. */
static void forge_boundaries(struct forged *f)
{
	uint64_t path = (uint64_t)(uintptr_t)&forged_function;

	for (unsigned i = 0; i < 2; i++) {
		struct boundaries *map = &f->boundaries[i];
		struct boundary *window = boundaries_get(map, path + 1);

		window->strikes[TIER_TIMER] = 2884;
		window->exposed = true;
		window->decreasing = i == LEGACY;
		boundaries_get(map, path)->masked = true;
		boundaries_strike(map, (uint64_t)(uintptr_t)&abort, TIER_TIMER);
		map->elsewhere[TIER_TIMER] = 11000;
	}
	boundaries_get(&f->boundaries[LEGACY], path + 1)->followed[TIER_TIMER] = 915;
	boundaries_get(&f->boundaries[LEGACY], path + 1)->violations = VIOLATION_BIT(HEAD_BACKWARD);
}

static void judge(struct forged *f, bool interrupted)
{
	struct verdict_limits limits = { .min_exposure = f->options.min_exposure, .interrupted = interrupted };

	verdict_run(f->result, f->report.count, &limits, f->judgement, &f->run);
	f->report.exit_status = verdict_exit_status(f->run.verdict, f->options.skip_status);
}

static void forge(struct forged *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	f->name = name;
	forge_machine(f);
	forge_results(f);
	forge_boundaries(f);
	f->report = (struct report) {
		.options = &f->options,
		.environment = &f->environment,
		.topology = &f->topology,
		.placement = &f->placement,
		.survey = &f->survey,
		.results = f->result,
		.judgements = f->judgement,
		.count = 2,
		.boundaries = f->boundaries,
		.run = &f->run,
		.slice_ns = 1000000000,
		.target_ns = 5000000000,
		.wall_ns = 10000000000,
	};
}

/* ---- the runs ---- */

void forge_pass(struct forged *f)
{
	forge(f, "pass");
	judge(f, false);
}

void forge_fail(struct forged *f)
{
	forge(f, "fail");
	add_event(&f->result[FIXED], TORN_RECORD, 0xfffffffffffffff8, 9);
	add_event(&f->result[FIXED], SEQUENCE_GAP, 1, 3);
	f->result[FIXED].events = 250;
	judge(f, false);
}

void forge_inconclusive(struct forged *f)
{
	forge(f, "inconclusive");
	memset(f->result[LEGACY].counts.by_class, 0, sizeof(f->result[LEGACY].counts.by_class));
	f->result[LEGACY].events = 0;
	f->result[LEGACY].first_violation_ns = UINT64_MAX;
	f->survey.slow_motion = false;
	strcpy(f->survey.slow_motion_reason, "no trap flag");
	judge(f, false);
}

void forge_skip(struct forged *f)
{
	forge(f, "skip");
	f->report.count = 0;
	f->report.boundaries = NULL;
	f->topology.cpus = 1;
	f->placement = (struct placement) { .writers = 0 };
	judge(f, false);
	f->run.verdict = VERDICT_SKIP;
	strcpy(f->run.reason, "one CPU: nobody could watch the writer");
	f->report.exit_status = 77;
}

void forge_error(struct forged *f)
{
	forge(f, "error");
	f->result[FIXED].failed = true;
	f->result[LEGACY].skipped = true;
	strcpy(f->result[FIXED].message, "timer_create: raise RLIMIT_SIGPENDING");
	strcpy(f->result[LEGACY].message, "not here");
	judge(f, false);
}

void forge_interrupted(struct forged *f)
{
	forge(f, "interrupted");
	f->report.stopped_by = SIGINT;
	judge(f, true);
}

void forge_no_boundaries(struct forged *f)
{
	forge(f, "no_boundaries");
	f->result[LEGACY].boundaries = f->result[FIXED].boundaries = 0;
	f->options.rate_hz = 1000000;
	f->report.rate_limit_hz = 16666;
	f->report.stolen = (struct stolen_time) { .steal_ns = 20000000, .steal_known = 1 };
	judge(f, false);
}

void forge_huge(struct forged *f)
{
	forge(f, "huge");
	memset(&f->result[FIXED].counts, 0xff, sizeof(f->result[FIXED].counts));
	f->result[FIXED].events = UINT64_MAX;
	for (unsigned i = 0; i < EVENTS_KEPT; i++) {
		struct event *event = &f->result[FIXED].event[i];

		memset(event, 0xff, sizeof(*event));
		event->kind = (uint8_t)(i % VIOLATIONS);
		event->strikes[1].pc = 0;
	}
	/* Where nothing is mapped. */
	for (uint64_t pc = 1; pc <= BOUNDARIES_MAX / 2; pc++) {
		struct boundary *boundary = boundaries_get(&f->boundaries[FIXED], pc);

		memset(boundary->strikes, 0xff, sizeof(boundary->strikes));
		memset(boundary->followed, 0xff, sizeof(boundary->followed));
		boundary->violations = UINT32_MAX;
	}
	memset(f->boundaries[FIXED].elsewhere, 0xff, sizeof(f->boundaries[FIXED].elsewhere));
	f->options.seed = UINT64_MAX;
	judge(f, false);
}

void forge_tiers(struct forged *f)
{
	forge(f, "tiers");
	f->options.tier[1] = TIER_AIM;
	f->options.tiers = 2;
	f->report.count = 4;
	for (unsigned i = 2; i < 4; i++) {
		f->result[i] = (struct target_result) {
			.name = f->result[i - 2].name,
			.summary = f->result[i - 2].summary,
			.claim = f->result[i - 2].claim,
			.expected = f->result[i - 2].expected,
			.tier = TIER_AIM,
			.skipped = true,
			.message = "aim: no permission",
			.boundaries = 4,
			.first_violation_ns = UINT64_MAX,
			.rss_min_kib = 5120,
			.rss_max_kib = 5124,
		};
	}
	judge(f, false);
}

/* ---- the step tier ---- */

/* A pass that went through @scenarios of the 14 that there are. */
static void add_pass(struct step_result *step, uint8_t depth, uint8_t strikes, uint16_t scenarios)
{
	struct step_pass *pass = &step->pass[step->passes++];

	*pass = (struct step_pass) { .depth = depth, .strikes = strikes, .scenarios = scenarios };
	if (!scenarios)
		return;
	pass->counts = (struct step_counts) {
		.boundaries = 1349,
		.tuples = { 0, 1349, depth > 1 ? 119774 : 0, depth > 2 ? 12000000 : 0 },
		.twice = strikes > 1 ? 65966 : 0,
		.strikes = 2500,
		.taken = 2400,
		.steps = 130000,
		.states = 120000,
		.ns = 1500000000,
	};
	if (scenarios < 14) {
		pass->partial_done = 60;
		pass->partial_total = 97;
	}
}

/* What stepping found: one way, two strikes long. */
static void add_witness(struct target_result *result, enum violation kind)
{
	struct step_result *step = &result->step;

	step->found[kind] = 11;
	step->witness[kind] = (struct witness) {
		.known = true,
		.scenario = 0,
		.count = 2,
		.strike = { { .level = 0, .boundary = 73, .pc = (uint64_t)(uintptr_t)&forged_function + 1 },
			    { .level = 1, .boundary = 5, .pc = (uint64_t)(uintptr_t)&forged_function } },
		.kind = kind,
		.level = 1,
		.boundary = 76,
		.before = 0x30,
		.after = 0x18,
	};
	result->counts.by_class[STRIKE_PLAIN].violations[kind] = 11;
}

/* Of results @from and the next: a control that was caught at once, and a sound one that went through @scenarios. */
static void forge_stepped(struct forged *f, unsigned from, uint16_t scenarios)
{
	for (unsigned i = 0; i < 2; i++) {
		struct target_result *r = &f->result[from + i];

		*r = (struct target_result) {
			.name = i ? "fixed" : "legacy",
			.summary = i ? "what is right" : "what was wrong",
			.claim = i ? CLAIM_SOUND : CLAIM_CONTROL,
			.tier = TIER_STEP,
			.expected = i ? 0 : VIOLATION_BIT(HEAD_BACKWARD),
			.allowed = i ? 0 : VIOLATION_BIT(HEAD_BELOW_TAIL),
			.first_violation_ns = UINT64_MAX,
			.step = { .done = true, .confirmed = true, .stepper = "trap", .scenarios = 14 },
		};
		add_pass(&r->step, 1, 1, 14);
		add_pass(&r->step, 2, 1, i ? scenarios : 0);
		add_pass(&r->step, 1, 2, i && scenarios == 14 ? 14 : 0);
	}
	add_witness(&f->result[from], HEAD_BACKWARD);
}

/* The step tier alone: no slices, no placement, no end but its own. */
static void forge_step(struct forged *f, const char *name, uint16_t scenarios)
{
	forge(f, name);
	f->options.tier[0] = TIER_STEP;
	f->options.duration_ns = 0;
	f->placement = (struct placement) { .writers = 0 };
	f->survey = (struct survey_summary) { .slow_motion = false };
	f->report.slice_ns = f->report.target_ns = 0;
	forge_stepped(f, 0, scenarios);
}

void forge_step_pass(struct forged *f)
{
	forge_step(f, "step_pass", 14);
	f->options.stepper = &stepper_trap;
	f->options.exhaustive = true;
	judge(f, false);
}

void forge_step_partial(struct forged *f)
{
	forge(f, "step_partial");
	f->options.tier[1] = TIER_STEP;
	f->options.tiers = 2;
	f->report.count = 4;
	memcpy(&f->result[2], &f->result[0], 2 * sizeof(f->result[0]));
	forge_stepped(f, 0, 10);
	judge(f, false);
}

void forge_step_fail(struct forged *f)
{
	forge_step(f, "step_fail", 14);
	add_witness(&f->result[FIXED], TORN_RECORD);
	/* Every counter at its limit. */
	memset(&f->result[FIXED].step.pass[2].counts, 0xff, sizeof(struct step_counts));
	judge(f, false);
}

void forge_step_blind(struct forged *f)
{
	forge_step(f, "step_blind", 14);
	memcpy(&f->result[LEGACY].step, &f->result[FIXED].step, sizeof(f->result[LEGACY].step));
	memset(&f->result[LEGACY].counts, 0, sizeof(f->result[LEGACY].counts));
	judge(f, false);
}

void forge_step_missing(struct forged *f)
{
	forge(f, "step_missing");
	f->report.step_missing = "step: no trap flag, and no ptrace";
	judge(f, false);
}

/* The kernel, with breakpoints; its control is measured beside it. */
void forge_kernel(struct forged *f)
{
	static struct kernel_result kernel;
	struct target_result *r = &f->result[FIXED];

	forge(f, "kernel");
	f->options.tier[1] = TIER_KERNEL;
	f->options.tiers = 2;
	f->options.kernel_breakpoints = true;
	f->options.target[1] = &kernel_target;
	r->name = kernel_target.name;
	r->summary = kernel_target.summary;
	r->tier = TIER_KERNEL;
	r->boundaries = 0;
	r->counts.by_class[STRIKE_PLAIN].exposed = 1000000;
	r->counts.by_class[STRIKE_SLOW].exposed = 500;
	kernel = (struct kernel_result) {
		.functions = 2,
		.release = "4.19.0-5-amd64",
		.age = KERNEL_LACKS_FIX,
		.forward = 4,
		.backward = 1,
		.comms = 8,
		.clocks = 3,
		.size_min = 4096,
		.size_max = 1 << 20,
		.period_ns = 100000,
		.elapsed_ns = 5000000000u,
		.comm_records = 5000000,
		.samples = 100000,
		.in_kernel = 90000,
		.in_family = 50000,
		.in_handle = 4000,
		.throttles = 7,
		.swept = true,
		.sweeps = 1,
		.sweep_hits = 15000,
	};
	kernel.function[0] = (struct kernel_function) {
		.name = "perf_output_put_handle", .start = 0x1000, .end = 0x1080, .handle = true, .hits = 4000
	};
	for (unsigned i = 0; i < 5; i++) {
		kernel.function[0].at[3 * i] = 1000 * i;
		kernel.function[0].swept[3 * i] = 3000;
	}
	kernel.function[1] = (struct kernel_function) {
		.name = "perf_output_begin", .start = 0x1080, .end = 0x2000, .hits = 46000, .at = { 46000 }
	};
	f->report.kernel = &kernel;
	judge(f, false);
}

void (*const forges[])(struct forged *f) = {
	forge_pass,       forge_fail,         forge_inconclusive,  forge_skip,
	forge_error,      forge_interrupted,  forge_no_boundaries, forge_huge,
	forge_tiers,      forge_step_pass,    forge_step_partial,  forge_step_fail,
	forge_step_blind, forge_step_missing, forge_kernel,        NULL,
};

_Static_assert(sizeof(forges) / sizeof(forges[0]) == FORGES + 1, "all of them, and the end");
