/* SPDX-License-Identifier: MIT */
/*
 * check_ring.c - what nrb_create makes: layout, files, seals, and what they survive
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

START_TEST(layout)
{
	const uint64_t start = UINT64_MAX - 63;
	struct nrb_ring *ring = ring_make(8 * page_size(), start);
	struct perf_event_mmap_page *page;
	struct perf_event_header *header;
	unsigned char *file;
	size_t size;

	file = map_whole(nrb_fd(ring), &size);
	page = (struct perf_event_mmap_page *)file;
	ck_assert_uint_eq(size, 9 * page_size());
	ck_assert(page->version == 0 && page->compat_version == 0);
	ck_assert(page->data_head == start && page->data_tail == start);
	ck_assert(page->data_offset == page_size() && page->data_size == 8 * page_size());
	ck_assert(!page->aux_head && !page->aux_tail && !page->aux_offset && !page->aux_size);
	ck_assert_int_eq(nrb_write(ring, PERF_RECORD_SAMPLE, "12345678", 8), 0);
	ck_assert(page->data_head == start + 16 && page->data_tail == start);
	header = (void *)(file + page->data_offset + (start & (page->data_size - 1)));
	ck_assert_uint_eq(sizeof(*header), sizeof(struct nrb_header));
	ck_assert_uint_eq(header->type, PERF_RECORD_SAMPLE);
	ck_assert_uint_eq(header->misc, 0);
	ck_assert_uint_eq(header->size, 16);
	ck_assert_int_eq(memcmp(header + 1, "12345678", 8), 0);
	ck_assert_int_eq(NRB_RECORD_LOST, PERF_RECORD_LOST);
	ck_assert_int_eq(NRB_RECORD_SAMPLE, PERF_RECORD_SAMPLE);
	munmap(file, size);
	nrb_destroy(ring);
}
END_TEST

START_TEST(mirrored)
{
	/* 16 bytes before the end, so that header and first word are the last, and the rest the first bytes. */
	struct nrb_ring *ring = ring_make(page_size(), page_size() - 16);
	struct nrb_reservation r;
	unsigned char *file = map_whole(nrb_fd(ring), NULL);
	unsigned char *data = file + page_size();

	ck_assert_int_eq(nrb_reserve(ring, &r, 9, 64), 0);
	ck_assert(((uintptr_t)r.payload & 7) == 0);
	for (unsigned i = 0; i < 64; i++)
		((unsigned char *)r.payload)[i] = (unsigned char)(i + 1);
	nrb_commit(ring, &r);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(data[(page_size() - 8 + i) % page_size()], i + 1);
	nrb_destroy(ring);
}
END_TEST

START_TEST(payload_max)
{
	static const struct {
		uint64_t data_size;
		size_t max;
	} table[] = {
		/* Less 8 that stay free, 24 for a LOST record, 8 for the header; at most 65528 less the header. */
		{ 4096, 4056 },    { 8192, 8152 },    { 16384, 16344 },  { 32768, 32728 },   { 65536, 65496 },
		{ 131072, 65520 }, { 262144, 65520 }, { 524288, 65520 }, { 1048576, 65520 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nrb_ring *ring;

		if (table[i].data_size < page_size())
			continue;
		ring = ring_make(table[i].data_size, 0);
		ck_assert_uint_eq(nrb_payload_max(ring), table[i].max);
		nrb_destroy(ring);
	}
}
END_TEST

START_TEST(memfd_is_sealed)
{
	/* Large enough for a hole to show, even where memory comes in huge pages. */
	struct nrb_ring *ring = ring_make(16 << 20, 0);
	int fd = nrb_fd(ring);
	struct stat st;

	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_msg((uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size, "not all of the memory is allocated");
	errno = 0;
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, st.st_size - 1), -1);
	ck_assert_int_eq(ftruncate(fd, st.st_size + 1), -1);
	/* Not EBUSY, which a mapping gives as long as there is one. */
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(nrb_write(ring, 9, "12345678", 8), 0);
	nrb_destroy(ring);
}
END_TEST

