/* SPDX-License-Identifier: MIT */
/*
 * check_section - writes in restartable sequences: they leave in the ring what the nest protocol leaves, and are taken
 *                 when, and only when, they may be
 *
 * Whether a section was entered shows in the thread's struct rseq: here one that the kernel does not know of, so that
 * it keeps what was entered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nrb.h"
#include "ring.h"
#include "section.h"
#include "stepping.h"
#include "suite.h"

#ifdef NRB_HAVE_SECTIONS

static __thread struct rseq stranger __attribute__((aligned(32), tls_model("initial-exec")));
static unsigned char payload[2 * NRB_SECTION_LIMIT];

static struct nrb_ring *make_ring(uint32_t flags)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = 8192;
	attr.start = 0 - (uint64_t)4096;
	attr.flags = flags;
	ring = nrb_create(&attr);
	ck_assert_ptr_nonnull(ring);
	return ring;
}

/* Sections go by the stranger from now on. */
static struct nrb_ring *make_watched(void)
{
	struct nrb_ring *ring = make_ring(0);

	memset(&stranger, 0, sizeof(stranger));
	/* Also where the kernel offers none. */
	ring->section_limit = NRB_SECTION_LIMIT;
	ring->rseq = (int64_t)((uintptr_t)&stranger - (uintptr_t)__builtin_thread_pointer());
	return ring;
}

static bool entered(void)
{
	bool was = stranger.rseq_cs != 0;

	stranger.rseq_cs = 0;
	return was;
}

static void fill_payload(void)
{
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (unsigned char)(i * 7 + 1);
}

/* All of both, as far as a write of @size may have changed anything. */
static void assert_same(struct nrb_ring *a, struct nrb_ring *b, size_t size)
{
	ck_assert_msg(a->control->data_head == b->control->data_head, "%zu bytes: data_head", size);
	ck_assert_msg(a->writer->head == b->writer->head, "%zu bytes: head", size);
	ck_assert_msg(a->writer->nest == b->writer->nest, "%zu bytes: nest", size);
	ck_assert_msg(a->writer->lost == b->writer->lost, "%zu bytes: lost", size);
	ck_assert_msg(!memcmp(a->data, b->data, a->data_size), "%zu bytes: the data", size);
}

static void empty(struct nrb_ring *ring)
{
	nrb_store_release(&ring->control->data_tail, ring->writer->head);
}

/* Loop index: whether there are registers of 32 bytes. */
START_TEST(every_size)
{
	struct nrb_ring *nest = make_ring(NRB_NO_RSEQ), *section = make_watched();

	if (_i && !__builtin_cpu_supports("avx2")) {
		nrb_destroy(nest);
		nrb_destroy(section);
		return;
	}
	section->wide_copy = (uint32_t)_i;
	fill_payload();
	ck_assert_uint_eq(nest->section_limit, 0);
	/* Old content shows what was not written, beside it as well. */
	memset(nest->data, 0xee, nest->data_size);
	memset(section->data, 0xee, section->data_size);
	for (size_t size = 0; size < NRB_SECTION_LIMIT + 16; size++) {
		const unsigned char *from = payload + size % 9;

		empty(nest);
		empty(section);
		/* The cached data_tail may have it go the other way, which brings it up to date. */
		ck_assert_int_eq(nrb_write(nest, 7, from, size), 0);
		ck_assert_int_eq(nrb_write(section, 7, from, size), 0);
		assert_same(nest, section, size);
		entered();
		ck_assert_int_eq(nrb_write(nest, 0xfffffffe, from, size), 0);
		ck_assert_int_eq(nrb_write(section, 0xfffffffe, from, size), 0);
		ck_assert_msg(entered() == (size < NRB_SECTION_LIMIT), "%zu bytes: not as it should be written", size);
		assert_same(nest, section, size);
	}
	nrb_destroy(nest);
	nrb_destroy(section);
}
END_TEST

