/* SPDX-License-Identifier: MIT */
/*
 * check_create.c - nrb_create refuses: each errno that nrb.h promises, and nothing left behind
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confined.h"
#include "suite.h"

/* nrb_create must fail with @expected, and set errno to nothing else. */
static void refused(const struct nrb_attr *attr, int expected)
{
	struct nrb_ring *ring;

	errno = 0;
	ring = nrb_create(attr);
	ck_assert_msg(!ring, "a ring where %s was expected", strerrorname_np(expected));
	ck_assert_msg(errno == expected, "%s where %s was expected", strerrorname_np(errno), strerrorname_np(expected));
}

static void refused_size(uint64_t data_size, int expected)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.data_size = data_size;
	refused(&attr, expected);
}

static void refused_path(const char *path, int expected)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.path = path;
	refused(&attr, expected);
}

START_TEST(einval)
{
	static const uint32_t sizes[] = { 0, 4, offsetof(struct nrb_attr, flags) - 1, UINT32_MAX };
	struct nrb_attr attr = NRB_ATTR_INIT;

	refused(NULL, EINVAL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		attr.struct_size = sizes[i];
		refused(&attr, EINVAL);
	}
	attr.struct_size = sizeof(attr);
	for (uint64_t odd = 1; odd < 8; odd++) {
		attr.start = odd;
		refused(&attr, EINVAL);
		attr.start = UINT64_MAX - 7 + odd;
		refused(&attr, EINVAL);
	}
}
END_TEST

/* Programs that were built with an older header, and with a newer one. */
START_TEST(older_and_newer)
{
	struct {
		struct nrb_attr attr;
		uint64_t newer[2];
	} given = { .attr = NRB_ATTR_INIT };
	struct nrb_ring *ring;

	given.attr.struct_size = offsetof(struct nrb_attr, flags);
	given.attr.flags = ~0u; /* not his: behind what he knows of */
	ring = nrb_create(&given.attr);
	ck_assert_ptr_nonnull(ring);
	nrb_destroy(ring);
	given.attr.flags = 0;
	given.attr.struct_size = sizeof(given);
	ring = nrb_create(&given.attr);
	ck_assert_ptr_nonnull(ring);
	nrb_destroy(ring);
	given.newer[1] = 1;
	refused(&given.attr, E2BIG);
}
END_TEST

START_TEST(erange_edom)
{
	refused_size(0, ERANGE);
	refused_size(1, ERANGE);
	refused_size(page_size() / 2, ERANGE);
	refused_size(page_size() - 1, ERANGE);
	refused_size(page_size() + 1, EDOM);
	refused_size(3 * page_size(), EDOM);
	refused_size((1 << 20) + page_size(), EDOM);
	refused_size(UINT64_MAX, EDOM);
	refused_size(UINT64_MAX - page_size() + 1, EDOM);
}
END_TEST

START_TEST(eoverflow)
{
	refused_size(1ull << 62, EOVERFLOW);
	refused_size(1ull << 63, EOVERFLOW);
}
END_TEST

START_TEST(eoverflow_limited)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	/* Room for the data once, but not twice. */
	limit(RLIMIT_AS, (address_space_kib() + (96 << 10)) * 1024);
	refused_size(64 << 20, EOVERFLOW);
	/* A smaller one still goes. */
	attr.data_size = 4 << 20;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
}
END_TEST

START_TEST(enomem)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * page_size();
	uint64_t size = page_size();

	while (size <= memory)
		size *= 2;
	refused_size(size, ENOMEM);
}
END_TEST

START_TEST(enametoolong)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	char path[2 * PATH_MAX];
	struct nrb_ring *ring;
	size_t length;

	/* A long path made of nothing: DIR/././.../ring. With ".writer" and the end it has PATH_MAX bytes, and fits. */
	ck_assert_int_eq(chdir(scratch_path("")), 0);
	for (length = 0; length + 2 <= PATH_MAX - sizeof(".writer") - 4; length += 2)
		memcpy(path + length, "./", 3);
	memset(path + length, 'r', PATH_MAX - sizeof(".writer") - length);
	path[PATH_MAX - sizeof(".writer")] = '\0';
	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
	ck_assert(exists(path) && exists(writer_of(path)));
	/* One byte more does not. */
	path[PATH_MAX - sizeof(".writer")] = 'r';
	path[PATH_MAX - sizeof(".writer") + 1] = '\0';
	refused_path(path, ENAMETOOLONG);
	ck_assert(!exists(path));
	memset(path, 'r', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	refused_path(path, ENAMETOOLONG);
	/* The name alone would do, with ".writer" it is longer than a file system takes. */
	path[NAME_MAX - 3] = '\0';
	refused_path(path, ENAMETOOLONG);
	ck_assert(!exists(path));
}
END_TEST

