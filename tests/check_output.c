/* SPDX-License-Identifier: MIT */
/*
 * check_output.c - where reports go, program counters as symbols, and what the machine tells of itself
 */
#define _GNU_SOURCE
#include "suite.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forged.h"
#include "symbol.h"
#include "text_asserts.h"

/* ---- where reports go ---- */

/* outputs_open() with one output, standard error kept in @message. */
static struct outputs *open_one(const char *path, char *message, size_t size)
{
	struct options options = { .output = { { OUTPUT_TEXT, path } }, .outputs = 1 };
	int saved = dup(STDERR_FILENO), caught = memfd_create("stderr", 0);
	struct outputs *outputs;
	ssize_t length;

	dup2(caught, STDERR_FILENO);
	outputs = outputs_open(&options);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	length = pread(caught, message, size - 1, 0);
	message[length < 0 ? 0 : length] = '\0';
	close(saved);
	close(caught);
	return outputs;
}

static unsigned count_files(void)
{
	DIR *folder = opendir(scratch_path("."));
	unsigned count = 0;

	ck_assert_ptr_nonnull(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(folder);
	return count;
}

START_TEST(output_refused)
{
	char message[512];

	ck_assert_ptr_null(open_one(scratch_path("none/report.json"), message, sizeof(message)));
	assert_has(message, "nrb-stress: cannot write ");
	assert_has(message, "none/report.json: No such file or directory: make the directory first\n");
	ck_assert_ptr_null(open_one(scratch_path("."), message, sizeof(message)));
	assert_has(message, "Is a directory");
	ck_assert_ptr_null(open_one(scratch_path("file/"), message, sizeof(message)));
	assert_has(message, "Is a directory");
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(output_read_only)
{
	char message[512];

	ck_assert_int_eq(chmod(scratch_path("."), 0500), 0);
	ck_assert_ptr_null(open_one(scratch_path("file"), message, sizeof(message)));
	assert_has(message, "Permission denied");
	ck_assert_int_eq(chmod(scratch_path("."), 0700), 0);
}
END_TEST

START_TEST(output_whole_or_not)
{
	struct outputs *outputs;
	char message[512], text[64] = "";
	struct forged f;
	struct stat file;
	FILE *old;

	forge_pass(&f);
	old = fopen(scratch_path("report"), "w");
	fputs("old", old);
	fclose(old);
	/* Given up: what was there stays, and nothing else. */
	outputs = open_one(scratch_path("report"), message, sizeof(message));
	ck_assert_ptr_nonnull(outputs);
	ck_assert_uint_eq(count_files(), 2);
	outputs_close(outputs);
	ck_assert_uint_eq(count_files(), 1);
	ck_assert_int_eq(stat(scratch_path("report"), &file), 0);
	ck_assert_int_eq((int)file.st_size, 3);
	/* Written: replaced at once, readable by whom the umask says. */
	umask(027);
	ck_assert_int_eq(symlink("report", scratch_path("link")), 0);
	outputs = open_one(scratch_path("link"), message, sizeof(message));
	f.options.quiet = true;
	ck_assert_int_eq(outputs_write(outputs, &f.report), 0);
	outputs_close(outputs);
	ck_assert_uint_eq(count_files(), 2);
	ck_assert_int_eq(stat(scratch_path("report"), &file), 0);
	ck_assert_int_eq((int)(file.st_mode & 0777), 0640);
	old = fopen(scratch_path("report"), "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), old));
	fclose(old);
	/* --quiet is for standard output. */
	assert_has(text, "nrb-stress 0.1");
}
END_TEST

START_TEST(output_twice)
{
	struct options options = { .outputs = 2 };
	unsigned before = count_files();

	options.output[0] = (struct output_request) { OUTPUT_TEXT, scratch_path("report") };
	options.output[1] = (struct output_request) { OUTPUT_JSON, scratch_path("report") };
	ck_assert_ptr_null(outputs_open(&options));
	ck_assert_uint_eq(count_files(), before);
}
END_TEST

START_TEST(output_disk_full)
{
	struct outputs *outputs;
	char message[512];
	struct forged f;
	struct stat file;

	forge_pass(&f);
	outputs = open_one("/dev/full", message, sizeof(message));
	ck_assert_ptr_nonnull(outputs);
	ck_assert_int_eq(outputs_write(outputs, &f.report), -ENOSPC);
	outputs_close(outputs);
	outputs = open_one("/dev/null", message, sizeof(message));
	ck_assert_int_eq(outputs_write(outputs, &f.report), 0);
	outputs_close(outputs);
	ck_assert_int_eq(stat("/dev/null", &file), 0);
	ck_assert(S_ISCHR(file.st_mode));
}
END_TEST

/* The order of standard output's reports is the order asked for; files come before, whatever theirs. */
START_TEST(output_standard)
{
	struct options options = { .output = { { OUTPUT_KTAP, NULL }, { OUTPUT_TEXT, NULL } },
				   .outputs = 2,
				   .quiet = true };
	int caught = memfd_create("stdout", 0);
	struct outputs *outputs;
	char text[8192] = "";
	struct forged f;

	forge_pass(&f);
	f.options.quiet = true;
	fflush(stdout);
	dup2(caught, STDOUT_FILENO);
	outputs = outputs_open(&options);
	ck_assert_int_eq(outputs_write(outputs, &f.report), 0);
	outputs_close(outputs);
	ck_assert_int_gt((int)pread(caught, text, sizeof(text) - 1, 0), 0);
	assert_begins(text, "KTAP version 1\n");
	assert_begins(last_line(text), "PASS   ");
	assert_lacks(text, "\033");
}
END_TEST

/* ---- symbols ---- */

START_TEST(symbol_known)
{
	struct symbol symbol;
	char text[320];

	symbol_find((uint64_t)(uintptr_t)&forged_function + 1, &symbol);
	symbol_print(&symbol, text, sizeof(text));
	assert_function(symbol.function, "forged_function+0x1");
	if (symbol.place[0])
		assert_has(text, "tests/forged.c:");
	symbol_close();
	symbol_find((uint64_t)(uintptr_t)&strlen, &symbol);
	assert_has(symbol.function, "+0x");
}
END_TEST

START_TEST(symbol_garbage)
{
	static const uint64_t garbage[] = { 0, 1, 4096, UINT64_MAX, INT64_MAX, 0xffffffffff600000, (uint64_t)1 << 47 };
	void *anonymous = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct symbol symbol;
	char text[320], tiny[4];

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		symbol_find(garbage[i], &symbol);
		ck_assert_int_ne(symbol.function[0], '\0');
		ck_assert_str_ne(symbol_print(&symbol, text, sizeof(text)), "");
		ck_assert_uint_lt(strlen(symbol_print(&symbol, tiny, sizeof(tiny))), sizeof(tiny));
	}
	symbol_find((uint64_t)(uintptr_t)anonymous, &symbol);
	ck_assert_int_ne(symbol.function[0], '\0');
	symbol_find((uint64_t)(uintptr_t)&symbol, &symbol);
	ck_assert_int_ne(symbol.function[0], '\0');
	symbol_close();
	symbol_close();
}
END_TEST

/* ---- environment ---- */

START_TEST(environment_told)
{
	static const unsigned cpus[] = { 0, 1 };
	struct environment environment;
	struct stolen_time before, after;

	environment_read(&environment);
	ck_assert_str_ne(environment.cpu_model, "");
	ck_assert_str_ne(environment.microcode, "");
	assert_begins(environment.kernel, "Linux ");
	ck_assert_ptr_nonnull(strchr(environment.kernel_short, '.'));
	ck_assert_uint_eq(strlen(environment.started), strlen("2026-11-01T00:00:00Z"));
	ck_assert_str_ne(environment.version, "");
	ck_assert_str_ne(environment.revision, "");
	ck_assert_str_ne(environment.compiler, "");
	ck_assert_ptr_nonnull(environment.compiler_flags);
	stolen_time_read(&before, cpus, 2);
	stolen_time_read(&after, cpus, 2);
	ck_assert_uint_ge(after.steal_ns, before.steal_ns);
	ck_assert_uint_ge(after.throttled_ns, before.throttled_ns);
	stolen_time_read(&after, cpus, 0);
	ck_assert_int_eq(after.steal_known, 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("output");
	TCase *output = suite_case(suite, "output"), *machine = suite_case(suite, "machine");

	tcase_add_unchecked_fixture(output, scratch_make, scratch_remove);
	tcase_add_test(output, output_refused);
	suite_add(output, output_read_only, geteuid() ? NULL : "root may write anywhere");
	tcase_add_test(output, output_whole_or_not);
	tcase_add_test(output, output_twice);
	tcase_add_test(output, output_disk_full);
	tcase_add_test(output, output_standard);
	tcase_add_test(machine, symbol_known);
	tcase_add_test(machine, symbol_garbage);
	tcase_add_test(machine, environment_told);
	return suite;
}