START_TEST(every_reservation)
{
	struct nrb_ring *nest = make_ring(NRB_NO_RSEQ), *section = make_watched();
	struct nrb_reservation a, b;

	fill_payload();
	memset(nest->data, 0xee, nest->data_size);
	memset(section->data, 0xee, section->data_size);
	for (size_t size = 0; size < NRB_SECTION_LIMIT + 16; size++) {
		empty(nest);
		empty(section);
		entered();
		ck_assert_int_eq(nrb_reserve(nest, &a, 7, size), 0);
		ck_assert_int_eq(nrb_reserve(section, &b, 7, size), 0);
		ck_assert_msg(entered() == (size < NRB_SECTION_LIMIT), "%zu bytes", size);
		ck_assert_uint_eq(a.position, b.position);
		ck_assert_uint_eq(a.record, b.record);
		ck_assert_uint_eq(a.size, b.size);
		ck_assert_uint_eq(b.lost_pending, 0);
		ck_assert_int_eq((unsigned char *)a.payload - nest->data, (unsigned char *)b.payload - section->data);
		memcpy(a.payload, payload, size);
		memcpy(b.payload, payload, size);
		if (size % 3) {
			nrb_commit(nest, &a);
			nrb_commit(section, &b);
		} else {
			nrb_discard(nest, &a);
			nrb_discard(section, &b);
		}
		assert_same(nest, section, size);
	}
	nrb_destroy(nest);
	nrb_destroy(section);
}
END_TEST

/* In an open reservation a write is not published, and the commit publishes both. */
START_TEST(open_reservation)
{
	struct nrb_ring *ring = make_watched();
	struct nrb_reservation r;
	uint64_t start = ring->control->data_head;

	ck_assert_int_eq(nrb_reserve(ring, &r, 7, 8), 0);
	memcpy(r.payload, payload, 8);
	entered();
	ck_assert_int_eq(nrb_write(ring, 7, payload, 8), 0);
	ck_assert_uint_eq(ring->control->data_head, start);
	nrb_commit(ring, &r);
	ck_assert_uint_eq(ring->control->data_head, start + 32);
	ck_assert_uint_eq(ring->writer->nest, 0);
	nrb_destroy(ring);
}
END_TEST

/* Refused, counted, told by the next one: as ever. */
START_TEST(losses)
{
	struct nrb_ring *nest = make_ring(NRB_NO_RSEQ), *section = make_watched();

	for (unsigned i = 0; i < 300; i++)
		ck_assert_int_eq(nrb_write(nest, 7, payload, 40), nrb_write(section, 7, payload, 40));
	ck_assert_uint_gt(nrb_lost(section), 0);
	assert_same(nest, section, 40);
	empty(nest);
	empty(section);
	ck_assert_int_eq(nrb_write(nest, 7, payload, 40), 0);
	ck_assert_int_eq(nrb_write(section, 7, payload, 40), 0);
	ck_assert_uint_eq(nrb_lost(section), 0);
	assert_same(nest, section, 40);
	nrb_pause(section);
	nrb_pause(nest);
	entered();
	ck_assert_int_eq(nrb_write(nest, 7, payload, 8), -ENOSPC);
	ck_assert_int_eq(nrb_write(section, 7, payload, 8), -ENOSPC);
	ck_assert(!entered());
	ck_assert_int_eq(nrb_write(section, NRB_RECORD_LOST, payload, 8), -EINVAL);
	ck_assert_int_eq(nrb_write(section, NRB_RECORD_PADDING, payload, 8), -EINVAL);
	nrb_destroy(nest);
	nrb_destroy(section);
}
END_TEST

/* A thread that has none registered does not go there. */
START_TEST(not_registered)
{
	struct nrb_ring *nest = make_ring(NRB_NO_RSEQ), *section = make_watched();

	for (int id = -2; id < 1; id++) {
		stranger.cpu_id = (uint32_t)id;
		entered();
		ck_assert_int_eq(nrb_write(nest, 7, payload, 40), 0);
		ck_assert_int_eq(nrb_write(section, 7, payload, 40), 0);
		ck_assert_int_eq(entered(), id >= 0);
		assert_same(nest, section, 40);
	}
	nrb_destroy(nest);
	nrb_destroy(section);
}
END_TEST

