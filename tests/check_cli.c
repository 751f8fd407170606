/* SPDX-License-Identifier: MIT */
/*
 * check_cli.c - what the command lines of all programs have in common: arguments of options, files that reports go to
 */
#define _GNU_SOURCE
#include "suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "argument.h"
#include "output_files.h"
#include "text_asserts.h"

/* ---- arguments ---- */

#define WANTED "what it takes"

static const char *const words[] = { "near", "far", NULL };

static uint64_t as_number(struct argp_state *state, const char *argument)
{
	return argument_number(state, "--is", argument, 2, 300, WANTED);
}

static uint64_t as_ns(struct argp_state *state, const char *argument)
{
	return argument_ns(state, "--is", argument, 1000, 2000000, WANTED);
}

static uint64_t as_percent(struct argp_state *state, const char *argument)
{
	return (uint64_t)(argument_share(state, "--is", argument, 0.25, 0.75, WANTED) * 100 + 0.5);
}

static uint64_t as_size(struct argp_state *state, const char *argument)
{
	return argument_size(state, "--is", argument, 4096, 65536, WANTED);
}

static uint64_t as_word(struct argp_state *state, const char *argument)
{
	return argument_word(state, "--is", argument, words, WANTED);
}

/* The index, and behind it how long the file's name is. */
static uint64_t as_output(struct argp_state *state, const char *argument)
{
	const char *file;
	uint64_t index = argument_output(state, argument, words, &file, WANTED);

	return index * 100 + (file ? strlen(file) : 0);
}

#define RANGE "out of range"
#define UNCLEAR "not understood"

static const struct taken {
	uint64_t (*take)(struct argp_state *state, const char *argument);
	const char *argument;
	uint64_t value;
	const char *refused; /* NULL: it is not */
} taken[] = {
	{ as_number, "2", 2, NULL },         { as_number, "0x12c", 300, NULL },  { as_number, "301", 0, RANGE },
	{ as_number, "1", 0, RANGE },        { as_number, "-2", 0, UNCLEAR },    { as_number, "", 0, UNCLEAR },
	{ as_ns, "1us", 1000, NULL },        { as_ns, "0.002", 2000000, NULL },  { as_ns, "3ms", 0, RANGE },
	{ as_ns, "soon", 0, UNCLEAR },       { as_percent, "25%", 25, NULL },    { as_percent, "0.75", 75, NULL },
	{ as_percent, "0.76", 0, RANGE },    { as_percent, "half", 0, UNCLEAR }, { as_size, "4K", 4096, NULL },
	{ as_size, "65536", 65536, NULL },   { as_size, "2K", 0, RANGE },        { as_size, "1G", 0, RANGE },
	{ as_size, "5000", 0, UNCLEAR },     { as_word, "near", 0, NULL },       { as_word, "far", 1, NULL },
	{ as_word, "fa", 0, UNCLEAR },       { as_word, "", 0, UNCLEAR },        { as_output, "near", 0, NULL },
	{ as_output, "far:a:b", 103, NULL }, { as_output, "far:", 0, UNCLEAR },  { as_output, "middle:a", 0, UNCLEAR },
	{ as_output, ":a", 0, UNCLEAR },
};
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

struct taking {
	const struct taken *taken;
	uint64_t value;
	FILE *messages;
};

static error_t take(int key, char *argument, struct argp_state *state)
{
	struct taking *taking = state->input;

	(void)argument;
	if (key != ARGP_KEY_INIT)
		return 0;
	state->err_stream = taking->messages;
	taking->value = taking->taken->take(state, taking->taken->argument);
	return 0;
}

START_TEST(argument_taken_or_refused)
{
	static const struct argp argp = { .parser = take };
	const struct taken *expected = &taken[_i];
	char program[] = "program", *argv[] = { program, NULL }, *text = NULL, *message;
	size_t size = 0;
	struct taking taking = { .taken = expected, .messages = open_memstream(&text, &size) };

	/* Otherwise the message ends the program. */
	ck_assert_int_eq(argp_parse(&argp, 1, argv, ARGP_NO_EXIT, NULL, &taking), 0);
	fclose(taking.messages);
	if (expected->refused) {
		const char *option = expected->take == as_output ? "--output" : "--is";

		ck_assert_int_gt(asprintf(&message, ": %s=%s: %s; give " WANTED "\n", option, expected->argument,
					  expected->refused),
				 0);
		assert_has(text, message);
		free(message);
	} else {
		ck_assert_str_eq(text, "");
		ck_assert_uint_eq(taking.value, expected->value);
	}
	free(text);
}
END_TEST

/* ---- files that reports go to ---- */

