/* SPDX-License-Identifier: MIT */
/*
 * scribbled.c - those who have to live with a neighbour that scribbles: a writer, and a reader
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "order.h"
#include "payload.h"
#include "random.h"
#include "scribble.h"

#define DEPTH 3u
#define STREAM 0x405u
#define CANARY 0xc5
#define POLLS_A_READER 500u

/* ---- the writer ---- */

static struct {
	struct nrb_ring *ring;
	struct nrb_ring constant; /* of the ring but for pid and tid */
	struct nrb_control honest;
	struct random random[DEPTH];
	struct shared *shared;
} victim;

/* Whoever stores or reads beside a mapping faults. Where something is mapped already that is another guard. */
static void guard(unsigned char *at)
{
	size_t page = nrb_page_size();
	void *got = mmap(at, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	if (at && got != MAP_FAILED && got != at)
		munmap(got, page);
}

static void guard_mapping(const struct nrb_mapping *mapping)
{
	guard(mapping->address - nrb_page_size());
	guard(mapping->address + mapping->length);
}

static uint64_t trailer_size(void)
{
	return 8 * (uint64_t)__builtin_popcountll(victim.ring->sample_id);
}

/* As an honest writer writes, at any level; the payload verifies itself if nobody scribbles over it. */
static int write_one(unsigned level, uint64_t sequence)
{
	struct random *random = &victim.random[level];
	uint64_t size = PAYLOAD_MIN + 8 * random_below(random, 48);
	unsigned char payload[PAYLOAD_MIN + 8 * 48];
	struct nrb_reservation r;
	int rc;

	if (random_next(random) & 1) {
		payload_fill(payload, size, STREAM, level, sequence);
		return nrb_write(victim.ring, NRB_RECORD_SAMPLE, payload, size);
	}
	rc = nrb_reserve(victim.ring, &r, NRB_RECORD_SAMPLE, size);
	if (rc)
		return rc;
	/* Where the neighbour wants it to be is not asked. */
	insist((unsigned char *)r.payload >= victim.ring->data + 8 &&
	       (unsigned char *)r.payload + size + trailer_size() <= victim.ring->data + 2 * victim.ring->data_size);
	if (level + 1 < DEPTH && random_below(random, 4) == 0)
		raise(level ? SIGUSR2 : SIGUSR1);
	payload_fill(r.payload, size, STREAM, level, sequence);
	nrb_commit(victim.ring, &r);
	return 0;
}

static void count(int rc)
{
	insist(rc == 0 || rc == -ENOSPC);
	nrb_local_add(rc ? &victim.shared->refused : &victim.shared->taken, 1);
	nrb_local_add(&victim.shared->progress, 1);
}

static void on_signal(int signal)
{
	int saved = errno;

	count(write_one(signal == SIGUSR1 ? 1 : 2, 0));
	errno = saved;
}

static void arm(int signal, long interval_ns)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal };
	struct itimerspec every = { .it_value.tv_nsec = interval_ns, .it_interval.tv_nsec = interval_ns };
	timer_t timer;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	insist(!sigaction(signal, &action, NULL));
	/* Where timers are limited there still are the signals that are raised in writes. */
	if (!timer_create(CLOCK_MONOTONIC, &event, &timer))
		timer_settime(timer, 0, &every, NULL);
}

void victim_begin(struct shared *shared, const struct nrb_attr *attr)
{
	size_t page = nrb_page_size();

	victim.shared = shared;
	for (unsigned level = 0; level < DEPTH; level++)
		victim.random[level] = random_stream(shared->seed, 2 + level);
	guard(NULL);
	victim.ring = nrb_create(attr);
	insist(victim.ring);
	guard_mapping(&nrb_home(victim.ring)->pages);
	guard_mapping(&nrb_home(victim.ring)->private_page);
	memset(victim.ring->writer + 1, CANARY, page - sizeof(*victim.ring->writer));
	/* So that the ring has filled in all that it ever does. */
	insist(!nrb_write(victim.ring, NRB_RECORD_SAMPLE, NULL, 0));
	victim.honest = *victim.ring->control;
	victim.constant = *victim.ring;
	shared->fd = nrb_fd(victim.ring);
	shared->writer_fd = nrb_writer_fd(victim.ring);
}

static void check_own_memory(void)
{
	const struct nrb_writer *writer = victim.ring->writer;
	const unsigned char *at = (const unsigned char *)(writer + 1);

	for (size_t i = 0; i < nrb_page_size() - sizeof(*writer); i++)
		insist(at[i] == CANARY);
	insist(!memcmp(victim.ring, &victim.constant, sizeof(victim.constant)));
	insist(writer->magic == NRB_WRITER_MAGIC && writer->data_size == victim.ring->data_size);
	insist(writer->start == victim.honest.start && writer->head % 8 == 0);
}

void victim_write(struct shared *shared)
{
	const uint64_t deadline = clock_ns() + shared->duration_ns;

	arm(SIGUSR1, 90000);
	arm(SIGUSR2, 130000);
	while (clock_ns() < deadline) {
		int rc = 0;

		for (unsigned i = 0; i < 100; i++) {
			rc = write_one(0, 0);
			count(rc);
		}
		check_own_memory();
		/* On one CPU with us it could not change its mind. */
		if (rc)
			sched_yield();
	}
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	/* At rest nothing is in progress, whatever happened. */
	insist(victim.ring->writer->nest == 0);
}

