/* SPDX-License-Identifier: MIT */
/*
 * replay.c - main of a fuzz target without libFuzzer: the inputs that are kept, one after the other (TAP)
 *
 * Without arguments those in the source tree; else the files and folders named.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX 65536u

static unsigned inputs;

static int replay(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	/* Exactly as large as the input, so that a sanitizer sees who reads beyond it. */
	uint8_t *data;
	FILE *file;

	(void)ftw;
	if (type != FTW_F)
		return 0;
	if (st->st_size > INPUT_MAX) {
		fprintf(stderr, "%s: larger than %u bytes\n", path, INPUT_MAX);
		return 1;
	}
	file = fopen(path, "rb");
	data = malloc(st->st_size ? (size_t)st->st_size : 1);
	if (!file || !data || fread(data, 1, (size_t)st->st_size, file) != (size_t)st->st_size) {
		fprintf(stderr, "%s: cannot be read: %m\n", path);
		exit(1);
	}
	fclose(file);
	/* Whoever dies here has told which it was. */
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st->st_size);
	free(data);
	inputs++;
	return 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char corpus[PATH_MAX];
	int bad = 0;

	snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", fuzz_name);
	/* Before anything can end us: then the plan is not fulfilled. */
	printf("1..1\n");
	fflush(stdout);
	if (argc < 2)
		bad = nftw(corpus, replay, 8, FTW_PHYS);
	for (int i = 1; i < argc && !bad; i++)
		bad = nftw(argv[i], replay, 8, FTW_PHYS);
	if (bad < 0)
		perror(corpus);
	bad = bad || !inputs;
	printf("%s 1 - %s: %u inputs\n", bad ? "not ok" : "ok", fuzz_name, inputs);
	return bad;
}