/* Give up the C library's registration, as who wants one of his own does. */
static void *write_unregistered(void *ring)
{
	struct rseq *own = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	bool done = false;

	/* What it was registered with: 32 of the first version, or more where the kernel tells of more. */
	for (unsigned size = 16; size <= 1024 && !done; size += 4)
		done = !syscall(SYS_rseq, own, size, RSEQ_FLAG_UNREGISTER, 0x53053053);
	if (!done)
		return "cannot be unregistered";
	own->rseq_cs = 0;
	return nrb_write(ring, 7, payload, 40) || own->rseq_cs ? "went into a section" : NULL;
}

START_TEST(given_up)
{
	struct nrb_ring *ring = make_ring(0);
	pthread_t thread;
	void *problem;

	if (__rseq_size) {
		ck_assert_uint_gt(ring->section_limit, 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, write_unregistered, ring), 0);
		ck_assert_int_eq(pthread_join(thread, &problem), 0);
		ck_assert_msg(!problem, "%s", (const char *)problem);
		ck_assert_uint_eq(ring->control->data_head, ring->writer->head);
	} else {
		ck_assert_uint_eq(ring->section_limit, 0);
	}
	nrb_destroy(ring);
}
END_TEST

/* Who destroyed the ring may unload the code: the kernel is not to look for a section any more. */
START_TEST(forgotten)
{
	const struct rseq *own = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
	unsigned named = 0;

	/* Now and then the kernel has looked before us. */
	for (unsigned i = 0; __rseq_size && i < 20; i++) {
		struct nrb_ring *ring = make_ring(0);

		ck_assert_int_eq(nrb_write(ring, 7, payload, 8), 0);
		named += nrb_load_relaxed(&own->rseq_cs) != 0;
		nrb_destroy(ring);
		ck_assert_uint_eq(nrb_load_relaxed(&own->rseq_cs), 0);
	}
	ck_assert(named || !__rseq_size);
}
END_TEST

/* ---- where a strike into a section finds the writer ---- */

extern const struct rseq_cs __start___rseq_cs[] __attribute__((visibility("hidden")));
extern const struct rseq_cs __stop___rseq_cs[] __attribute__((visibility("hidden")));

/* libgcc's, by which exceptions and backtrace(3) find how to go on from an address; no header has it. */
struct dwarf_eh_bases {
	void *text, *data, *function;
};
extern const void *_Unwind_Find_FDE(void *pc, struct dwarf_eh_bases *bases);

/* A handler that walks the stack begins at an abort address: it belongs to the function, as the section does. */
START_TEST(unwound)
{
	size_t sections = 0;

	for (const struct rseq_cs *cs = __start___rseq_cs; cs < __stop___rseq_cs; cs++, sections++) {
		struct dwarf_eh_bases start = { 0 }, end = { 0 };

		ck_assert_msg(cs->abort_ip - cs->start_ip >= cs->post_commit_offset, "an abort into the section");
		/* Else compiled without unwind tables. */
		if (_Unwind_Find_FDE((void *)(uintptr_t)cs->start_ip, &start))
			(void)_Unwind_Find_FDE((void *)(uintptr_t)cs->abort_ip, &end);
		ck_assert_ptr_eq(start.function, end.function);
	}
	/* Two of nrb_write(), one of nrb_reserve(), each with a second description for when it was aborted. */
	ck_assert_uint_ge(sections, 6);
}
END_TEST

static struct {
	struct nrb_ring *ring;
	unsigned struck;
	int nested, reserved;
} pausing;

static void reserve_stepped(void *argument)
{
	struct nrb_reservation r;

	(void)argument;
	pausing.reserved = nrb_reserve(pausing.ring, &r, 7, 8);
	if (!pausing.reserved)
		nrb_commit(pausing.ring, &r);
}

/* As soon as nest is raised: a handler writes, and somebody pauses the ring. */
static void write_and_pause(void *context, uint64_t pc)
{
	(void)context;
	(void)pc;
	if (pausing.struck || !pausing.ring->writer->nest)
		return;
	pausing.struck = 1;
	pausing.nested = nrb_write(pausing.ring, 7, payload, 8);
	nrb_pause(pausing.ring);
}

