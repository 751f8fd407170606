/* SPDX-License-Identifier: MIT */
/*
 * slice.c - sets up a slice, watches over it, and ends it in time
 */
#define _GNU_SOURCE
#include "slice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "inject/inject.h"
#include "inject/trap.h"
#include "levels.h"
#include "plugin/contain.h"
#include "reader.h"
#include "swapper.h"
#include "watchdog.h"

#define THREAD_STACK (256u << 10)

/* Writers that were asked to stop get this long; then their timers are taken from them, and as long again. */
#define STOP_PATIENCE_NS (400 * NS_PER_MS)
/* Without its timers, and asked to stop, a writer has no more than a burst to write: milliseconds, in slow motion as
 * well. Who uses so much processor time then never comes back from a write, however little of the CPU it was given. */
#define STOP_CPU_NS (40 * NS_PER_MS)

/* Largest payload that anybody writes, and more than any draw in writer.c and strike.c gives. */
#define PAYLOAD_MAX 2048u

struct slice {
	const struct slice_config *config;
	struct slice_result *result;
	struct writer *writer;
	struct reader *reader;
	unsigned rings, writers, readers;          /* set up; who shares a ring comes after those who have their own */
	unsigned writers_running, readers_running; /* threads started and not joined */
	uint64_t start_ns;
	struct swapper swapper;
};

static int fail(struct slice *slice, int error, const char *what)
{
	slice->result->end = SLICE_ERROR;
	snprintf(slice->result->message, sizeof(slice->result->message), "%s: %s", what, strerror(-error));
	return error;
}

