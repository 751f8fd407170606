/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "step/forked.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "order.h"
#include "plugin/contain.h"
#include "step/play.h"
#include "step/scenario.h"

/* Boundaries of a write that are known one by one. */
#define BOUNDARIES_KNOWN (1u << 14)

/* Each takes its time, and there is no end of them. */
#define HANGS_MAX 2

/* The boundaries of one write. */
struct list {
	uint32_t count;
	uint64_t pc[BOUNDARIES_KNOWN];
	bool open[BOUNDARIES_KNOWN];
};

/* What a way's process has to say; in shared memory. */
struct way {
	bool done;
	struct play_result played;
	struct contained ended;
	struct list list[2]; /* of the outermost write, and of the one that the first strike began */
	uint64_t at;         /* the last instruction that ran, of the write of @level, after so many others of it */
	uint32_t level, boundary;
	/* What became of data_head after the first strike was done. */
	bool struck, taken, decided, exposed, decreasing;
	uint64_t head, reserved;
};

struct forked {
	const struct target *target;
	const struct stepper *stepper;
	const struct scenario *scenario;
	uint64_t deadline_ns;
	const uint32_t *stop;
	struct step_result *result; /* NULL: nobody wants to know */
	struct boundaries *map;
	struct way *way;
	struct list *outer, *inner; /* copies */
};

/* ---- in a process of its own ---- */

static void note_head(struct way *way, const struct play_event *event)
{
	if (event->what == PLAY_RETURN && event->level == 1 && !way->struck) {
		way->struck = true;
		way->taken = event->taken;
		way->head = event->head;
		way->reserved = event->reserved;
	}
	if (event->what != PLAY_STEP || event->level || !way->struck || way->decided || event->head == way->head)
		return;
	way->decided = true;
	way->exposed = way->taken && (int64_t)(event->head - way->reserved) < 0;
	way->decreasing = way->taken && (int64_t)(event->head - way->head) < 0;
}

static void note(const struct play_event *event, void *context)
{
	struct way *way = context;
	struct list *list = event->level < 2 ? &way->list[event->level] : NULL;

	way->at = event->pc;
	way->level = event->level;
	way->boundary = event->boundary;
	note_head(way, event);
	if (event->what != PLAY_STEP || !list || event->boundary >= BOUNDARIES_KNOWN)
		return;
	list->pc[event->boundary] = event->pc;
	list->open[event->boundary] = event->open;
	list->count = event->boundary + 1;
}

static void run_way(const struct forked *f, const struct witness *witness)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	contain_into = &f->way->ended;
	contain_crashes();
	play(f->target, f->scenario, f->stepper, witness, note, f->way, &f->way->played);
	f->way->done = true;
	_exit(0);
}

/* ---- in ours ---- */

static int wait_for(pid_t child)
{
	uint64_t deadline = clock_ns() + FORKED_WAY_NS;
	const struct timespec period = clock_timespec(100 * NS_PER_MS);
	int status;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(child, &status, WNOHANG);

		if (pid == child)
			return status;
		if ((pid < 0 && errno != EINTR) || clock_ns() > deadline) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -ETIME;
		}
		sigtimedwait(&set, NULL, &period);
	}
}

/* One way. Return: violations, a bit each. */
static uint32_t play_apart(struct forked *f, const struct witness *witness)
{
	struct way *way = f->way;
	struct contained *ended = &way->ended;
	struct finding *seen;
	pid_t child;
	int status;

	memset(way, 0, offsetof(struct way, list));
	way->list[0].count = way->list[1].count = 0;
	memset(&way->at, 0, sizeof(*way) - offsetof(struct way, at));
	child = fork();
	if (!child)
		run_way(f, witness);
	status = child < 0 ? -errno : wait_for(child);
	if (child < 0) {
		way->played.error = -EAGAIN;
		return 0;
	}
	if (way->done)
		return way->played.kinds;
	if (status == -ETIME && !ended->any)
		*ended = (struct contained) { .any = 1, .kind = HANG };
	/* Else it exited, which nobody asked it to. */
	if (!contain_take_status(ended, status ? status : CONTAIN_EXITED))
		return 0;
	seen = &way->played.seen[ended->kind];
	/* By ptrace it is ours that waits, for the one that hangs. */
	if (f->stepper == &stepper_ptrace && ended->kind == HANG)
		ended->pc = 0;
	*seen = (struct finding) { .kind = ended->kind,
				   .before = contain_before(ended),
				   .after = ended->pc ? ended->pc : way->at };
	return way->played.kinds | VIOLATION_BIT(ended->kind);
}

static bool is_over(const struct forked *f)
{
	return clock_ns() > f->deadline_ns || (f->stop && nrb_load_relaxed(f->stop)) ||
	       (f->result && (f->result->error || f->result->found[HANG] >= HANGS_MAX));
}

static void keep(struct forked *f, const struct witness *way, uint32_t kinds)
{
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		struct witness *witness = &f->result->witness[kind];

		if (!(kinds & VIOLATION_BIT(kind)))
			continue;
		f->result->found[kind]++;
		if (witness->known && witness->count <= way->count)
			continue;
		*witness = *way;
		witness->known = true;
		witness->kind = kind;
		witness->scenario = (uint32_t)(f->scenario - scenarios);
		witness->level = f->way->level;
		witness->boundary = f->way->at ? f->way->boundary + 1 : 0;
		witness->before = f->way->played.seen[kind].before;
		witness->after = f->way->played.seen[kind].after;
	}
}

