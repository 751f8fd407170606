/* SPDX-License-Identifier: MIT */
/*
 * check_tiers.c - several ways to interrupt in one run, and what is special about kicks and breakpoints
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "inject/context.h"
#include "inject/inject.h"
#include "levels.h"
#include "order.h"
#include "run.h"
#include "step/step.h"
#include "suite.h"
#include "targets/ring_target.h"
#include "topology.h"
#include "verdict.h"
#include "writer.h"

/* What chance decides gets so long, on a machine that may be busy with other things. */
#define PATIENCE_NS (60 * NS_PER_S)
/* A run never outlives its duration by more than this. */
#define BOUND_NS (2 * NS_PER_S)
/* Long enough for two rounds; where chance must have its way, there is another run. */
#define SHORT_NS (400 * NS_PER_MS)
/* Several tiers share the time. */
#define SIDE_BY_SIDE_NS (1200 * NS_PER_MS)

static struct options options;
static struct placement placement;
static struct run run;
static struct judgement judgement[RUN_RESULTS_MAX];
static struct run_judgement verdict;

static void begin(uint64_t duration_ns, const struct target *first, const struct target *second, unsigned tiers,
		  const enum tier *tier)
{
	static struct topology topology;
	char message[256];

	memset(&options, 0, sizeof(options));
	options.target[0] = first;
	options.target[1] = second;
	options.targets = second ? 2 : 1;
	options.tiers = tiers;
	memcpy(options.tier, tier, tiers * sizeof(*tier));
	options.duration_ns = duration_ns;
	options.data_size = 1 << 20;
	options.progress = 0.5;
	/* The more is seen. */
	options.slow_motion = 0.9;
	options.min_exposure = 5;
	options.seed = clock_ns();
	ck_assert_int_eq(topology_read(&topology, NULL, message, sizeof(message)), 0);
	ck_assert_int_eq(placement_make(&placement, &topology, PLACEMENT_NEAR, 1, 1), 0);
}

static void go(void)
{
	struct verdict_limits limits = { .min_exposure = options.min_exposure };
	uint64_t start = clock_ns();

	run_free(&run);
	memset(&run, 0, sizeof(run));
	run.options = &options;
	run.placement = &placement;
	ck_assert_int_eq(run_all(&run), 0);
	/* What is shorter than a second has the survey beside it, which takes no share of it but its own time. */
	require(clock_ns() - start < (options.duration_ns < NS_PER_S ? NS_PER_S : options.duration_ns) + BOUND_NS);
	verdict_run(run.result, run.results, &limits, judgement, &verdict);
}

/* Tiers that have caught their control, a bit each. */
static unsigned catching(void)
{
	unsigned tiers = 0;

	for (unsigned i = 0; i < options.tiers; i++)
		tiers |= verdict.sight[options.tier[i]].caught ? 1u << i : 0;
	return tiers;
}

/* On a busy machine the survey may find no boundary in its time. */
static bool skipped_any(void)
{
	for (unsigned i = 0; i < run.results; i++)
		if (run.result[i].skipped)
			return true;
	return false;
}

/* Legacy in all @tiers until it was caught in each once, and there is @enough besides; fixed beside it stays clean. */
static void catch_in(unsigned tiers, const enum tier *tier, bool (*enough)(void))
{
	uint64_t end = clock_ns() + PATIENCE_NS, duration = tiers > 1 ? SIDE_BY_SIDE_NS : SHORT_NS;
	unsigned caught = 0;

	/* What was caught once need not be again, so that the next one is only a little longer. */
	for (;; duration += duration / 2) {
		begin(duration, &target_legacy, &target_fixed, tiers, tier);
		go();
		ck_assert_uint_eq(run.results, 2 * tiers);
		for (unsigned i = 0; i < run.results; i++) {
			ck_assert_int_eq(run.result[i].tier, options.tier[i / 2]);
			ck_assert_str_eq(run.result[i].name, i % 2 ? "fixed" : "legacy");
			ck_assert_msg(!run.result[i].failed, "%s", run.result[i].message);
			ck_assert_uint_eq(run.result[i].counts.disarms, 0);
			if (i % 2)
				ck_assert_uint_eq(counts_violations_except(&run.result[i].counts, 0), 0);
		}
		caught |= catching();
		if ((!skipped_any() && caught == (1u << tiers) - 1 && enough()) || clock_ns() + 2 * duration > end)
			break;
	}
	ck_assert(!skipped_any() && enough());
	ck_assert_uint_eq(caught, (1u << tiers) - 1);
	ck_assert_int_ne(verdict.verdict, VERDICT_ERROR);
}