/* A reservation that gives its section up, single steps being strikes, and is then refused: what nested is published.
 */
START_TEST(paused_between)
{
	struct nrb_ring *ring = make_ring(0);

	pausing.ring = ring;
	pausing.struck = 0;
	stepping_run(reserve_stepped, NULL, write_and_pause, NULL);
	ck_assert_uint_eq(pausing.struck, 1);
	ck_assert_int_eq(pausing.nested, 0);
	ck_assert_uint_eq(ring->writer->nest, 0);
	ck_assert_uint_eq(ring->control->data_head, ring->writer->head);
	/* Without rseq the ring was asked before nest was raised. */
	if (__rseq_size) {
		ck_assert_int_eq(pausing.reserved, -ENOSPC);
		ck_assert_uint_eq(nrb_lost(ring), 1);
	} else {
		ck_assert_int_eq(pausing.reserved, 0);
	}
	nrb_destroy(ring);
}
END_TEST

static struct {
	struct nrb_ring *ring;
	pid_t child, self;
	int rc;
} forking;

static void write_stepped(void *argument)
{
	(void)argument;
	forking.rc = nrb_write(forking.ring, 7, payload, 8);
}

/* Where the first strike into a section sends the writer, a handler forks. */
static void fork_at_abort(void *context, uint64_t pc)
{
	(void)context;
	for (const struct rseq_cs *cs = __start___rseq_cs; cs < __stop___rseq_cs && !forking.child; cs++)
		if (cs->abort_ip == pc) {
			forking.child = fork();
			if (!forking.child)
				forking.child = getpid();
		}
}

/* Parent and child both come back into the write. */
START_TEST(forked_within)
{
	struct nrb_ring *ring = make_ring(0);
	int status;

	memset(&forking, 0, sizeof(forking));
	forking.ring = ring;
	forking.self = getpid();
	stepping_run(write_stepped, NULL, fork_at_abort, NULL);
	if (getpid() != forking.self)
		_exit(forking.rc != -EPERM);
	ck_assert_int_eq(forking.rc, 0);
	/* Without rseq there is no such place. */
	if (__rseq_size) {
		ck_assert_int_gt(forking.child, 0);
		ck_assert_int_eq(waitpid(forking.child, &status, 0), forking.child);
		ck_assert_msg(!status, "the child: %#x", (unsigned)status);
	}
	ck_assert_uint_eq(ring->writer->head, ring->control->start + 16);
	ck_assert_uint_eq(ring->control->data_head, ring->writer->head);
	nrb_destroy(ring);
}
END_TEST

/* What does more than the plain ring has a path of its own. */
START_TEST(modes)
{
	static const uint32_t flags[] = { NRB_OVERWRITE, NRB_BACKWARD, NRB_WAKE_RECORDS };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct nrb_ring *ring = make_ring(flags[i]);

		ck_assert_uint_eq(ring->section_limit, 0);
		nrb_destroy(ring);
	}
}
END_TEST

#else

START_TEST(every_size)
{
}
END_TEST

#endif

Suite *suite_make(void)
{
	Suite *suite = suite_create("section");
	TCase *tests = suite_case(suite, "section");

#ifdef NRB_HAVE_SECTIONS
	tcase_add_loop_test(tests, every_size, 0, 2);
	tcase_add_test(tests, every_reservation);
	tcase_add_test(tests, open_reservation);
	tcase_add_test(tests, losses);
	tcase_add_test(tests, not_registered);
	tcase_add_test(tests, given_up);
	tcase_add_test(tests, modes);
	tcase_add_test(tests, forgotten);
	tcase_add_test(tests, unwound);
	suite_add(tests, paused_between, stepping_missing(&stepper_trap));
	suite_add(tests, forked_within, stepping_missing(&stepper_trap));
#else
	suite_add(tests, every_size, "there are no restartable sequences on this architecture");
#endif
	return suite;
}
