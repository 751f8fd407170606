/* SPDX-License-Identifier: MIT */
/*
 * check_resources.c - each thing that can run out, running out at each place where it can
 *
 * Descriptors, address space, blocks and file nodes are given one by one more, until it goes well. Until then there is
 * one clear error each time, nothing is left behind, and nothing that was published is lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "confined.h"
#include "suite.h"

#define RECORDS 10u
/* More than anything here takes. */
#define ENOUGH 32

/* ---- rings that are made ---- */

static const struct {
	bool named;
	uint32_t flags;
	int descriptors;
} rings[] = {
	{ false, 0, 2 },
	{ true, 0, 2 },
	{ false, NRB_WAKE_RECORDS, 3 },
	{ true, NRB_WAKE_WATERMARK, 3 },
};

#define RINGS ((int)(sizeof(rings) / sizeof(rings[0])))

static struct nrb_attr attr_of(int ring, const char *path)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.data_size = 16 * page_size();
	attr.flags = rings[ring].flags;
	attr.path = rings[ring].named ? path : NULL;
	return attr;
}

/* A path for each round of a loop, all of which run in one folder. */
static const char *path_of(const char *name, int round)
{
	char numbered[64];

	snprintf(numbered, sizeof(numbered), "%s.%d", name, round);
	return scratch_path(numbered);
}

/* The first descriptor that is free; those below are not. */
static rlim_t first_free(void)
{
	int fd = dup(STDERR_FILENO);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return (rlim_t)fd;
}

START_TEST(descriptors)
{
	const char *path = path_of("descriptors", _i);
	const struct nrb_attr attr = attr_of(_i, path);
	const unsigned before = open_descriptors();
	const rlim_t lowest = first_free();
	struct nrb_ring *ring;

	for (int left = 0; left < rings[_i].descriptors; left++) {
		int error;

		limit(RLIMIT_NOFILE, lowest + (rlim_t)left);
		ring = nrb_create(&attr);
		error = errno;
		limit(RLIMIT_NOFILE, lowest + ENOUGH);
		ck_assert_msg(!ring && error == EMFILE, "with %d descriptors: %s", left, strerror(error));
		ck_assert_uint_eq(open_descriptors(), before);
		nothing_left(path);
	}
	limit(RLIMIT_NOFILE, lowest + (rlim_t)rings[_i].descriptors);
	ring = nrb_create(&attr);
	limit(RLIMIT_NOFILE, lowest + ENOUGH);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
}
END_TEST

START_TEST(file_size)
{
	const char *path = path_of("file_size", _i);
	struct nrb_attr attr = attr_of(_i, path);
	/* Nothing, less than the writer's page, that page alone, all but a byte. */
	const uint64_t limits[] = { 0, page_size() - 1, page_size(), 17 * page_size() - 1 };
	struct nrb_ring *ring;
	sigset_t pending;

	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int error;

		limit(RLIMIT_FSIZE, limits[i]);
		ring = nrb_create(&attr);
		error = errno;
		/* For Check, which keeps notes in a file. */
		limit(RLIMIT_FSIZE, RLIM_INFINITY);
		ck_assert_msg(!ring && error == EFBIG, "with %u bytes: %s", (unsigned)limits[i], strerror(error));
		nothing_left(path);
	}
	ck_assert_int_eq(sigpending(&pending), 0);
	ck_assert_int_eq(sigismember(&pending, SIGXFSZ), 0);
	limit(RLIMIT_FSIZE, 17 * page_size());
	ring = nrb_create(&attr);
	limit(RLIMIT_FSIZE, RLIM_INFINITY);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
}
END_TEST

START_TEST(address_space)
{
	const char *path = path_of("address_space", _i);
	const struct nrb_attr attr = attr_of(_i, path);
	const unsigned before = open_descriptors();
	const unsigned long used = address_space_kib();
	struct nrb_ring *ring = NULL;
	unsigned refusals = 0;

	for (unsigned pages = 0; !ring && pages < 256; pages++) {
		int error;

		limit(RLIMIT_AS, used * 1024 + pages * page_size());
		ring = nrb_create(&attr);
		error = errno;
		limit(RLIMIT_AS, RLIM_INFINITY);
		if (ring)
			break;
		refusals++;
		ck_assert_msg(error == ENOMEM || error == EOVERFLOW, "with %u pages: %s", pages, strerror(error));
		ck_assert_uint_eq(open_descriptors(), before);
		nothing_left(path);
	}
	ck_assert_ptr_nonnull(ring);
	/* Two pages of its own, the ring twice, the writer's page: one refusal at least for each. */
	ck_assert_uint_ge(refusals, 3);
	nrb_destroy(ring);
}
END_TEST

