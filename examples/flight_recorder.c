/* SPDX-License-Identifier: MIT */
/*
 * flight_recorder.c - a program that keeps its last records in a file, however it dies
 *
 *   cc flight_recorder.c -o flight_recorder $(pkg-config --cflags --libs nrb)
 *   ./flight_recorder FILE segv|abort|kill|run [RECORDS]    record, then die so; run: go on until killed
 *   ./flight_recorder --read FILE [LAST]                    tell what the file holds, or the last records of it
 *
 * The ring lies in FILE (and FILE.writer): an NRB_OVERWRITE ring, which keeps the newest records. They are
 * plain stores into pages of the file, which the kernel keeps whatever becomes of the process; not so if the machine
 * stops. Death may come at any instruction of a write: what was published by then is whole, what was not is not told.
 *
 * Records end in a trailer, NRB_SAMPLE_TID | _TIME | _CPU: the library puts in who wrote it, when and where.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <nrb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { EVENT_STEP = 1, EVENT_TICK, EVENT_CRASH }; /* our own record types */

struct event {
	uint64_t number; /* counted per type; of a crash the signal's number */
	uint64_t value;  /* of a step what it worked on, of a crash the address */
};

static struct nrb_ring *ring; /* set once, before there is any handler */

/* ---- recording ---- */

/* In any function, in any handler. */
static void note(uint32_t type, uint64_t number, uint64_t value)
{
	const struct event event = { number, value };

	nrb_write(ring, type, &event, sizeof(event)); /* an overwrite ring is never full */
}

/* A handler like any: it may strike in the midst of a write. */
static void on_tick(int number)
{
	static uint64_t ticks;

	(void)number;
	note(EVENT_TICK, ticks++, 0);
}

/* The last record tells what it died of. Then as if we had not been there: the kernel's own action for the signal. */
static void on_crash(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* The address, if it was the kernel that sent it. */
	note(EVENT_CRASH, (uint64_t)number, info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0);
	signal(number, SIG_DFL);
	raise(number);
}

static void handle_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct sigaction crash = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	/* A stack that has overflowed has no room for a handler. */
	static unsigned char room[1 << 16];
	const stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	const struct itimerval millisecond = { { 0, 1000 }, { 0, 1000 } };

	sigfillset(&crash.sa_mask); /* so that it is the last record indeed */
	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &crash, NULL);
	sigaction(SIGALRM, &tick, NULL);
	setitimer(ITIMER_REAL, &millisecond, NULL);
}

static void die(const char *how)
{
	volatile int *volatile nowhere = NULL; /* that the compiler does not see through */

	if (!strcmp(how, "segv"))
		*nowhere = 0;
	if (!strcmp(how, "abort"))
		abort();
	kill(getpid(), SIGKILL);
}

static int record(const char *path, const char *how, uint64_t records)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.data_size = 1 << 16;
	attr.path = path;
	attr.flags = NRB_OVERWRITE;
	attr.sample_id = NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU;
	ring = nrb_create(&attr);
	if (!ring) {
		fprintf(stderr, "flight_recorder: cannot make %s: %s%s\n", path, strerror(errno),
			errno == EEXIST ? " (read it, then remove it and its .writer)" : "");
		return 2;
	}
	handle_signals();
	for (uint64_t number = 0; number < records || !strcmp(how, "run"); number++)
		note(EVENT_STEP, number, number * number);
	die(how);
	return 2;
}

/* ---- reading ---- */

static void tell(const struct nrb_reader *reader, const struct nrb_record *record)
{
	static const char *const names[] = { "?", "step", "tick", "CRASH" };
	struct nrb_sample_id id = { 0 };
	struct event event = { 0 };

	if (record->size == sizeof(event))
		memcpy(&event, record->payload, sizeof(event));
	nrb_reader_sample_id(reader, record, &id);
	printf("%" PRIu64 ".%09" PRIu64 " tid %u cpu %u %s %" PRIu64 " 0x%" PRIx64 "\n", id.time / 1000000000u,
	       id.time % 1000000000u, id.tid, id.cpu, names[record->type <= EVENT_CRASH ? record->type : 0],
	       event.number, event.value);
}

/* Of the records in the ring the last @last; since they are in order, that is all but so many. */
static int read_back(const char *path, uint64_t last)
{
	struct nrb_reader *reader = nrb_reader_open_path(path);
	struct nrb_record record;
	uint64_t records = 0;
	int rc = 0;

	if (!reader) {
		fprintf(stderr, "flight_recorder: cannot read %s: %s\n", path, strerror(errno));
		return 2;
	}
	if (nrb_reader_poll(reader, NULL) > 0)
		while ((rc = nrb_reader_next(reader, &record)) == 1)
			records++;
	nrb_reader_rewind(reader);
	if (!rc && nrb_reader_poll(reader, NULL) > 0)
		for (; (rc = nrb_reader_next(reader, &record)) == 1; records--)
			if (records <= last)
				tell(reader, &record);
	if (rc < 0)
		fprintf(stderr, "flight_recorder: damaged at 0x%" PRIx64 ": %s\n", record.position, strerror(-rc));
	nrb_reader_close(reader);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

	if (argc > 2 && !strcmp(argv[1], "--read"))
		return read_back(argv[2], number ? number : UINT64_MAX);
	if (argc > 2 && (!strcmp(argv[2], "segv") || !strcmp(argv[2], "abort") || !strcmp(argv[2], "kill") ||
			 !strcmp(argv[2], "run")))
		return record(argv[1], argv[2], number ? number : 100000);
	fprintf(stderr, "Usage: %s FILE segv|abort|kill|run [RECORDS]\n       %s --read FILE [LAST]\n", argv[0],
		argv[0]);
	return 2;
}
