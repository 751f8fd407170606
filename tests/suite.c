/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "suite.h"

#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temporary.h"

const char suite_zeros[1 << 16];

/* Seconds. Cases take a second at most; this is for ten of them niced on one CPU. */
#define CASE_TIMEOUT 120

#define SKIPS 16

static char scratch[PATH_MAX];

TCase *suite_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, CASE_TIMEOUT);
	suite_add_tcase(suite, tcase);
	return tcase;
}

bool suite_full(void)
{
	const char *wish = getenv("NRB_CHECK");

	return wish && !strcmp(wish, "full");
}

static void skipped(int i)
{
	(void)i;
}

void suite_add(TCase *tcase, const TTest *test, const char *reason)
{
	static char names[SKIPS][256];
	static TTest skips[SKIPS];
	static unsigned used;

	if (!reason) {
		tcase_add_test(tcase, test);
		return;
	}
	if (used == SKIPS)
		abort();
	/* Check knows no skipping, but prints the name where TAP has its directive. */
	snprintf(names[used], sizeof(names[used]), "%s # SKIP %s", test->name, reason);
	skips[used] = *test;
	skips[used].name = names[used];
	skips[used].fn = skipped;
	tcase_add_test(tcase, &skips[used]);
	used++;
}

void suite_add_loop(TCase *tcase, const TTest *test, int times, const char *reason)
{
	if (reason)
		suite_add(tcase, test, reason);
	else
		tcase_add_loop_test(tcase, test, 0, times);
}

uint64_t suite_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

void scratch_make(void)
{
	ck_assert_msg(!temporary_folder("nrb-check", scratch, sizeof(scratch)), "%s: %m", scratch);
	/* For tests that go on as another user. */
	ck_assert_msg(!chmod(scratch, 0755), "chmod(%s): %m", scratch);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(void)
{
	nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

const char *scratch_path(const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

struct nrb_ring *ring_make(uint64_t data_size, uint64_t start)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = data_size;
	attr.start = start;
	attr.id = 0x1d;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create of %llu bytes: %m", (unsigned long long)data_size);
	return ring;
}

struct nrb_reader *reader_make(const struct nrb_ring *ring)
{
	struct nrb_reader *reader = nrb_reader_open(ring);

	ck_assert_msg(reader, "nrb_reader_open: %m");
	return reader;
}

unsigned char *map_whole(int fd, size_t *size)
{
	struct stat st;
	void *at;

	ck_assert_int_eq(fstat(fd, &st), 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_msg(at != MAP_FAILED, "mmap: %m");
	if (size)
		*size = (size_t)st.st_size;
	return at;
}

/* What is misspelt would pass unnoticed, as less than was asked for. */
static void refuse_other_wishes(void)
{
	const char *wish = getenv("NRB_CHECK");

	if (!wish || !*wish || suite_full())
		return;
	printf("Bail out! NRB_CHECK=%s: full, or nothing\n", wish);
	exit(99);
}

int main(void)
{
	SRunner *runner;
	int failed;

	refuse_other_wishes();
	runner = srunner_create(suite_make());
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* Under TAP the lines have told which, and a status would count as one more failure. */
	return failed && !getenv("CK_TAP_LOG_FILE_NAME") ? EXIT_FAILURE : EXIT_SUCCESS;
}