static void put(const char *name, const char *text)
{
	FILE *file = fopen(scratch_path(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void expect(const char *name, const char *text)
{
	char found[64] = "";
	FILE *file = fopen(scratch_path(name), "r");

	ck_assert_msg(file != NULL, "%s is missing", name);
	found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
	fclose(file);
	ck_assert_str_eq(found, text);
}

/* How many files there are whose names begin with @prefix. */
static unsigned count_files(const char *prefix)
{
	DIR *folder = opendir(scratch_path("."));
	unsigned count = 0;

	ck_assert_ptr_nonnull(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
			 !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(folder);
	return count;
}

/* output_files_add(), standard error kept in @message. */
static int add(struct output_files *files, const char *name, char *message, size_t size)
{
	int saved = dup(STDERR_FILENO), caught = memfd_create("stderr", 0), rc;
	ssize_t length;

	dup2(caught, STDERR_FILENO);
	rc = output_files_add(files, name);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	length = pread(caught, message, size - 1, 0);
	message[length < 0 ? 0 : length] = '\0';
	close(saved);
	close(caught);
	return rc;
}

/* @context: the number of an output that cannot be printed, or -1. */
static int print(const void *context, unsigned index, FILE *out)
{
	if ((int)index == *(const int *)context)
		return -EIO;
	fprintf(out, "report %u\n", index);
	return 0;
}

static const int all_is_well = -1;

START_TEST(files_each_their_own)
{
	struct output_files *files = output_files_new("nrb-any");

	put("a", "old");
	ck_assert_int_eq(output_files_add(files, scratch_path("a")), 0);
	ck_assert_int_eq(output_files_add(files, scratch_path("b")), 0);
	ck_assert(!output_files_is_standard(files, 0) && !output_files_is_standard(files, 1));
	/* Places are taken, under names of the program's own. */
	ck_assert_uint_eq(count_files(".nrb-any-"), 2);
	expect("a", "old");
	ck_assert_int_eq(output_files_write(files, print, &all_is_well), 0);
	output_files_close(files);
	expect("a", "report 0\n");
	expect("b", "report 1\n");
	ck_assert_uint_eq(count_files("."), 0);
}
END_TEST

START_TEST(files_whole_or_not)
{
	struct output_files *files = output_files_new("nrb-any");
	const int fails = 0;

	put("a", "old");
	ck_assert_int_eq(output_files_add(files, scratch_path("a")), 0);
	ck_assert_int_eq(output_files_add(files, scratch_path("b")), 0);
	ck_assert_int_eq(output_files_write(files, print, &fails), -EIO);
	/* It goes at once, and the other one is there. */
	ck_assert_uint_eq(count_files("."), 0);
	output_files_close(files);
	expect("a", "old");
	expect("b", "report 1\n");
}
END_TEST

START_TEST(files_refused)
{
	struct output_files *files = output_files_new("nrb-any");
	char message[1024], name[300];

	ck_assert_int_eq(add(files, scratch_path("none/a"), message, sizeof(message)), -ENOENT);
	assert_begins(message, "nrb-any: cannot write ");
	assert_has(message, "none/a: No such file or directory: make the directory first\n");
	put("a", "old");
	ck_assert_int_eq(add(files, scratch_path("a/b"), message, sizeof(message)), -ENOTDIR);
	assert_has(message, ": a part of the path is a file\n");
	ck_assert_int_eq(add(files, scratch_path("."), message, sizeof(message)), -EISDIR);
	assert_has(message, ": name a file in it\n");
	ck_assert_int_eq(add(files, "", message, sizeof(message)), -EINVAL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(add(files, name, message, sizeof(message)), -ENAMETOOLONG);
	assert_has(message, ": choose a shorter one\n");
	output_files_close(files);
	ck_assert_uint_eq(count_files(""), 1);
}
END_TEST

START_TEST(files_of_one_place)
{
	struct output_files *files = output_files_new("nrb-any");
	char message[512];

	/* What is no regular file can be written to twice. */
	ck_assert_int_eq(output_files_add(files, "/dev/null"), 0);
	ck_assert_int_eq(output_files_add(files, "/dev/null"), 0);
	ck_assert_int_eq(output_files_add(files, scratch_path("a")), 0);
	ck_assert_int_eq(add(files, scratch_path("./a"), message, sizeof(message)), -EEXIST);
	assert_has(message, "/./a: two outputs have this name\n");
	output_files_close(files);
	ck_assert_uint_eq(count_files(""), 0);
}
END_TEST

/* By another name, it keeps what is there. */
START_TEST(files_and_standard_output)
{
	struct output_files *files = output_files_new("nrb-any");
	int fd;

	put("out", "before\n");
	fd = open(scratch_path("out"), O_WRONLY | O_APPEND | O_CLOEXEC);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	ck_assert_int_eq(output_files_add(files, scratch_path("out")), 0);
	ck_assert_int_eq(output_files_add(files, "/dev/stdout"), 0);
	ck_assert_int_eq(output_files_add(files, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(output_files_is_standard(files, i));
	printf("said\n");
	ck_assert_int_eq(output_files_write(files, print, &all_is_well), 0);
	output_files_close(files);
	expect("out", "before\nsaid\nreport 0\nreport 1\nreport 2\n");
	ck_assert_uint_eq(count_files(""), 1);
}
END_TEST

START_TEST(files_and_a_reader_who_has_gone)
{
	struct output_files *files = output_files_new("nrb-any");
	int pipe_fds[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	fflush(stdout);
	dup2(pipe_fds[1], STDOUT_FILENO);
	close(pipe_fds[0]);
	ck_assert_int_eq(output_files_add(files, NULL), 0);
	ck_assert_int_eq(output_files_add(files, scratch_path("a")), 0);
	ck_assert_int_eq(output_files_write(files, print, &all_is_well), 0);
	output_files_close(files);
	expect("a", "report 1\n");
}
END_TEST

/* Each has a folder of its own. */
static void add_with_folder(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = suite_case(suite, name);

	tcase_add_unchecked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_test(tcase, test);
}

Suite *suite_make(void)
{
	Suite *suite = suite_create("cli");
	TCase *arguments = suite_case(suite, "arguments");

	tcase_add_loop_test(arguments, argument_taken_or_refused, 0, TAKEN);
	add_with_folder(suite, "files", files_each_their_own);
	add_with_folder(suite, "files", files_whole_or_not);
	add_with_folder(suite, "files", files_refused);
	add_with_folder(suite, "files", files_of_one_place);
	add_with_folder(suite, "files", files_and_standard_output);
	add_with_folder(suite, "files", files_and_a_reader_who_has_gone);
	return suite;
}