/* The permissions that a ring's two files have under a umask. */
static void check_modes(const char *name, mode_t mask, uint32_t mode, mode_t ring_mode)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	char writer[PATH_MAX + 64];
	struct nrb_ring *ring;
	struct stat st;

	attr.path = scratch_path(name);
	attr.mode = mode;
	umask(mask);
	ring = nrb_create(&attr);
	umask(022);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
	ck_assert_int_eq(stat(attr.path, &st), 0);
	ck_assert_msg((st.st_mode & 07777) == ring_mode, "umask %03o: %04o", mask, st.st_mode & 07777);
	snprintf(writer, sizeof(writer), "%s.writer", attr.path);
	ck_assert_int_eq(stat(writer, &st), 0);
	ck_assert_msg((st.st_mode & 07777) == 0600, ".writer under umask %03o: %04o", mask, st.st_mode & 07777);
}

START_TEST(modes)
{
	check_modes("m000", 0, 0666, 0666);
	check_modes("m022", 022, 0666, 0644);
	check_modes("m027", 027, 0644, 0640);
	check_modes("m077", 077, 0666, 0600);
}
END_TEST

/* "always 0600" is meant: with 0400 nobody could open it for writing after a crash. */
START_TEST(modes_odd_umask)
{
	check_modes("m0277", 0277, 0666, 0400);
	check_modes("m0777", 0777, 0666, 0);
}
END_TEST

START_TEST(files_stay)
{
	const char *path = scratch_path("stays");
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_record record;
	struct nrb_reader *reader;
	struct nrb_ring *ring;
	int status;
	pid_t pid;

	/* The writer dies with a record published and another one only reserved. */
	attr.path = path;
	pid = fork();
	if (!pid) {
		struct nrb_reservation r;

		ring = nrb_create(&attr);
		if (!ring || nrb_write(ring, 9, "survives", 8) || nrb_reserve(ring, &r, 9, 8))
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 16);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_int_eq(memcmp(record.payload, "survives", 8), 0);
	nrb_reader_close(reader);
}
END_TEST

START_TEST(errno_is_kept)
{
	struct nrb_ring *ring = ring_make(page_size(), 0);
	static unsigned char payload[65536];
	struct nrb_reservation r;

	errno = 1234;
	ck_assert_int_eq(nrb_write(ring, 9, payload, 8), 0);
	ck_assert_int_eq(errno, 1234);
	ck_assert_int_eq(nrb_reserve(ring, &r, 9, 8), 0);
	ck_assert_int_eq(errno, 1234);
	nrb_commit(ring, &r);
	ck_assert_int_eq(errno, 1234);
	ck_assert_int_eq(nrb_write(ring, 9, payload, nrb_payload_max(ring)), -ENOSPC);
	ck_assert_int_eq(errno, 1234);
	ck_assert_int_eq(nrb_reserve(ring, &r, 9, nrb_payload_max(ring)), -ENOSPC);
	ck_assert_int_eq(errno, 1234);
	ck_assert_int_eq(nrb_write(ring, 9, payload, sizeof(payload)), -EMSGSIZE);
	ck_assert_int_eq(nrb_write(ring, NRB_RECORD_LOST, payload, 16), -EINVAL);
	ck_assert_int_eq(errno, 1234);
	/* With a LOST record. */
	ck_assert_int_eq(nrb_write(ring, 9, payload, 8), 0);
	ck_assert_int_eq(errno, 1234);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("ring");
	TCase *all = suite_case(suite, "shape");

	tcase_add_unchecked_fixture(all, scratch_make, scratch_remove);
	tcase_add_test(all, layout);
	tcase_add_test(all, mirrored);
	tcase_add_test(all, payload_max);
	tcase_add_test(all, memfd_is_sealed);
	tcase_add_test(all, modes);
	tcase_add_test(all, modes_odd_umask);
	tcase_add_test(all, files_stay);
	tcase_add_test(all, errno_is_kept);
	return suite;
}