/* After a lie only errors that say so. */
static bool is_refusal(int error)
{
	return error == EMEDIUMTYPE || error == EOPNOTSUPP || error == EBADMSG || error == ESTALE || error == EPROTO;
}

static void open_lies(void)
{
	struct nrb_reader *reader = nrb_reader_open(victim.ring);

	insist(reader || is_refusal(errno));
	nrb_reader_close(reader);
}

/* Somebody honest takes over: the page as it was made, and what is in the ring given up. */
static struct nrb_reader *take_over(void)
{
	struct nrb_control *control = victim.ring->control;
	struct nrb_reader *reader;

	*control = victim.honest;
	nrb_store_release(&control->data_tail, nrb_reserved_head(victim.ring));
	/* The next write mends data_head, even if it is refused because of it; and the one that is not tells what was
	 * lost. */
	if (nrb_write(victim.ring, NRB_RECORD_SAMPLE, NULL, 0))
		insist(!nrb_write(victim.ring, NRB_RECORD_SAMPLE, NULL, 0));
	insist(nrb_load_acquire(&control->data_head) == nrb_reserved_head(victim.ring));
	nrb_store_release(&control->data_tail, nrb_reserved_head(victim.ring));
	reader = nrb_reader_open(victim.ring);
	insist(reader);
	insist(nrb_reader_poll(reader, NULL) >= 0);
	nrb_reader_skip(reader);
	return reader;
}

void victim_recover(struct shared *shared)
{
	struct nrb_reader *reader;
	struct nrb_record record;
	uint64_t sequence;
	unsigned level;

	open_lies();
	reader = take_over();
	insist(nrb_lost(victim.ring) == 0);
	for (uint64_t round = 0; round < 1000; round++) {
		/* In the middle of it no signal: they are ignored now. */
		insist(!write_one(0, round));
		insist(nrb_reader_poll(reader, NULL) > 0);
		insist(nrb_reader_next(reader, &record) == 1 && record.type == NRB_RECORD_SAMPLE);
		insist(payload_verify(record.payload, record.size, STREAM, &level, &sequence) && sequence == round);
		insist(nrb_reader_next(reader, &record) == 0);
		nrb_reader_release(reader);
		nrb_local_add(&shared->progress, 1);
	}
	check_own_memory();
	nrb_reader_close(reader);
	nrb_destroy(victim.ring);
}

/* ---- the reader ---- */

static void check_answer(struct shared *shared, int64_t answer)
{
	insist(answer >= 0 || answer == -EPROTO || answer == -EACCES || answer == -EBADMSG);
	nrb_add_relaxed(&shared->progress, 1);
	if (answer < 0)
		nrb_add_relaxed(&shared->refused, 1);
}

/* All that a poll found, at most as much as a ring can hold. */
static void read_found(struct shared *shared, struct nrb_reader *reader, uint64_t data_size)
{
	struct nrb_record record;
	struct nrb_sample_id id;
	uint64_t records = 0;
	int rc;

	while ((rc = nrb_reader_next(reader, &record)) == 1) {
		insist(++records <= data_size / 8 && record.size < NRB_RECORD_MAX && record.position % 8 == 0);
		/* Each byte is there. */
		for (uint32_t i = 0; i < record.size; i++)
			(void)((const volatile unsigned char *)record.payload)[i];
		insist(nrb_reader_sample_id(reader, &record, &id) == (record.trailer ? 0 : -ENODATA));
	}
	nrb_add_relaxed(&shared->taken, records);
	check_answer(shared, rc);
}

static void use_reader(struct shared *shared, struct nrb_reader *reader, struct random *random)
{
	const uint64_t data_size = nrb_reader_attr(reader).data_size;

	for (unsigned i = 0; i < POLLS_A_READER; i++) {
		uint64_t draw = random_next(random);
		int64_t found = draw & 15 ? nrb_reader_poll(reader, NULL) : nrb_reader_wait(reader, 1000, NULL);

		check_answer(shared, found);
		insist(found < 0 || (uint64_t)found <= data_size);
		if (draw & 16)
			read_found(shared, reader, data_size);
		if (draw & 32)
			nrb_reader_release(reader);
		if ((draw >> 8 & 63) == 0)
			insist(nrb_reader_skip(reader) <= data_size);
		if ((draw >> 16 & 63) == 0)
			nrb_reader_rewind(reader);
	}
}

void read_on(struct shared *shared, const char *path)
{
	const uint64_t deadline = clock_ns() + shared->duration_ns;
	struct random random = random_stream(shared->seed, 2);

	while (clock_ns() < deadline) {
		struct nrb_reader *reader = nrb_reader_open_path(path);

		insist(reader || is_refusal(errno));
		check_answer(shared, reader ? 0 : -EPROTO);
		if (reader)
			use_reader(shared, reader, &random);
		nrb_reader_close(reader);
	}
}