static uint64_t resident_kib(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file) {
		if (fscanf(file, "%*u %llu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * ((uint64_t)sysconf(_SC_PAGESIZE) >> 10);
}

/* ---- setting up ---- */

static int open_ring(struct slice *slice, struct writer *writer)
{
	const struct slice_config *config = slice->config;
	struct target_attr attr = { .target = config->target,
				    .data_size = config->data_size,
				    .start = config->start,
				    .id = writer->index + 1 };

	writer->ring = config->target->open(&attr);
	if (!writer->ring)
		return fail(slice, -errno, "cannot make a ring");
	slice->rings++;
	writer->reader = config->target->reader_open(writer->ring);
	return writer->reader ? 0 : fail(slice, -errno, "cannot open the reading side of a ring");
}

/* All but its ring and its place. */
static int set_up_writer(struct slice *slice, unsigned index)
{
	const struct slice_config *config = slice->config;
	struct writer *writer = &slice->writer[index];

	slice->writers = index + 1;
	writer->config = config;
	writer->result = slice->result;
	writer->target = config->target;
	writer->injector = config->injector;
	writer->index = index;
	writer->stream = (uint32_t)(config->seed ^ (index * 0x9e3779b9u));
	/* A record of this size leaves room for others in the smallest ring. */
	writer->payload_max = config->data_size / 8 < PAYLOAD_MAX ? (uint32_t)config->data_size / 8 : PAYLOAD_MAX;
	writer->payload_max = target_payload(config->target, writer->payload_max);
	writer->tail_seen = config->start;
	writer->wake.head = config->start;
	steer_init(&writer->steer, LEVELS - 1, config->options->rate_hz, config->options->progress);
	for (unsigned level = 0; level < LEVELS; level++) {
		writer->random[level] = random_stream(config->seed, index * LEVELS + level);
		writer->scratch[level] = calloc(1, WRITER_SCRATCH);
		if (!writer->scratch[level])
			return fail(slice, -ENOMEM, "cannot set up a writer");
	}
	return 0;
}

static int set_up_ring(struct slice *slice, unsigned index)
{
	const struct placed_writer *placed = &slice->config->placement->writer[index];
	struct writer *writer = &slice->writer[index];
	int rc = set_up_writer(slice, index);

	writer->cpu = placed->cpu;
	writer->kicker_cpu = placed->kicker_cpu;
	return rc ? rc : open_ring(slice, writer);
}

/* The CPU of a reader that takes from the ring of this number. */
static unsigned consumer_cpu(const struct placement *placement, unsigned ring)
{
	for (unsigned i = 0; i < placement->readers; i++) {
		const struct placed_reader *reader = &placement->reader[i];

		if (reader->consumer && ring % reader->stride == reader->first_ring % reader->stride)
			return reader->cpu;
	}
	return placement->reader[0].cpu;
}

/* The CPU for a second writer of the ring of this number: of the next ring's writer that is not on the owner's, so that
 * the two run at the same time; where there is none, the reader's. */
static unsigned sharer_cpu(const struct placement *placement, unsigned ring)
{
	for (unsigned i = 1; i < placement->writers; i++) {
		unsigned cpu = placement->writer[(ring + i) % placement->writers].cpu;

		if (cpu != placement->writer[ring].cpu)
			return cpu;
	}
	return consumer_cpu(placement, ring);
}

/* A second thread that writes into the ring of this number. */
static int set_up_sharer(struct slice *slice, unsigned ring)
{
	const struct placement *placement = slice->config->placement;
	struct writer *owner = &slice->writer[ring], *sharer = &slice->writer[placement->writers + ring];
	int rc = set_up_writer(slice, placement->writers + ring);

	sharer->cpu = sharer_cpu(placement, ring);
	/* A kick comes from another CPU. */
	sharer->kicker_cpu = owner->cpu;
	sharer->ring = owner->ring;
	sharer->reader = owner->reader;
	sharer->stream = owner->stream;
	sharer->lane = LEVELS;
	sharer->other = owner;
	owner->other = sharer;
	return rc;
}

static int set_up_reader(struct slice *slice, unsigned index)
{
	const struct placed_reader *placed = &slice->config->placement->reader[index];
	struct reader *reader = &slice->reader[index];

	reader->config = slice->config;
	reader->result = slice->result;
	reader->index = index;
	reader->cpu = placed->cpu;
	reader->first_violation_ns = UINT64_MAX;
	reader->view = calloc(slice->rings, sizeof(*reader->view));
	slice->readers = index + 1;
	if (!reader->view)
		return fail(slice, -ENOMEM, "cannot set up a reader");
	for (unsigned ring = placed->first_ring; ring < slice->rings; ring += placed->stride) {
		struct view *view = &reader->view[reader->views++];

		view->writer = &slice->writer[ring];
		view->consumer = placed->consumer;
		oracle_stream_init(&view->stream, view->writer->stream, slice->config->data_size);
		if (!placed->consumer)
			break;
	}
	return 0;
}

static int set_up(struct slice *slice)
{
	const struct placement *placement = slice->config->placement;
	unsigned writers = placement->writers * (slice->config->target->shared ? 2 : 1);
	int rc;

	slice->writer = aligned_alloc(64, writers * sizeof(*slice->writer));
	slice->reader = aligned_alloc(64, placement->readers * sizeof(*slice->reader));
	if (!slice->writer || !slice->reader)
		return fail(slice, -ENOMEM, "cannot set up a slice");
	memset(slice->writer, 0, writers * sizeof(*slice->writer));
	memset(slice->reader, 0, placement->readers * sizeof(*slice->reader));
	for (unsigned i = 0; i < placement->writers; i++) {
		rc = set_up_ring(slice, i);
		if (rc)
			return rc;
	}
	for (unsigned i = placement->writers; i < writers; i++) {
		rc = set_up_sharer(slice, i - placement->writers);
		if (rc)
			return rc;
	}
	for (unsigned i = 0; i < placement->readers; i++) {
		rc = set_up_reader(slice, i);
		if (rc)
			return rc;
	}
	rc = slice->config->injector->prepare();
	if (!rc)
		rc = trap_prepare();
	return rc ? fail(slice, rc, "cannot handle signals") : 0;
}

static void tear_down(struct slice *slice)
{
	for (unsigned i = 0; i < slice->readers; i++)
		free(slice->reader[i].view);
	for (unsigned i = 0; i < slice->writers; i++) {
		struct writer *writer = &slice->writer[i];

		if (writer->reader && !writer->lane)
			writer->target->reader_close(writer->reader);
		if (writer->ring && !writer->lane)
			writer->target->close(writer->ring);
		for (unsigned level = 0; level < LEVELS; level++)
			free(writer->scratch[level]);
	}
	free(slice->writer);
	free(slice->reader);
}

/* ---- threads ---- */

static int start_thread(struct slice *slice, pthread_t *thread, const char *name, unsigned cpu,
			void *(*function)(void *), void *argument)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	rc = pthread_create(thread, &attr, function, argument);
	pthread_attr_destroy(&attr);
	if (!rc) {
		pthread_setname_np(*thread, name);
		return 0;
	}
	slice->result->end = SLICE_ERROR;
	if (rc == EINVAL)
		snprintf(slice->result->message, sizeof(slice->result->message),
			 "cannot pin a thread to CPU %u: it is offline, or not ours; name others with --cpus", cpu);
	else
		fail(slice, -rc, "cannot start a thread");
	return -rc;
}

static int start_threads(struct slice *slice)
{
	sigset_t set;
	char name[24];
	int rc = 0;

	/* Inherited by all threads; writers unblock them when they are ready. */
	level_signals(&set, LEVELS - 1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	slice->start_ns = clock_ns();
	for (unsigned i = 0; i < slice->readers && !rc; i++) {
		struct reader *reader = &slice->reader[i];

		snprintf(name, sizeof(name), "reader%u", i);
		reader->start_ns = slice->start_ns;
		rc = start_thread(slice, &reader->thread, name, reader->cpu, reader_main, reader);
		slice->readers_running += !rc;
	}
	for (unsigned i = 0; i < slice->writers && !rc; i++) {
		struct writer *writer = &slice->writer[i];

		snprintf(name, sizeof(name), "writer%u", i);
		writer->start_ns = slice->start_ns;
		rc = start_thread(slice, &writer->thread, name, writer->cpu, base_main, writer);
		slice->writers_running += !rc;
		if (!rc)
			pthread_getcpuclockid(writer->thread, &writer->cpu_clock);
	}
	if (!rc) {
		rc = swapper_start(&slice->swapper, slice->writer, slice->rings, slice->config->options->swap_ns);
		if (rc)
			fail(slice, rc, "cannot start a thread");
	}
	return rc;
}

/* Join until @deadline. Return: whether all have ended. */
static bool join_writers(struct slice *slice, uint64_t deadline)
{
	struct timespec until = clock_timespec(deadline);

	while (slice->writers_running) {
		struct writer *writer = &slice->writer[slice->writers_running - 1];

		if (pthread_clockjoin_np(writer->thread, NULL, CLOCK_MONOTONIC, &until))
			return false;
		slice->writers_running--;
	}
	return true;
}

static void disarm_all(struct slice *slice)
{
	/* Twice: a handler that was about to arm its timer may do so once more after the first. */
	for (unsigned again = 0; again < 2; again++) {
		for (unsigned i = 0; i < slice->writers_running; i++)
			slice->config->injector->disarm(&slice->writer[i]);
		nanosleep(&(struct timespec) { .tv_nsec = NS_PER_MS }, NULL);
	}
}

/* Processor time of each writer that still runs. */
static void note_cpu(const struct slice *slice, uint64_t *cpu_ns)
{
	for (unsigned i = 0; i < slice->writers_running; i++)
		cpu_ns[i] = clock_read(slice->writer[i].cpu_clock);
}

/* What those that still run have used since. */
static uint64_t used_since(const struct slice *slice, const uint64_t *cpu_ns)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < slice->writers_running; i++) {
		uint64_t used = clock_read(slice->writer[i].cpu_clock) - cpu_ns[i];

		most = used > most ? used : most;
	}
	return most;
}