/* ---- readers ---- */

static struct nrb_ring *make_filled(const char *path, uint32_t flags)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.path = path;
	attr.data_size = 64 * page_size();
	attr.flags = flags;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	for (unsigned i = 0; i < RECORDS; i++)
		ck_assert_int_eq(nrb_write(ring, 9, &i, sizeof(i)), 0);
	return ring;
}

/* All that was published, whatever happened before. */
static void reads_all(struct nrb_reader *reader)
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_poll(reader, NULL), RECORDS * 16);
	for (unsigned i = 0; i < RECORDS; i++) {
		ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
		ck_assert(!memcmp(record.payload, &i, sizeof(i)));
	}
	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
}

static const uint32_t reader_flags[] = { 0, NRB_OVERWRITE, NRB_BACKWARD, NRB_OVERWRITE | NRB_WAKE_RECORDS };

#define READERS ((int)(sizeof(reader_flags) / sizeof(reader_flags[0])))

/* By its path: the ring's file, and the writer's, without which snapshots are not to be had. */
START_TEST(reader_descriptors)
{
	const char *path = path_of("reader_descriptors", _i);
	struct nrb_ring *ring = make_filled(path, reader_flags[_i]);
	const unsigned before = open_descriptors();
	const rlim_t lowest = first_free();
	struct nrb_reader *reader;

	for (rlim_t left = 0; left < 2; left++) {
		int error;

		limit(RLIMIT_NOFILE, lowest + left);
		reader = nrb_reader_open_path(path);
		error = errno;
		limit(RLIMIT_NOFILE, lowest + ENOUGH);
		ck_assert_msg(!reader && error == EMFILE, "with %u descriptors: %s", (unsigned)left, strerror(error));
		ck_assert_uint_eq(open_descriptors(), before);
	}
	limit(RLIMIT_NOFILE, lowest);
	/* The ring's own descriptors will do, but for the eventfd's duplicate. */
	reader = nrb_reader_open(ring);
	if (reader_flags[_i] & NRB_WAKE_RECORDS)
		ck_assert(!reader && errno == EMFILE);
	else
		ck_assert_msg(reader, "%m");
	nrb_reader_close(reader);
	limit(RLIMIT_NOFILE, lowest + 2);
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	reads_all(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

START_TEST(reader_address_space)
{
	const char *path = path_of("reader_address_space", _i);
	struct nrb_ring *ring = make_filled(path, reader_flags[_i]);
	const unsigned before = open_descriptors();
	const unsigned long used = address_space_kib();
	struct nrb_reader *reader = NULL;
	unsigned refusals = 0;

	for (unsigned pages = 0; !reader && pages < 1024; pages++) {
		int error;

		limit(RLIMIT_AS, used * 1024 + pages * page_size());
		reader = nrb_reader_open_path(path);
		error = errno;
		limit(RLIMIT_AS, RLIM_INFINITY);
		if (reader)
			break;
		refusals++;
		ck_assert_msg(error == ENOMEM || error == EOVERFLOW, "with %u pages: %s", pages, strerror(error));
		ck_assert_uint_eq(open_descriptors(), before);
		ck_assert_uint_le(address_space_kib(), used + 1024);
	}
	ck_assert_ptr_nonnull(reader);
	ck_assert_uint_ge(refusals, 3);
	reads_all(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* No room in a path for the writer's name: as if that file were not there. */
START_TEST(reader_path)
{
	const char *folder = scratch_path("");
	struct nrb_ring *ring = make_filled(scratch_path("long"), NRB_OVERWRITE);
	char path[PATH_MAX] = "";
	struct nrb_reader *reader;

	strcpy(path, folder);
	while (strlen(path) + strlen("long") + 2 < PATH_MAX)
		strcat(path, "/");
	strcat(path, "long");
	reader = nrb_reader_open_path(path);
	ck_assert_msg(reader, "%m");
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), -EACCES);
	nrb_pause(ring);
	reads_all(reader);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- file systems ---- */

static uint64_t blocks_free(const char *path)
{
	struct statvfs st;

	ck_assert_int_eq(statvfs(path, &st), 0);
	return st.f_bfree;
}

static void fill_up(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

/* Block by block less of it is taken by others, until the ring fits. */
START_TEST(blocks)
{
	const char *folder = scratch_path("blocks"), *path = scratch_path("blocks/ring");
	const char *ballast = scratch_path("blocks/ballast");
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring = NULL;
	unsigned refusals = 0;
	struct stat st;

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	ck_assert(mount_small(folder, "size=256k"));
	fill_up(ballast);
	ck_assert_int_eq(stat(ballast, &st), 0);
	attr.path = path;
	attr.data_size = 4 * page_size();
	for (off_t size = st.st_size; !ring && size >= 0; size -= (off_t)page_size()) {
		uint64_t before;

		ck_assert_int_eq(truncate(ballast, size), 0);
		before = blocks_free(folder);
		ring = nrb_create(&attr);
		if (ring)
			break;
		refusals++;
		ck_assert_msg(errno == ENOSPC, "%m");
		nothing_left(path);
		ck_assert_uint_eq(blocks_free(folder), before);
	}
	ck_assert_ptr_nonnull(ring);
	/* The writer's page, the control page and four of data: with fewer it cannot have all of them. */
	ck_assert_uint_ge(refusals, 6);
	/* What is there was allocated: it can be written from end to end when nobody gets anything any more. */
	fill_up(scratch_path("blocks/rest"));
	while (nrb_write(ring, 9, "0123456789abcdef", 16) == 0)
		;
	ck_assert_uint_ge(nrb_reserved_head(ring), attr.data_size - 64);
	nrb_destroy(ring);
}
END_TEST

/* Room for bytes, but not for files. */
START_TEST(file_nodes)
{
	const char *folder = scratch_path("nodes"), *path = scratch_path("nodes/ring");
	struct nrb_attr attr = NRB_ATTR_INIT;
	char options[64];

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	attr.path = path;
	attr.data_size = page_size();
	/* One is the folder's own. */
	for (unsigned nodes = 1; nodes < 4; nodes++) {
		struct nrb_ring *ring;

		snprintf(options, sizeof(options), "size=256k,nr_inodes=%u", nodes);
		ck_assert(mount_small(folder, options));
		ring = nrb_create(&attr);
		if (nodes == 3) {
			ck_assert_msg(ring, "%m");
			nrb_destroy(ring);
		} else {
			ck_assert_msg(!ring && errno == ENOSPC, "%u nodes: %m", nodes);
			nothing_left(path);
		}
	}
}
END_TEST

/* What may only be read can be: nothing is given back, nobody is paused, and it all stays there. */
static void reads_without_leave(const char *path)
{
	for (unsigned i = 0; i < 2; i++) {
		struct nrb_reader *reader = nrb_reader_open_path(path);

		ck_assert_msg(reader, "%m");
		reads_all(reader);
		nrb_reader_release(reader);
		ck_assert_int_eq(nrb_reader_pause(reader), -EACCES);
		ck_assert_int_eq(nrb_reader_resume(reader), -EACCES);
		nrb_reader_close(reader);
	}
}

START_TEST(read_only_file_system)
{
	const char *folder = scratch_path("readonly"), *path = scratch_path("readonly/ring");
	const char *other = scratch_path("readonly/other");
	struct nrb_attr attr = NRB_ATTR_INIT;

	ck_assert_int_eq(mkdir(folder, 0755), 0);
	ck_assert(mount_small(folder, "size=1m"));
	nrb_destroy(make_filled(path, 0));
	ck_assert_int_eq(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
	attr.path = other;
	ck_assert_ptr_null(nrb_create(&attr));
	ck_assert_msg(errno == EROFS, "%m");
	nothing_left(other);
	reads_without_leave(path);
}
END_TEST

/* Somebody else's ring, which he lets others read: all but the writer's page. */
START_TEST(read_only_file)
{
	const char *path = scratch_path("readable"), *recorder = scratch_path("recorder");
	struct nrb_reader *reader;

	nrb_destroy(make_filled(path, 0));
	nrb_destroy(make_filled(recorder, NRB_OVERWRITE));
	/* For a user without privileges, whose files they are: by their modes. */
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(recorder, 0444), 0);
	ck_assert_int_eq(chmod(writer_of(recorder), 0), 0);
	ck_assert(drop_privileges());
	reads_without_leave(path);
	reader = nrb_reader_open_path(recorder);
	ck_assert_msg(reader, "%m");
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), -EACCES);
	nrb_reader_close(reader);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("resources");
	TCase *all = suite_case(suite, "running out");
	const char *mounting = no_mount(), *limiting = no_limit(), *users = no_other_user();

	tcase_add_unchecked_fixture(all, scratch_make, scratch_remove);
	tcase_add_loop_test(all, descriptors, 0, RINGS);
	tcase_add_loop_test(all, file_size, 0, RINGS);
	suite_add_loop(all, address_space, RINGS, limiting);
	tcase_add_loop_test(all, reader_descriptors, 0, READERS);
	suite_add_loop(all, reader_address_space, READERS, limiting);
	tcase_add_test(all, reader_path);
	suite_add(all, blocks, mounting);
	suite_add(all, file_nodes, mounting);
	suite_add(all, read_only_file_system, mounting);
	suite_add(all, read_only_file, users);
	return suite;
}
