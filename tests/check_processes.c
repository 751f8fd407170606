/* SPDX-License-Identifier: MIT */
/*
 * check_processes.c - what every kind of ring makes of other processes: one that pauses it, and a forked child
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "suite.h"

/* ---- pause ---- */

/* As another process does it: who may not write to the file may not. */
static int pause_there(const char *path)
{
	struct nrb_reader *reader = nrb_reader_open_path(path), *readonly;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	readonly = nrb_reader_open_fd(fd);
	if (!reader || !readonly)
		return 2;
	if (nrb_reader_pause(readonly) != -EACCES || nrb_reader_resume(readonly) != -EACCES)
		return 3;
	return nrb_reader_pause(reader) ? 4 : 0;
}

START_TEST(pause_elsewhere)
{
	const char *path = scratch_path("ring");
	struct nrb_ring *ring = kind_ring(_i, path);
	struct nrb_reader *reader = reader_make(ring);
	int status;
	pid_t pid;

	ck_assert_int_eq(nrb_write(ring, 9, "before", 6), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(pause_there(path));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status %#x", status);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(nrb_write(ring, 9, "", 0), -ENOSPC);
	ck_assert_int_eq(nrb_reader_resume(reader), 0);
	ck_assert_int_eq(nrb_write(ring, 10, "after", 5), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	expect_record(reader, 9, 8, "before");
	expect_lost(reader, 1000);
	expect_record(reader, 10, 8, "after");
	expect_end(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
	unlink(path);
	unlink(scratch_path("ring.writer"));
}
END_TEST

/* ---- fork ---- */

/* In the child. Return: its exit status. */
static int child(struct nrb_ring *ring, struct nrb_reservation *inside)
{
	uint64_t head = nrb_reserved_head(ring);
	struct nrb_reservation r;
	struct nrb_reader *reader;
	struct nrb_record record, first;

	if (nrb_write(ring, 9, "child", 5) != -EPERM || nrb_write(ring, 9, "", 0) != -EPERM)
		return 2;
	if (nrb_reserve(ring, &r, 9, 8) != -EPERM || nrb_writev(ring, 9, NULL, 0) != -EPERM)
		return 3;
	/* The parent's reservation is the parent's to end. */
	nrb_commit(ring, inside);
	nrb_discard(ring, inside);
	if (nrb_reserved_head(ring) != head || nrb_lost(ring) || nrb_payload_max(ring))
		return 4;
	reader = nrb_reader_open(ring);
	if (!reader)
		return 5;
	if (nrb_reader_poll(reader, NULL) <= 0 || nrb_reader_next(reader, &first) != 1 ||
	    memcmp(first.payload, "parent", 6))
		return 6;
	if (nrb_reader_next(reader, &record) != 0)
		return 7;
	nrb_destroy(ring);
	/* Its own mapping stays. */
	if (memcmp(first.payload, "parent", 6) || nrb_reader_poll(reader, NULL) < 0)
		return 8;
	nrb_reader_close(reader);
	return 0;
}

/* Why a forked child cannot be told from its parent here: Linux before 4.14, and some emulators. NULL: it can. */
static const char *wipe_missing(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *missing = "MADV_WIPEONFORK does nothing here";
	int status;
	pid_t pid;

	if (page == MAP_FAILED)
		return "no memory";
	*page = 1;
	pid = madvise(page, 4096, MADV_WIPEONFORK) ? -1 : fork();
	if (!pid)
		_exit(*page);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && !status)
		missing = NULL;
	munmap(page, 4096);
	return missing;
}

START_TEST(forked)
{
	struct nrb_ring *ring = kind_ring(_i, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_reservation r;
	int status;
	pid_t pid;

	ck_assert_int_eq(nrb_write(ring, 9, "parent", 6), 0);
	ck_assert_int_eq(nrb_reserve(ring, &r, 10, 8), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(child(ring, &r));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "the child's status: %#x", status);
	memcpy(r.payload, "goes on!", 8);
	nrb_commit(ring, &r);
	ck_assert_int_eq(nrb_write(ring, 11, "and on", 6), 0);
	ck_assert_int_gt(nrb_reader_poll(reader, NULL), 0);
	expect_record(reader, 9, 8, "parent");
	expect_record(reader, 10, 8, "goes on!");
	expect_record(reader, 11, 8, "and on");
	expect_end(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("processes");
	TCase *processes = suite_case(suite, "processes");

	tcase_add_unchecked_fixture(processes, scratch_make, scratch_remove);
	tcase_add_loop_test(processes, pause_elsewhere, 0, KINDS);
	suite_add_loop(processes, forked, KINDS, wipe_missing());
	return suite;
}
