/* SPDX-License-Identifier: MIT */
/*
 * check_dump.c - what nrb-dump tells of a writer that died at any instant, of damaged files, of perf's own records, and
 * beside a consumer
 */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump.h"
#include "guard.h"
#include "source.h"
#include "suite.h"

#define STEPS_MAX 20000
#define FUZZ_ROUNDS 600

/* What a dump in JSON told. */
struct told {
	int status;
	unsigned records, lines, errors;
	int64_t reserved, in_progress, skipped;
	char *messages;
};

static struct nrb_ring *named_ring(const char *path, struct nrb_attr attr)
{
	char writer[4200];
	struct nrb_ring *ring;

	snprintf(writer, sizeof(writer), "%s.writer", path);
	unlink(path);
	unlink(writer);
	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create(%s): %m", path);
	return ring;
}

static int64_t number_of(const json_t *line, const char *name)
{
	const json_t *value = json_object_get(line, name);

	return value ? json_integer_value(value) : -1;
}

/* A record of this test begins with its number, in the order of writing, and goes on with bytes that follow from it. */
static void check_payload(const char *hex, unsigned number)
{
	unsigned byte, size = (unsigned)strlen(hex) / 2;

	require(size == 24);
	for (unsigned i = 0; i < size; i++) {
		require(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		require(byte == ((number >> (i % 4 * 8)) & 255));
	}
}

static void take_line(struct told *told, const char *text, size_t length, int first)
{
	json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *kind;

	ck_assert_msg(line, "no JSON: %.*s", (int)length, text);
	kind = json_string_value(json_object_get(line, "kind"));
	told->lines++;
	if (!strcmp(kind, "sample")) {
		if (first >= 0)
			check_payload(json_string_value(json_object_get(line, "payload")),
				      (unsigned)first + told->records);
		told->records++;
	} else if (!strcmp(kind, "error")) {
		told->errors++;
	} else if (!strcmp(kind, "summary")) {
		told->reserved = number_of(line, "reserved_bytes");
		told->in_progress = number_of(line, "writes_in_progress");
		told->skipped = number_of(line, "skipped_bytes");
	}
	json_decref(line);
}

/* Dump @path; the records' numbers begin with @first, negative: they have none. */
static struct told dump_json(const char *path, int first, const struct dump_options *given)
{
	struct dump_options options = { .format = DUMP_JSON };
	struct told told = { .reserved = -1 };
	size_t size, messages_size;
	char *text, *end;
	FILE *out = open_memstream(&text, &size), *messages = open_memstream(&told.messages, &messages_size);

	if (given)
		options = *given;
	told.status = dump_file(path, &options, out, messages);
	fclose(out);
	fclose(messages);
	for (char *at = text; (end = strchr(at, '\n')); at = end + 1)
		take_line(&told, at, (size_t)(end - at), first);
	free(text);
	return told;
}

static int write_number(struct nrb_ring *ring, unsigned number)
{
	unsigned words[6];

	for (unsigned i = 0; i < 6; i++)
		words[i] = number;
	return nrb_write(ring, NRB_RECORD_SAMPLE, words, sizeof(words));
}

/* ---- death at any instant ---- */

static struct nrb_ring *victim;

static void on_signal(int number)
{
	(void)number;
	write_number(victim, 4);
}

/* The child: three records, then one that is stepped through; with @nested another one nests in before it ends. */
static void be_stepped(bool nested)
{
	struct nrb_reservation outer;
	unsigned words[6] = { 3, 3, 3, 3, 3, 3 };

	for (unsigned i = 0; i < 3; i++)
		write_number(victim, i);
	signal(SIGUSR1, on_signal);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (nested) {
		nrb_reserve(victim, &outer, NRB_RECORD_SAMPLE, sizeof(words));
		memcpy(outer.payload, words, sizeof(words));
		on_signal(0);
		nrb_commit(victim, &outer);
	} else {
		write_number(victim, 3);
	}
	_exit(0);
}

/*
 * After each instruction of a write what a SIGKILL there would leave is in the files already, since they are mapped. So
 * dump them. What was published stays, what is reserved is told, and nothing else is ever seen.
 */
static void step_and_dump(bool nested)
{
	const struct nrb_attr attr = NRB_ATTR_INIT;
	const char *path = scratch_path("stepped");
	unsigned steps, seen_reserved = 0, last = 3;
	const unsigned all = nested ? 5 : 4;
	int status;
	pid_t pid;

	victim = named_ring(path, attr);
	pid = fork();
	if (!pid) {
		/* A child that was forked is no writer: so it makes the ring. */
		nrb_destroy(victim);
		victim = named_ring(path, attr);
		be_stepped(nested);
	}
	require(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	for (steps = 0; steps < STEPS_MAX; steps++) {
		struct told told;

		require(!ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		require(waitpid(pid, &status, 0) == pid);
		if (WIFEXITED(status))
			break;
		told = dump_json(path, 0, NULL);
		ck_assert_msg(told.status == DUMP_FINE, "step %u: %s", steps, told.messages);
		require(told.records >= last && told.records <= all);
		require(told.reserved == 0 || told.reserved == 32 || (nested && told.reserved == 64));
		require(told.records + told.reserved / 32 <= all);
		seen_reserved |= 1u << told.reserved / 32;
		last = told.records;
		free(told.messages);
	}
	require(WIFEXITED(status) && last == all);
	require(seen_reserved == (nested ? 7u : 3u));
	suite_note("%u instructions\n", steps);
	nrb_destroy(victim);
}

START_TEST(killed_at_each_instruction)
{
	step_and_dump(false);
}
END_TEST

START_TEST(killed_at_each_instruction_nested)
{
	step_and_dump(true);
}
END_TEST

/* At full speed, with a handler writing as well. */
START_TEST(killed_at_random)
{
	const char *path = scratch_path("killed");
	struct nrb_attr attr = NRB_ATTR_INIT;
	uint64_t state = 0x5eed + (unsigned)_i;
	struct told told;
	int status;
	pid_t pid;

	attr.data_size = 1 << 16;
	nrb_destroy(named_ring(path, attr));
	pid = fork();
	if (!pid) {
		victim = named_ring(path, attr);
		while (!write_number(victim, (unsigned)(nrb_reserved_head(victim) / 32)))
			;
		for (;;)
			pause();
	}
	usleep((useconds_t)(suite_random(&state) % 3000));
	kill(pid, SIGKILL);
	require(waitpid(pid, &status, 0) == pid);
	told = dump_json(path, 0, NULL);
	/* It may have died before the ring was complete. */
	ck_assert_msg(told.status == DUMP_FINE || (told.status == DUMP_UNUSABLE && !told.records), "%s", told.messages);
	require(told.status == DUMP_UNUSABLE || told.reserved == 0 || told.reserved == 32);
	free(told.messages);
}
END_TEST

/* ---- damage ---- */

static void spoil(const char *path, uint64_t *state, unsigned changes)
{
	struct stat st;
	FILE *file = fopen(path, "r+");

	require(file && !fstat(fileno(file), &st));
	while (changes--) {
		/* Every other one where it hurts: in what the control page tells, or in the first records. */
		uint64_t at = suite_random(state) % (suite_random(state) % 2 ? (uint64_t)st.st_size : 192);

		if (at < 192 && st.st_size > 8192)
			at = suite_random(state) % 2 ? 896 + at : (uint64_t)sysconf(_SC_PAGESIZE) + at;
		fseek(file, (long)at, SEEK_SET);
		putc((int)(suite_random(state) & (suite_random(state) % 2 ? 255 : 7)), file);
	}
	fclose(file);
}

/* Whatever the bytes: an end, one of the statuses, JSON that is JSON, and an error that names a byte where it is 1. */
START_TEST(any_bytes)
{
	static const uint32_t modes[] = { 0, NRB_OVERWRITE, NRB_BACKWARD, NRB_OVERWRITE | NRB_BACKWARD };
	const char *path = scratch_path("spoilt");
	uint64_t state = 0xb0b + (unsigned)_i;
	unsigned seen = 0;

	for (unsigned round = 0; round < FUZZ_ROUNDS / 4; round++) {
		struct nrb_attr attr = NRB_ATTR_INIT;
		struct dump_options options = { .format = (enum dump_format)(round % 3) };
		struct nrb_ring *ring;
		char *writer;

		attr.data_size = (uint64_t)sysconf(_SC_PAGESIZE);
		attr.flags = modes[_i];
		attr.sample_id = round % 2 ? NRB_SAMPLE_TID | NRB_SAMPLE_TIME : 0;
		ring = named_ring(path, attr);
		for (unsigned i = 0; i < 100 && !write_number(ring, i); i++)
			;
		nrb_destroy(ring);
		spoil(path, &state, 1 + (unsigned)(suite_random(&state) % 8));
		require(asprintf(&writer, "%s.writer", path) > 0);
		if (round % 4 == 0)
			spoil(writer, &state, 4);
		free(writer);
		if (options.format == DUMP_JSON) {
			struct told told = dump_json(path, -1, NULL);

			require(told.status <= DUMP_UNUSABLE);
			require(told.status != DUMP_DAMAGED || strstr(told.messages, "byte "));
			seen |= 1u << told.status;
			free(told.messages);
		} else {
			FILE *nowhere = fopen("/dev/null", "w");

			require((unsigned)dump_file(path, &options, nowhere, nowhere) <= DUMP_UNUSABLE);
			fclose(nowhere);
		}
	}
	/* Not all of it was harmless, nor refused at the door. */
	require(seen & 1 << DUMP_DAMAGED);
}
END_TEST

/* The file is cut between the look and the read: the rest of the pages is gone. */
START_TEST(gone_under_our_hands)
{
	const char *path = scratch_path("gone");
	static struct source source;
	struct nrb_attr attr = NRB_ATTR_INIT;
	const long page = sysconf(_SC_PAGESIZE);
	struct nrb_ring *ring;
	struct dump_record record;
	struct trouble trouble;
	struct sigaction old;
	int rc;

	attr.data_size = 1 << 16;
	attr.start = attr.data_size - 128;
	ring = named_ring(path, attr);
	for (unsigned i = 0; i < 1000; i++)
		require(!write_number(ring, i));
	guard_begin(&old);
	require(!source_open(&source, path, false, &trouble));
	require(source_poll(&source, 0, &trouble) == 1);
	require(!truncate(path, 3 * page));
	/* The first ones lie at the end of the data. */
	rc = source_next(&source, &record, &trouble);
	require(rc == -EFAULT && trouble.has_offset);
	require(trouble.offset >= (uint64_t)page + attr.data_size - 128 &&
		trouble.offset < (uint64_t)page + attr.data_size);
	source_close(&source);
	guard_end(&old);
	nrb_destroy(ring);
}
END_TEST

/* ---- beside a consumer ---- */

/* It takes records away that we were about to tell: we go on with what it left, and count what we did not see. */
static void consumed_meanwhile(uint32_t flags, unsigned taken, bool overwritten)
{
	const char *path = scratch_path("shared");
	static struct source source;
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct dump_record record;
	struct nrb_record other;
	struct trouble trouble;
	struct sigaction old;
	unsigned number, told = 0;
	int rc;

	attr.data_size = (uint64_t)sysconf(_SC_PAGESIZE);
	attr.flags = flags;
	struct nrb_ring *ring = named_ring(path, attr);
	struct nrb_reader *consumer = nrb_reader_open_path(path);

	for (unsigned i = 0; i < 100; i++)
		require(!write_number(ring, i));
	guard_begin(&old);
	require(!source_open(&source, path, false, &trouble) && source_poll(&source, 0, &trouble) == 1);
	require(source_next(&source, &record, &trouble) == 1);
	require(nrb_reader_poll(consumer, NULL) > 0);
	for (unsigned i = 0; i < taken; i++)
		require(nrb_reader_next(consumer, &other) == 1);
	nrb_reader_release(consumer);
	for (unsigned i = 100; overwritten && i < 100 + taken; i++)
		require(!write_number(ring, i));
	while ((rc = source_next(&source, &record, &trouble)) == 1) {
		memcpy(&number, record.payload, sizeof(number));
		require(number == taken + told);
		told++;
	}
	require(!rc && source.consumed == 32ull * (taken - 1));
	require(told >= 100 - taken);
	source_close(&source);
	guard_end(&old);
	nrb_reader_close(consumer);
	nrb_destroy(ring);
}

START_TEST(beside_a_consumer)
{
	consumed_meanwhile(_i % 2 ? NRB_BACKWARD : 0, _i / 2 ? 100 : 60, _i / 2 == 0);
}
END_TEST

/* Two that consume: an error, not a mess. */
START_TEST(two_consumers)
{
	const char *path = scratch_path("contested");
	const struct nrb_attr attr = NRB_ATTR_INIT;
	static struct source source;
	struct nrb_ring *ring = named_ring(path, attr);
	struct nrb_reader *other = nrb_reader_open_path(path);
	struct trouble trouble;
	struct nrb_record record;

	require(!write_number(ring, 0));
	require(!source_open(&source, path, true, &trouble) && source_poll(&source, 0, &trouble) == 1);
	require(nrb_reader_poll(other, NULL) > 0 && nrb_reader_next(other, &record) == 1);
	nrb_reader_release(other);
	require(source_poll(&source, 0, &trouble) == -EBUSY && trouble.offset == 1032);
	source_close(&source);
	nrb_reader_close(other);
	nrb_destroy(ring);
}
END_TEST

/* ---- perf's own records ---- */

static long find(const char *bytes, size_t size, const void *what, size_t length)
{
	const char *at = memmem(bytes, size, what, length);

	return at ? at - bytes : -1;
}

/* A ring with a sample_type: copied as they are; what is no such sample is left out, and a LOST record says so. */
START_TEST(perf_samples_are_copied)
{
	const uint64_t sample[] = { 0x1234, 0x0000000200000001, 77, 2, 0xaaaa, 0xbbbb };
	const uint64_t endless[] = { 0x1234, 0x0000000200000001, 77, 0x7777777777777777, 0, 0 };
	const struct dump_options options = { .format = DUMP_PERF };
	const char *path = scratch_path("verbatim");
	struct nrb_attr attr = NRB_ATTR_INIT;
	const uint64_t lost[] = { 7, 1 };
	size_t size, messages_size;
	char *bytes, *text;
	FILE *out = open_memstream(&bytes, &size), *messages = open_memstream(&text, &messages_size);
	struct nrb_ring *ring;

	attr.id = 7;
	attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN;
	attr.sample_id = NRB_SAMPLE_TID | NRB_SAMPLE_TIME;
	ring = named_ring(path, attr);
	require(!nrb_write(ring, NRB_RECORD_SAMPLE, sample, sizeof(sample)));
	require(!nrb_write(ring, NRB_RECORD_SAMPLE, sample, sizeof(sample) - 8));
	require(!nrb_write(ring, NRB_RECORD_SAMPLE, endless, sizeof(endless)));
	require(!nrb_write(ring, 77, "no type of perf's", 17));
	require(dump_file(path, &options, out, messages) == DUMP_DAMAGED);
	fclose(out);
	fclose(messages);
	require(find(bytes, size, sample, sizeof(sample)) > 0);
	require(find(bytes, size, "no type of perf's", 17) < 0);
	require(find(bytes, size, &endless[3], 8) < 0);
	require(find(bytes, size, lost, sizeof(lost)) > 0);
	require(strstr(text, "3 records were left out") && strstr(text, "not laid out as the ring's sample_type says"));
	free(bytes);
	free(text);
	nrb_destroy(ring);
}
END_TEST

Suite *suite_make(void)
{
	const char *steps = NULL;
	Suite *suite = suite_create("dump");
	TCase *tcase = suite_case(suite, "death");

#ifndef __x86_64__
	steps = "stepping by ptrace is tried on x86-64";
#endif
	if (SANITIZED)
		steps = "a sanitizer's instructions are too many to stop at each";
	tcase_add_unchecked_fixture(tcase, scratch_make, scratch_remove);
	suite_add(tcase, killed_at_each_instruction, steps);
	suite_add(tcase, killed_at_each_instruction_nested, steps);
	tcase_add_loop_test(tcase, killed_at_random, 0, 20);

	tcase = suite_case(suite, "damage");
	tcase_add_unchecked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_loop_test(tcase, any_bytes, 0, 4);
	tcase_add_test(tcase, gone_under_our_hands);

	tcase = suite_case(suite, "company");
	tcase_add_unchecked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_loop_test(tcase, beside_a_consumer, 0, 4);
	tcase_add_test(tcase, two_consumers);

	tcase = suite_case(suite, "perf");
	tcase_add_unchecked_fixture(tcase, scratch_make, scratch_remove);
	tcase_add_test(tcase, perf_samples_are_copied);
	return suite;
}
