/* SPDX-License-Identifier: MIT */
/*
 * check_refused.c - each call that may fail, failing: of the kernel and of the C library, one after another
 *
 * The linker sends the library's calls here (--wrap). The first, second, ... of them fails, until there is none left to
 * fail. Each time there is one clear error and nothing is left behind, or it went well all the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confined.h"
#include "nrb_channel.h"
#include "suite.h"

/* More than the calls of any case. */
#define CALLS 48

/* How many calls still go well before one fails; negative: all do. */
static int left = -1;
static bool has_failed;
static int fallocate_error = ENOSPC;

static bool fails(void)
{
	if (left < 0 || left--)
		return false;
	has_failed = true;
	return true;
}

/* What a call without memory, without descriptors or without the right to it says. */
#define WRAP(type, name, parameters, arguments, failed)                                                                \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return fails() ? failed : __real_##name arguments;                                                     \
	}
#define FAILED(error, value) (errno = (error), (value))

WRAP(void *, malloc, (size_t size), (size), FAILED(ENOMEM, NULL))
WRAP(void *, calloc, (size_t count, size_t size), (count, size), FAILED(ENOMEM, NULL))
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), FAILED(ENOMEM, NULL))
WRAP(void *, mmap, (void *at, size_t size, int access, int flags, int fd, off_t offset),
     (at, size, access, flags, fd, offset), FAILED(ENOMEM, MAP_FAILED))
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), FAILED(EMFILE, -1))
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), FAILED(EOVERFLOW, -1))
WRAP(ssize_t, getrandom, (void *buffer, size_t size, unsigned flags), (buffer, size, flags), FAILED(EAGAIN, -1))
WRAP(int, posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size), fallocate_error)
WRAP(int, pthread_key_create, (pthread_key_t * key, void (*destructor)(void *)), (key, destructor), EAGAIN)
WRAP(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value), ENOMEM)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list list;
	long argument;

	va_start(list, command);
	argument = va_arg(list, long);
	va_end(list);
	return fails() ? FAILED(EPERM, -1) : __real_fcntl(fd, command, argument);
}

/* What the process has, before and after. */
struct holdings {
	unsigned descriptors;
	const char *path;
};

static struct holdings begin(const char *path)
{
	return (struct holdings) { .descriptors = open_descriptors(), .path = path };
}

/* Let one call fail, of those from here to allow(). */
static void refuse(int after)
{
	has_failed = false;
	left = after;
}

/* Return: whether a call failed. */
static bool allow(void)
{
	left = -1;
	return has_failed;
}

static void nothing_taken(const struct holdings *before)
{
	ck_assert_uint_eq(open_descriptors(), before->descriptors);
	if (before->path)
		nothing_left(before->path);
}

/* It failed, by an error that says why. */
static void clear_error(bool failed, int error)
{
	ck_assert(failed);
	ck_assert_msg(error == ENOMEM || error == EOVERFLOW || error == EMFILE || error == EPERM || error == ENOSPC ||
			      error == EAGAIN,
		      "%s", strerror(error));
}

/* Ring @ring is whole: what is written is read. */
static void goes_on(struct nrb_ring *ring)
{
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_record record;

	ck_assert_int_eq(nrb_write(ring, 9, "12345678", 8), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 16);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_mem_eq(record.payload, "12345678", 8);
	nrb_reader_close(reader);
}

static void rings_are_made(const char *path, uint32_t flags, int least)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	const struct holdings before = begin(path);
	int refusals = 0, error;
	struct nrb_ring *ring;
	bool failed = true;

	attr.path = path;
	attr.flags = flags;
	attr.data_size = page_size();
	for (int after = 0; failed && after < CALLS; after++) {
		refuse(after);
		ring = nrb_create(&attr);
		error = errno;
		failed = allow();
		if (ring) {
			goes_on(ring);
			nrb_destroy(ring);
			if (path)
				ck_assert(!unlink(path) && !unlink(writer_of(path)));
		} else {
			clear_error(failed, error);
			refusals++;
		}
		nothing_taken(&before);
	}
	ck_assert(!failed);
	ck_assert_int_ge(refusals, least);
}