static void note_boundary(struct forked *f, uint64_t pc, uint32_t kinds)
{
	struct boundary *boundary = f->map ? boundaries_get(f->map, pc) : NULL;

	if (!boundary)
		return;
	boundary->strikes[TIER_STEP]++;
	boundary->followed[TIER_STEP] += kinds != 0;
	boundary->violations |= kinds;
	boundary->exposed |= f->way->exposed;
	boundary->decreasing |= f->way->decreasing;
}

/* Play a way and count it. Return: violations, a bit each. */
static uint32_t try(struct forked *f, struct step_pass *pass, const struct witness *way)
{
	uint32_t kinds = play_apart(f, way);

	if (pass) {
		pass->counts.steps += f->way->played.steps;
		pass->counts.taken += f->way->played.taken;
		pass->counts.strikes += way->count;
		pass->counts.tuples[way->count] += way->count != 0;
	}
	if (f->result && f->way->played.error) {
		f->result->error = f->way->played.error;
		memcpy(f->result->message, f->way->played.message, sizeof(f->result->message));
	}
	if (f->result)
		keep(f, way, kinds);
	return kinds;
}

static void add(struct witness *way, unsigned level, uint32_t boundary, uint64_t pc)
{
	way->strike[way->count++] = (struct witness_strike) { .level = level, .boundary = boundary, .pc = pc };
}

/* All strikes on the nested write that the strike of @way begins. Return: whether it came to its end. */
static bool strike_nested(struct forked *f, struct step_pass *pass, const struct witness *way)
{
	memcpy(f->inner, &f->way->list[1], sizeof(*f->inner));
	for (uint32_t i = 0; i < f->inner->count; i++) {
		struct witness deeper = *way;

		if (!f->inner->open[i])
			continue;
		if (is_over(f))
			return false;
		add(&deeper, 1, i, f->inner->pc[i]);
		if (try(f, pass, &deeper) & VIOLATION_ENDS)
			return false;
	}
	return true;
}

/* One scenario, struck so deep. Return: whether it came to its end. */
static bool go_through(struct forked *f, struct step_pass *pass, unsigned depth)
{
	struct witness way = { .count = 0 };

	if (try(f, pass, &way) & VIOLATION_ENDS)
		return false;
	memcpy(f->outer, &f->way->list[0], sizeof(*f->outer));
	if (pass)
		pass->counts.boundaries += f->outer->count;
	for (uint32_t i = 0; i < f->outer->count; i++) {
		uint32_t kinds;

		if (!f->outer->open[i])
			continue;
		if (is_over(f))
			return false;
		way.count = 0;
		add(&way, 0, i, f->outer->pc[i]);
		kinds = try(f, depth > 1 ? NULL : pass, &way);
		if (depth == 1)
			note_boundary(f, f->outer->pc[i], kinds);
		/* Once it ends so, it does at the next boundary: each would take its time. */
		if (kinds & VIOLATION_ENDS || (depth > 1 && !strike_nested(f, pass, &way)))
			return false;
	}
	return true;
}

static bool set_up(struct forked *f)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->outer = malloc(sizeof(*f->outer));
	f->inner = malloc(sizeof(*f->inner));
	f->way = mmap(NULL, sizeof(*f->way), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f->way == MAP_FAILED)
		f->way = NULL;
	return f->outer && f->inner && f->way;
}

static void tear_down(struct forked *f)
{
	free(f->outer);
	free(f->inner);
	if (f->way)
		munmap(f->way, sizeof(*f->way));
}

static bool is_caught(const struct forked *f)
{
	if (f->target->claim != CLAIM_CONTROL)
		return false;
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (f->target->expected[TIER_STEP] & VIOLATION_BIT(kind) && f->result->found[kind])
			return true;
	return false;
}

void forked_run(const struct step_config *config, const struct stepper *stepper, uint64_t deadline_ns,
		struct step_result *result, struct boundaries *map)
{
	struct forked f = { .target = config->target,
			    .stepper = stepper,
			    .deadline_ns = deadline_ns,
			    .stop = config->stop,
			    .result = result,
			    .map = map };
	uint64_t start;

	result->passes = config->depth < 2 ? 1 : 2;
	result->confirmed = true;
	if (!set_up(&f))
		result->error = -ENOMEM;
	for (unsigned p = 0; p < result->passes; p++) {
		struct step_pass *pass = &result->pass[p];

		*pass = (struct step_pass) { .depth = (uint8_t)(p + 1), .strikes = 1 };
		start = clock_ns();
		for (unsigned i = 0; i < scenario_count && !is_over(&f) && !(p && is_caught(&f)); i++) {
			f.scenario = &scenarios[i];
			result->scenario = i;
			pass->scenarios += go_through(&f, pass, p + 1);
		}
		pass->counts.ns = clock_ns() - start;
	}
	tear_down(&f);
}

void forked_survey(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
		   struct exposure *exposure)
{
	struct forked f = { .target = target,
			    .stepper = stepper,
			    .scenario = &scenarios[0],
			    .deadline_ns = deadline_ns,
			    .map = calloc(1, sizeof(*f.map)) };

	memset(exposure, 0, sizeof(*exposure));
	if (f.map && set_up(&f)) {
		exposure->complete = go_through(&f, NULL, 1);
		exposure_take(exposure, f.map);
		exposure_aim_anywhere(exposure, f.map);
	}
	free(f.map);
	tear_down(&f);
}