/* A writer does not stop: its write never returns, or it has not been given the CPU, or waits for the disk. */
static void tell_stuck(struct slice *slice, uint64_t used_ns)
{
	bool spins = used_ns > STOP_CPU_NS;

	slice->result->end = spins ? SLICE_ERROR : SLICE_STARVED;
	snprintf(slice->result->message, sizeof(slice->result->message),
		 spins ? "a writer did not stop within %u ms: its write may never return"
		       : "a writer was kept from the CPU for %u ms: this machine is too busy with other things",
		 (unsigned)(2 * STOP_PATIENCE_NS / NS_PER_MS));
}

static void join_readers(struct slice *slice)
{
	struct timespec until = clock_timespec(clock_ns() + STOP_PATIENCE_NS);

	for (unsigned i = 0; i < slice->readers_running; i++) {
		pthread_t thread = slice->reader[i].thread;

		if (slice->config->target->file && pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until))
			contain_thread_late(thread);
		else if (slice->config->target->file)
			continue;
		pthread_join(thread, NULL);
	}
}

/* Code of others may end a thread of ours without a word; then nobody knows what else it would have shown. */
static void look_for_gone(const struct slice *slice, unsigned writers)
{
	if (!slice->config->target->file)
		return;
	for (unsigned i = 0; i < writers; i++)
		if (!nrb_load_acquire(&slice->writer[i].finished))
			contain_thread_gone(false);
	for (unsigned i = 0; i < slice->readers_running; i++)
		if (!slice->reader[i].ended)
			contain_thread_gone(true);
}