START_TEST(eexist)
{
	const char *path = scratch_path("eexist");
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;
	struct stat st;

	ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	refused_path(path, EEXIST);
	ck_assert(!exists(writer_of(path)));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_msg(st.st_size == 0, "somebody else's file was written to");
	ck_assert_int_eq(unlink(path), 0);

	ck_assert_int_eq(close(open(writer_of(path), O_WRONLY | O_CREAT, 0600)), 0);
	refused_path(path, EEXIST);
	ck_assert(!exists(path));
	ck_assert_int_eq(stat(writer_of(path), &st), 0);
	ck_assert_msg(st.st_size == 0, "somebody else's file was written to");
	ck_assert_int_eq(unlink(writer_of(path)), 0);

	/* A link that leads nowhere is something, too. */
	ck_assert_int_eq(symlink("nowhere", path), 0);
	refused_path(path, EEXIST);
	ck_assert(!exists(writer_of(path)));
	ck_assert_int_eq(unlink(path), 0);

	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	refused_path(path, EEXIST);
	nrb_destroy(ring);
	ck_assert_msg(exists(path) && exists(writer_of(path)), "the files of a ring do not outlive it");
}
END_TEST

START_TEST(enoent)
{
	ck_assert_int_eq(chdir(scratch_path("")), 0);
	refused_path(scratch_path("no-such-folder/ring"), ENOENT);
	refused_path("", ENOENT);
	/* "" is a path like any other: what it must not leave is a file named ".writer". */
	ck_assert(!exists(".writer"));
}
END_TEST

START_TEST(eacces)
{
	const char *path = scratch_path("closed/ring");

	ck_assert_int_eq(mkdir(scratch_path("closed"), 0555), 0);
	ck_assert(drop_privileges());
	refused_path(path, EACCES);
	nothing_left(path);
}
END_TEST

START_TEST(enospc)
{
	const char *path = scratch_path("small/ring");
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	ck_assert_int_eq(mkdir(scratch_path("small"), 0755), 0);
	ck_assert(mount_small(scratch_path("small"), "size=256k"));
	refused_path(path, ENOSPC);
	nothing_left(path);
	/* What was taken for the attempt is free again. */
	attr.path = path;
	attr.data_size = 128 << 10;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	nrb_destroy(ring);
}
END_TEST

START_TEST(efbig)
{
	const char *path = scratch_path("efbig");

	/* The writer's page fits, the ring does not. */
	limit(RLIMIT_FSIZE, 64 << 10);
	refused_path(path, EFBIG);
	refused_size(1 << 20, EFBIG);
	nothing_left(path);
}
END_TEST

START_TEST(emfile)
{
	const char *path = scratch_path("emfile");
	int lowest = dup(STDERR_FILENO);

	ck_assert_int_ge(lowest, 0);
	close(lowest);
	/* No descriptor left, then one where two are needed. */
	for (int left = 0; left < 2; left++) {
		limit(RLIMIT_NOFILE, (rlim_t)(lowest + left));
		refused_size(1 << 20, EMFILE);
		refused_path(path, EMFILE);
		nothing_left(path);
	}
	limit(RLIMIT_NOFILE, (rlim_t)lowest + 64);
	nrb_destroy(ring_make(1 << 20, 0));
}
END_TEST

START_TEST(nothing_leaks)
{
	const char *path = scratch_path("leaks");
	struct nrb_attr attr = NRB_ATTR_INIT;
	unsigned descriptors;
	unsigned long kib;

	attr.data_size = 64 << 20;
	attr.path = path;
	ck_assert_int_eq(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	nrb_destroy(ring_make(1 << 20, 0));
	descriptors = open_descriptors();
	kib = address_space_kib();
	for (unsigned i = 0; i < 32; i++) {
		struct nrb_ring *ring = ring_make(1 << 20, 0);
		struct nrb_reader *reader = nrb_reader_open(ring);

		refused(&attr, EEXIST);
		refused_size(1ull << 62, EOVERFLOW);
		nrb_reader_close(reader);
		nrb_destroy(ring);
	}
	ck_assert_uint_eq(open_descriptors(), descriptors);
	/* One leak a round would be 64 or 4,096 MiB in all. */
	ck_assert_uint_lt(address_space_kib(), kib + (32 << 10));
	nrb_destroy(NULL);
	nrb_reader_close(NULL);
}
END_TEST

/* ---- what cannot be tried everywhere ---- */

static bool address_space_is_free(void)
{
	struct rlimit rlimit;

	return !getrlimit(RLIMIT_AS, &rlimit) && rlimit.rlim_cur == RLIM_INFINITY;
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("create");
	TCase *all = suite_case(suite, "refusals");

	tcase_add_unchecked_fixture(all, scratch_make, scratch_remove);
	tcase_add_test(all, einval);
	tcase_add_test(all, older_and_newer);
	tcase_add_test(all, erange_edom);
	tcase_add_test(all, eoverflow);
	suite_add(all, eoverflow_limited, no_limit());
	suite_add(all, enomem, can(address_space_is_free) ? NULL : "the address space is limited (ulimit -v)");
	tcase_add_test(all, enametoolong);
	tcase_add_test(all, eexist);
	tcase_add_test(all, enoent);
	suite_add(all, eacces, no_other_user());
	suite_add(all, enospc, no_mount());
	tcase_add_test(all, efbig);
	tcase_add_test(all, emfile);
	tcase_add_test(all, nothing_leaks);
	return suite;
}