/* The ring's own pages, the address space, two files of blocks, their mappings; and seals where there is no path. */
START_TEST(rings)
{
	rings_are_made(NULL, 0, 12);
	rings_are_made(NULL, NRB_WAKE_RECORDS, 12);
	rings_are_made(scratch_path("ring"), 0, 7);
}
END_TEST

/* A signal that comes within an allocation has it tried again: two calls less that may not fail. */
START_TEST(interrupted)
{
	fallocate_error = EINTR;
	rings_are_made(NULL, 0, 10);
	rings_are_made(scratch_path("interrupted"), 0, 5);
}
END_TEST

static void readers_are_opened(uint32_t flags, int least)
{
	const char *path = scratch_path("read");
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_reader *reader;
	int refusals = 0, error;
	struct holdings before;
	struct nrb_ring *ring;
	bool failed = true;

	attr.path = path;
	attr.flags = flags;
	attr.data_size = page_size();
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "%m");
	before = begin(NULL);
	for (int after = 0; failed && after < CALLS; after++) {
		refuse(after);
		reader = nrb_reader_open_path(path);
		error = errno;
		failed = allow();
		if (!reader) {
			clear_error(failed, error);
			refusals++;
		}
		nrb_reader_close(reader);
		nothing_taken(&before);
	}
	ck_assert(!failed);
	ck_assert_int_ge(refusals, least);
	goes_on(ring);
	nrb_destroy(ring);
	ck_assert(!unlink(path) && !unlink(writer_of(path)));
}

/* The reader itself, two files looked at, a page of each, the address space, the data twice; copies, and where records
 * begin. */
START_TEST(readers)
{
	readers_are_opened(0, 9);
	readers_are_opened(NRB_BACKWARD, 10);
	readers_are_opened(NRB_OVERWRITE, 11);
}
END_TEST

static int count(void *argument, const struct nrb_delivery *delivery)
{
	(void)delivery;
	++*(unsigned *)argument;
	return 0;
}

/* Of the first registry of a process, made, joined, written to and read; the call that fails is that of the loop. */
START_TEST(registries)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_registry *registry;
	unsigned records = 0;
	int rc = 0, error;
	bool failed;

	attr.data_size = page_size();
	refuse(_i);
	registry = nrb_registry_create(&attr);
	error = errno;
	if (registry)
		rc = nrb_registry_join(registry, 1);
	failed = allow();
	/* None is left for the last ones of the loop. */
	ck_assert(!failed || _i < CALLS - 1);
	if (!registry) {
		clear_error(failed, error);
		return;
	}
	if (rc) {
		clear_error(failed, -rc);
		ck_assert_ptr_null(nrb_registry_channel(registry));
		ck_assert_int_eq(nrb_registry_leave(registry), -ENXIO);
		ck_assert_int_eq(nrb_registry_join(registry, 1), 0);
	}
	ck_assert_int_eq(nrb_registry_write(registry, 9, "12345678", 8), 0);
	ck_assert_int_eq(nrb_set_read(nrb_registry_set(registry), count, &records, 0), 1);
	ck_assert_uint_eq(records, 1);
	ck_assert_int_eq(nrb_registry_leave(registry), 0);
	ck_assert_int_eq(nrb_registry_destroy(registry), 0);
}
END_TEST

/* Channels that a user makes, by the first call of a process. */
START_TEST(channels)
{
	struct nrb_channel *channel;
	int error;

	refuse(_i);
	channel = nrb_channel_create(NULL, 1, NULL);
	error = errno;
	if (!channel) {
		clear_error(allow(), error);
		return;
	}
	ck_assert(!allow() && _i == 3);
	ck_assert_int_eq(nrb_channel_destroy(channel), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("refused");
	TCase *all = suite_case(suite, "refused");

	tcase_add_unchecked_fixture(all, scratch_make, scratch_remove);
	tcase_add_test(all, rings);
	tcase_add_test(all, interrupted);
	tcase_add_test(all, readers);
	tcase_add_loop_test(all, registries, 0, CALLS);
	/* The rights, the key that tells of a thread's end, the channel. */
	tcase_add_loop_test(all, channels, 0, 4);
	return suite;
}