/* Return: whether every thread has ended, so that what they used may be freed. */
static bool stop_threads(struct slice *slice)
{
	uint64_t cpu_ns[WRITERS_MAX] = { 0 };
	unsigned writers = slice->writers_running;

	for (unsigned i = 0; i < slice->writers_running; i++)
		nrb_store_relaxed(&slice->writer[i].stop, 1);
	if (!join_writers(slice, clock_ns() + STOP_PATIENCE_NS)) {
		disarm_all(slice);
		note_cpu(slice, cpu_ns);
		if (slice->config->target->file && slice->writers_running &&
		    !join_writers(slice, clock_ns() + STOP_PATIENCE_NS / 2))
			contain_thread_late(slice->writer[slice->writers_running - 1].thread);
		if (!join_writers(slice, clock_ns() + STOP_PATIENCE_NS)) {
			tell_stuck(slice, used_since(slice, cpu_ns));
			return false;
		}
	}
	swapper_stop(&slice->swapper);
	for (unsigned i = 0; i < slice->readers_running; i++)
		nrb_store_relaxed(&slice->reader[i].stop, 1);
	join_readers(slice);
	look_for_gone(slice, writers);
	return true;
}

/* ---- the result ---- */

/* Figures of a thread that was somewhere else for a part of the time mean nothing. */
static void tell_displaced(struct slice *slice, const char *who, unsigned cpu)
{
	if (slice->result->end == SLICE_ERROR)
		return;
	slice->result->end = SLICE_ERROR;
	snprintf(slice->result->message, sizeof(slice->result->message),
		 "CPU %u was taken away while a %s was pinned to it: bring it back online, or name others with --cpus",
		 cpu, who);
}

static void collect(struct slice *slice)
{
	struct slice_result *result = slice->result;

	for (unsigned i = 0; i < slice->writers; i++) {
		struct writer *writer = &slice->writer[i];

		counts_add(&result->counts, &writer->counts);
		result->counts.swaps += writer->swaps;
		for (unsigned level = 1; level < LEVELS; level++)
			result->interval_ns[level] += writer->steer.interval_ns / slice->writers;
		if (writer->error && result->end != SLICE_ERROR) {
			result->end = SLICE_ERROR;
			if (writer->message[0])
				snprintf(result->message, sizeof(result->message), "%s", writer->message);
			else
				fail(slice, writer->error, "a writer could not run");
		}
		if (writer->swap_error && result->end != SLICE_ERROR)
			fail(slice, writer->swap_error, "cannot replace a ring");
		if (writer->displaced)
			tell_displaced(slice, "writer", writer->cpu);
	}
	for (unsigned i = 0; i < slice->readers; i++) {
		struct reader *reader = &slice->reader[i];

		for (unsigned v = 0; v < reader->views; v++)
			counts_add(&result->counts, &reader->view[v].counts);
		if (reader->first_violation_ns < result->first_violation_ns)
			result->first_violation_ns = reader->first_violation_ns;
		if (reader->displaced)
			tell_displaced(slice, "reader", reader->cpu);
	}
}

void slice_run(const struct slice_config *config, struct slice_result *result)
{
	struct slice slice = { .config = config, .result = result };
	bool quiet = true;

	int rc;

	result->first_violation_ns = UINT64_MAX;
	/* Rings are opened there; once there are threads, they are looked after one by one. */
	if (config->target->file)
		contain_watch();
	rc = set_up(&slice);
	contain_watch_end();
	if (!rc) {
		result->rss_start_kib = resident_kib();
		if (!start_threads(&slice))
			result->end = watchdog_run(config, slice.writer, slice.writers, slice.start_ns, result->message,
						   sizeof(result->message));
		quiet = stop_threads(&slice);
		result->rss_end_kib = resident_kib();
		if (quiet)
			collect(&slice);
	}
	/* A thread that still runs would use what is freed; the process is about to end anyway. */
	if (quiet)
		tear_down(&slice);
}