/* Kicks come at all levels, and nest. */
static bool kicked_at_all_levels(void)
{
	const struct counts *counts = &run.result[1].counts;

	for (unsigned level = 1; level < LEVELS; level++)
		if (!counts->strikes_by_level[level])
			return false;
	return counts->strikes_by_depth[2] > 0;
}

START_TEST(tiers_run_side_by_side)
{
	static const enum tier tiers[] = { TIER_KICK, TIER_TIMER };

	catch_in(2, tiers, kicked_at_all_levels);
	ck_assert_uint_eq(run.result[1].counts.stray_signals, 0);
}
END_TEST

/* And slow motion works from there. */
static bool hit_often(void)
{
	const struct counts *counts = &run.result[1].counts;

	return counts->strikes_by_level[1] > 100 && counts->by_class[STRIKE_SLOW].exposed;
}

START_TEST(what_is_aimed_at_is_hit)
{
	static const enum tier tiers[] = { TIER_AIM };
	const struct counts *counts;

	catch_in(1, tiers, hit_often);
	counts = &run.result[1].counts;
	/* Not one interrupt is spent elsewhere. */
	ck_assert_uint_eq(counts->strikes_by_depth[2], counts->strikes_by_level[1]);
	ck_assert_uint_eq(counts->strikes_by_depth[1], 0);
	/* Nothing strikes in slow motion. */
	ck_assert_uint_eq(counts->by_class[STRIKE_IN_SLOW].strikes, 0);
}
END_TEST

/* A nested writer of legacy may be in the window itself: struck there, and no deeper than levels go. */
static bool hit_to_the_depth(void)
{
	return run.result[0].counts.strikes_by_depth[LEVELS] && run.result[0].counts.passed_hits;
}

START_TEST(aimed_strikes_nest)
{
	static const enum tier tiers[] = { TIER_AIM };

	catch_in(1, tiers, hit_to_the_depth);
}
END_TEST

/* ---- what a tier lacks keeps no other from running ---- */

/* More instructions than the survey follows. */
static int far_write(struct target_ring *ring, const void *payload, size_t size)
{
	static uint64_t steps;

	while (nrb_local_add(&steps, 1) % 20000)
		;
	return target_fixed.write(ring, payload, size);
}

START_TEST(nothing_to_aim_at_is_a_skip)
{
	static const enum tier tiers[] = { TIER_AIM, TIER_TIMER };
	struct target far = target_fixed;
	uint64_t end = clock_ns() + PATIENCE_NS;

	far.name = "far";
	far.write = far_write;
	far.reserve = NULL;
	do {
		begin(SHORT_NS / 2, &target_legacy, &far, 2, tiers);
		go();
	} while (run.result[0].skipped && clock_ns() < end);
	ck_assert_uint_eq(run.results, 4);
	ck_assert(!run.result[0].skipped && run.result[1].skipped);
	ck_assert_ptr_nonnull(strstr(run.result[1].message, "nothing to aim at"));
	ck_assert_uint_eq(run.result[1].slices, 0);
	for (unsigned i = 0; i < run.results; i++)
		ck_assert(i == 1 || run.result[i].slices >= 2);
	ck_assert_int_eq(judgement[1].verdict, VERDICT_SKIP);
}
END_TEST

/* As a container does it. */
static void forbid_perf_events(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(a_tier_that_is_forbidden_is_a_skip)
{
	static const enum tier tiers[] = { TIER_AIM, TIER_TIMER };

	forbid_perf_events();
	begin(SHORT_NS / 2, &target_legacy, &target_fixed, 2, tiers);
	go();
	ck_assert_uint_eq(run.results, 4);
	for (unsigned i = 0; i < run.results; i++) {
		ck_assert_int_eq(run.result[i].skipped, i < 2);
		ck_assert_int_eq(run.result[i].slices != 0, i >= 2);
	}
	ck_assert_ptr_nonnull(strstr(run.result[0].message, "perf_event"));
	/* It leaves its time to the other. */
	/* Half of what the survey left, which is half of the run at least. */
	ck_assert_uint_ge(run.target_ns, options.duration_ns / 4 - NS_PER_MS);
	ck_assert_uint_le(run.target_ns, options.duration_ns / 2);
	ck_assert(verdict.verdict == VERDICT_SKIP || verdict.verdict == VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(a_run_of_nothing_is_inconclusive)
{
	static const enum tier tiers[] = { TIER_STEP };

	begin(SHORT_NS, &target_legacy, &target_fixed, 1, tiers);
	go();
	if (!run.results)
		ck_assert_int_eq(verdict.verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

/* ---- slices of their own ---- */

static const uint32_t go_on;

static struct slice_result *run_slice(const struct injector *injector, const struct target *target,
				      const struct exposure *exposure, uint64_t duration_ns, const uint32_t *stop)
{
	struct slice_result *result = calloc(1, sizeof(*result));
	uint64_t start = clock_ns();

	ck_assert_ptr_nonnull(result);
	begin(duration_ns, target, NULL, 1, &injector->tier);
	slice_run(&(struct slice_config) { .options = &options,
					   .placement = &placement,
					   .target = target,
					   .injector = injector,
					   .exposure = exposure,
					   .data_size = options.data_size,
					   .duration_ns = options.duration_ns,
					   .stop = stop },
		  result);
	require(clock_ns() - start < duration_ns + BOUND_NS);
	return result;
}

/* Shared with who disturbs: interrupts come, from now on; and enough came. */
struct disturbed {
	uint32_t started, stop;
};

static struct disturbed *disturbed;
static const struct injector *disturbed_injector;

static void start_and_tell(struct writer *writer)
{
	disturbed_injector->start(writer);
	nrb_store_relaxed(&disturbed->started, 1);
}

/* As soon as this process can take them, and until it has. */
static void disturb(pid_t pid)
{
	uint64_t end = clock_ns() + PATIENCE_NS / 4;

	while (!nrb_load_relaxed(&disturbed->started) && clock_ns() < end)
		usleep(1000);
	for (unsigned i = 0; i < 20 && nrb_load_relaxed(&disturbed->started); i++) {
		kill(pid, level_signal(1 + i % (LEVELS - 1)));
		usleep(5000);
	}
	nrb_store_relaxed(&disturbed->stop, 1);
}

START_TEST(signals_from_others_are_passed_over)
{
	static const struct exposure nowhere;
	const struct injector *original = _i ? &injector_kick : &injector_timer;
	struct injector injector = *original;
	uint64_t end = clock_ns() + PATIENCE_NS;
	struct slice_result *result = NULL;
	pid_t self = getpid(), child;

	disturbed_injector = original;
	injector.start = start_and_tell;
	disturbed = mmap(NULL, sizeof(*disturbed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(disturbed != MAP_FAILED);
	/* On a busy machine the writer may not have been let run at all. */
	do {
		free(result);
		memset(disturbed, 0, sizeof(*disturbed));
		child = fork();
		if (!child) {
			disturb(self);
			_exit(0);
		}
		result = run_slice(&injector, &target_fixed, &nowhere, PATIENCE_NS / 3, &disturbed->stop);
		waitpid(child, NULL, 0);
		ck_assert_msg(result->end == SLICE_STOPPED, "%s", result->message);
		ck_assert_uint_le(result->counts.stray_signals, 20);
		ck_assert_uint_eq(counts_violations_except(&result->counts, 0), 0);
	} while ((!result->counts.stray_signals || !result->counts.strikes_by_level[1]) && clock_ns() < end);
	ck_assert_uint_gt(result->counts.stray_signals, 0);
	ck_assert_uint_gt(result->counts.strikes_by_level[1], 0);
	free(result);
}
END_TEST

/* In the target's own code; what it calls may serve others too. */
static bool lies_in(const struct text_range *text, uint64_t pc)
{
	for (; text->start; text++)
		if (pc - (uintptr_t)text->start < (uintptr_t)text->end - (uintptr_t)text->start)
			return true;
	return false;
}

/* Its boundaries are hit, and that is all. */
START_TEST(writes_that_block_signals_are_not_struck)
{
	static struct exposure exposure = { .complete = true };
	static struct step_result stepped;
	static struct boundaries map;
	const struct step_config config = {
		.target = &target_mask, .depth = 1, .strikes = 1, .duration_ns = PATIENCE_NS / 4
	};
	struct slice_result *result;

	step_run(&config, &stepped, &map);
	for (unsigned i = 0; i < BOUNDARIES_MAX && exposure.count < EXPOSURE_MAX; i++)
		if (map.at[i].masked && !map.at[i].strikes[TIER_STEP] && lies_in(target_mask.text, map.at[i].pc))
			exposure.boundary[exposure.count++].pc = map.at[i].pc;
	ck_assert_uint_gt(exposure.count, 0);
	result = run_slice(&injector_aim, &target_mask, &exposure, NS_PER_S / 3, &go_on);
	ck_assert_msg(result->end == SLICE_DONE, "%s", result->message);
	ck_assert_uint_gt(result->counts.passed_hits, 0);
	ck_assert_uint_eq(result->counts.strikes_by_level[1], 0);
	ck_assert_uint_eq(counts_violations_except(&result->counts, 0), 0);
	free(result);
}
END_TEST

/* So many hits of a breakpoint in one write that it makes no headway. */
static __attribute__((noinline)) void pass(void)
{
	__asm__ volatile("" ::: "memory");
}

static int beset_write(struct target_ring *ring, const void *payload, size_t size)
{
	for (unsigned i = 0; i < 20000; i++)
		pass();
	return target_fixed.write(ring, payload, size);
}

START_TEST(the_watchdog_takes_a_breakpoint_away)
{
	static struct exposure exposure = { .count = 1, .complete = true };
	struct target beset = target_fixed;
	struct slice_result *result;

	beset.name = "beset";
	beset.write = beset_write;
	beset.reserve = NULL;
	exposure.boundary[0].pc = (uint64_t)(uintptr_t)pass;
	result = run_slice(&injector_aim, &beset, &exposure, 20 * NS_PER_S, &go_on);
	ck_assert_int_eq(result->end, SLICE_STARVED);
	ck_assert_uint_eq(result->counts.disarms, 3);
	ck_assert_uint_gt(result->counts.records, 0);
	ck_assert_uint_eq(counts_violations_except(&result->counts, 0), 0);
	free(result);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("tiers");
	TCase *tcase = suite_case(suite, "tiers");
	static struct topology topology;
	static char reason[200];
	const char *no_reader = NULL, *no_aim;
	char message[256];

	if (topology_read(&topology, NULL, message, sizeof(message)) || topology.cpus < 2)
		no_reader = "two CPUs are needed";
	injector_aim.probe(reason, sizeof(reason));
	no_aim = no_reader || !reason[0] ? no_reader : reason;
	suite_add(tcase, tiers_run_side_by_side, no_reader);
	suite_add(tcase, what_is_aimed_at_is_hit, no_aim);
	suite_add(tcase, aimed_strikes_nest, no_aim);
	suite_add(tcase, writes_that_block_signals_are_not_struck, no_aim);
	suite_add(tcase, nothing_to_aim_at_is_a_skip, no_aim);
	suite_add(tcase, a_tier_that_is_forbidden_is_a_skip,
		  no_reader || CONTEXT_CAN_STEP ? no_reader : "breakpoints need x86-64");
	suite_add(tcase, a_run_of_nothing_is_inconclusive, no_reader);
	if (no_reader)
		suite_add(tcase, signals_from_others_are_passed_over, no_reader);
	else
		tcase_add_loop_test(tcase, signals_from_others_are_passed_over, 0, 2);
	suite_add(tcase, the_watchdog_takes_a_breakpoint_away, no_aim);
	return suite;
}
