/* SPDX-License-Identifier: MIT */
/*
 * crash.c - a ring in a file after SIGKILL of its writer: every record that was published is there, and whole
 *
 * A child writes records that verify themselves, nested ones from signal handlers too, and is killed at a random
 * instant. What it had published by then it has told through other memory than the ring's: after each write that
 * nothing interrupted any more it noted how many records of each level there are. The parent may consume meanwhile;
 * afterwards it reads what is left, as whoever comes upon the files would.
 *
 *   crash [--kills=N] [--seed=S]
 *
 * Mode by mode (TAP). The seed repeats what the parent draws, not the instant at which the child dies.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "number.h"
#include "order.h"
#include "payload.h"
#include "random.h"
#include "ring.h"
#include "temporary.h"

#define DEPTH 3u /* levels that write: the thread and two handlers */
#define STREAM 0xc4a5u
#define DATA_SIZE (64u << 10)
#define PAYLOAD_LIMIT 512u
#define RECORD_LIMIT (8 + PAYLOAD_LIMIT + 24 + 128) /* with a LOST record before it, and trailers */
#define READY_NS 30000000000ll
#define LATEST_NS 1500000 /* after which a child is killed, counted from its first record */

struct mode {
	const char *name;
	uint32_t flags;
	uint64_t sample_id;
};

static const struct mode modes[] = {
	{ "plain", 0, 0 },
	{ "overwrite", NRB_OVERWRITE, 0 },
	{ "backward", NRB_BACKWARD, 0 },
	{ "backward, overwrite", NRB_BACKWARD | NRB_OVERWRITE, 0 },
	{ "trailers, watermark", NRB_WAKE_WATERMARK, NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU },
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

/* What the child tells, in memory that outlives it and is no part of the ring. */
struct told {
	uint64_t published[DEPTH]; /* records of each level that are published for certain */
	uint64_t begun[DEPTH];     /* writes that were begun */
	uint64_t refused;          /* writes that were refused, counted after the fact */
};

/* What the parent has read of one child. */
struct seen {
	uint64_t next[DEPTH]; /* the sequence number that comes next; in an overwrite ring once there was a first */
	bool any[DEPTH];
	uint64_t records, bytes, lost;
};

static struct {
	uint64_t records, inside, unborn;
} totals;

static struct told *told;
static char folder[PATH_MAX], ring_path[PATH_MAX + 8], writer_path[PATH_MAX + 16];

static void forget_files(void)
{
	unlink(ring_path);
	unlink(writer_path);
}

/* ---- the child ---- */

static struct {
	struct nrb_ring *ring;
	struct random random[DEPTH];
	uint64_t written[DEPTH];
} child;

/* One record of @level, in place or not. Its number is used up only when it was taken. */
static void write_record(unsigned level)
{
	struct random *random = &child.random[level];
	uint64_t sequence = child.written[level], size = PAYLOAD_MIN + 8 * random_below(random, PAYLOAD_LIMIT / 8 - 1);
	unsigned char payload[PAYLOAD_LIMIT];
	struct nrb_reservation r;
	int rc;

	nrb_local_store(&told->begun[level], sequence + 1);
	if (random_next(random) & 1) {
		rc = nrb_reserve(child.ring, &r, NRB_RECORD_SAMPLE, size);
		if (!rc) {
			if (level + 1 < DEPTH && random_below(random, 4) == 0)
				raise(level ? SIGUSR2 : SIGUSR1);
			payload_fill(r.payload, size, STREAM, level, sequence);
			nrb_commit(child.ring, &r);
		}
	} else {
		payload_fill(payload, size, STREAM, level, sequence);
		rc = nrb_write(child.ring, NRB_RECORD_SAMPLE, payload, size);
	}
	if (rc)
		nrb_local_add(&told->refused, 1);
	else
		nrb_local_store(&child.written[level], sequence + 1);
}

static void on_signal(int signal)
{
	write_record(signal == SIGUSR1 ? 1 : 2);
}

/* A timer for each handler: the second may strike the first, too. */
static void arm(int signal, uint64_t interval_ns)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal };
	struct itimerspec every = { .it_value.tv_nsec = (long)interval_ns, .it_interval.tv_nsec = (long)interval_ns };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	timer_t timer;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	/* Without timers, where they are limited, there still are the signals that it raises itself. */
	if (!sigaction(signal, &action, NULL) && !timer_create(CLOCK_MONOTONIC, &event, &timer))
		timer_settime(timer, 0, &every, NULL);
}

static void child_main(const struct mode *mode, uint64_t seed)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned level = 0; level < DEPTH; level++)
		child.random[level] = random_stream(seed, level);
	attr.path = ring_path;
	attr.data_size = DATA_SIZE;
	attr.start = seed & 1 ? 0 : UINT64_MAX - 4095;
	attr.flags = mode->flags;
	attr.sample_id = mode->sample_id;
	child.ring = nrb_create(&attr);
	if (!child.ring)
		_exit(1);
	/* The first one's handler raises the second, so that one must be handled by then. */
	arm(SIGUSR2, 110000);
	arm(SIGUSR1, 70000);
	for (;;) {
		write_record(0);
		/* Whatever was written until here is published: nothing is in progress. */
		for (unsigned level = 0; level < DEPTH; level++)
			nrb_store_release(&told->published[level], nrb_local_load(&child.written[level]));
	}
}

/* ---- the parent ---- */

__attribute__((format(printf, 1, 2))) static const char *complaint(const char *format, ...)
{
	static char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return text;
}

/* Return: NULL, or what is wrong. @overwrite: records may be missing before the first of each level. */
static const char *take_record(struct seen *seen, const struct nrb_record *record, bool overwrite)
{
	unsigned level;
	uint64_t sequence;

	seen->bytes += 8 + record->size;
	if (record->type == NRB_RECORD_LOST) {
		seen->lost += ((const struct nrb_lost *)record->payload)->lost;
		return NULL;
	}
	if (record->type != NRB_RECORD_SAMPLE ||
	    !payload_verify(record->payload, record->size, STREAM, &level, &sequence) || level >= DEPTH)
		return complaint("a torn record at %#llx", (unsigned long long)record->position);
	if (overwrite && !seen->any[level])
		seen->next[level] = sequence;
	if (sequence != seen->next[level])
		return complaint("level %u: record %llu where %llu was due", level, (unsigned long long)sequence,
				 (unsigned long long)seen->next[level]);
	seen->any[level] = true;
	seen->next[level]++;
	seen->records++;
	return NULL;
}

static const char *read_all(struct nrb_reader *reader, struct seen *seen)
{
	const bool overwrite = nrb_reader_attr(reader).flags & NRB_OVERWRITE;
	int64_t found = nrb_reader_poll(reader, NULL);
	struct nrb_record record;
	const char *wrong = NULL;
	int rc = 0;

	if (found < 0)
		return complaint("poll: %s", strerror((int)-found));
	while (!wrong && (rc = nrb_reader_next(reader, &record)) == 1)
		wrong = take_record(seen, &record, overwrite);
	if (!wrong && rc < 0)
		wrong = complaint("next: %s at %#llx", strerror(-rc), (unsigned long long)record.position);
	if (!wrong)
		nrb_reader_release(reader);
	return wrong;
}

/*
 * Bytes that may be reserved and not published, at most. Handlers may strike an outermost write more than once, when it
 * is kept from the CPU; what they write waits for it. So it is each write that was begun since it was told last that
 * nothing is in progress.
 */
static uint64_t unpublished_max(void)
{
	uint64_t writes = 0;

	for (unsigned level = 0; level < DEPTH; level++)
		writes += nrb_load_acquire(&told->begun[level]) - nrb_load_acquire(&told->published[level]);
	return writes * RECORD_LIMIT;
}

/* What the writer's page says after the end, beside the ring's own. */
static const char *check_writer_page(const struct mode *mode, const struct nrb_reader *reader, const struct seen *seen)
{
	uint64_t page = nrb_page_size(), ahead, counted, refused = nrb_load_acquire(&told->refused);
	int fd = open(writer_path, O_RDONLY | O_CLOEXEC);
	const struct nrb_writer *writer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	const char *wrong = NULL;

	close(fd);
	if (writer == MAP_FAILED)
		return complaint("%s: %s", writer_path, strerror(errno));
	ahead = writer->head - nrb_reader_head(reader);
	if (mode->flags & NRB_BACKWARD)
		ahead = 0 - ahead;
	counted = seen->lost + writer->lost;
	totals.inside += ahead != 0;
	if (ahead > unpublished_max())
		wrong = complaint("reserved %lld bytes beyond data_head", (long long)ahead);
	else if (writer->magic != NRB_WRITER_MAGIC || writer->nest > DEPTH)
		wrong = complaint("%llu bytes reserved, %u writes in progress", (unsigned long long)ahead,
				  writer->nest);
	/* Told and untold, but for what stands in a LOST record that was not published. Each level may have counted one
	 * that it had no time to tell us of. */
	else if (!(mode->flags & NRB_OVERWRITE) && (counted > refused + DEPTH || (!ahead && counted < refused)))
		wrong = complaint("%llu writes lost by the ring's account, %llu by the writer's",
				  (unsigned long long)counted, (unsigned long long)refused);
	munmap((void *)(uintptr_t)writer, page);
	return wrong;
}

/* Everything that was published is there. */
static const char *check_complete(const struct mode *mode, const struct nrb_reader *reader, const struct seen *seen)
{
	uint64_t begin = nrb_reader_attr(reader).start, end = nrb_reader_head(reader);
	uint64_t published = mode->flags & NRB_BACKWARD ? begin - end : end - begin;

	for (unsigned level = 0; level < DEPTH; level++) {
		uint64_t due = nrb_load_acquire(&told->published[level]);

		/* Of an overwrite ring a level may have nothing left. */
		if (seen->next[level] < due && (seen->any[level] || !(mode->flags & NRB_OVERWRITE)))
			return complaint("level %u: published to %llu, read to %llu", level, (unsigned long long)due,
					 (unsigned long long)seen->next[level]);
		if (seen->next[level] > nrb_load_acquire(&told->begun[level]))
			return complaint("level %u: a record that nobody wrote", level);
	}
	/* Of a full overwrite ring all but the part that its oldest record begins in, and what was being
	 * overwritten. */
	if (mode->flags & NRB_OVERWRITE && published >= DATA_SIZE &&
	    seen->bytes + DATA_SIZE / NRB_PARTS + RECORD_LIMIT + unpublished_max() < DATA_SIZE)
		return complaint("of %u bytes only %llu are there", DATA_SIZE, (unsigned long long)seen->bytes);
	return NULL;
}

/* The files as somebody finds them later, after @seen. */
static const char *check_remains(const struct mode *mode, struct seen *seen)
{
	struct nrb_reader *reader = nrb_reader_open_path(ring_path);
	const char *wrong;

	if (!reader) {
		/* Killed while it made the ring: then it has published nothing, and whoever looks is told. */
		totals.unborn++;
		if (told->begun[0] || (errno != ENOENT && errno != EMEDIUMTYPE))
			return complaint("cannot be opened: %s", strerror(errno));
		return NULL;
	}
	/* What a snapshot holds is its own; in other rings it goes on where reading ended before. */
	if (mode->flags & NRB_OVERWRITE)
		memset(seen, 0, sizeof(*seen));
	wrong = read_all(reader, seen);
	if (!wrong)
		wrong = check_complete(mode, reader, seen);
	if (!wrong)
		wrong = check_writer_page(mode, reader, seen);
	nrb_reader_close(reader);
	return wrong;
}

static void pause_ns(uint64_t ns)
{
	struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* Until the child has published something, or is done for. Return: whether it has. */
static bool await_first(pid_t pid)
{
	int64_t deadline = (int64_t)clock_ns() + READY_NS;

	while (!nrb_load_acquire(&told->published[0]) && (int64_t)clock_ns() < deadline) {
		siginfo_t info = { .si_pid = 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return false;
		pause_ns(20000);
	}
	return nrb_load_acquire(&told->published[0]);
}

/* Consume for a while, as a reader in another process would. */
static const char *consume(struct seen *seen, uint64_t ns)
{
	struct nrb_reader *reader = nrb_reader_open_path(ring_path);
	uint64_t deadline = clock_ns() + ns;
	const char *wrong = NULL;

	if (!reader)
		return complaint("cannot be opened: %s", strerror(errno));
	while (!wrong && clock_ns() < deadline)
		wrong = read_all(reader, seen);
	nrb_reader_close(reader);
	return wrong;
}

/* One child, from its birth to its end. Return: NULL, or what is wrong. */
static const char *kill_one(const struct mode *mode, struct random *random)
{
	uint64_t seed = random_next(random), wait_ns = random_below(random, LATEST_NS);
	/* One in eight may be killed before there is anything. */
	bool early = random_below(random, 8) == 0, consuming = random_next(random) & 1;
	struct seen seen = { .records = 0 };
	const char *wrong = NULL;
	int status;
	pid_t pid;

	memset(told, 0, sizeof(*told));
	forget_files();
	pid = fork();
	if (!pid)
		child_main(mode, seed);
	if (pid < 0)
		return complaint("fork: %s", strerror(errno));
	if (early)
		pause_ns(wait_ns / 2);
	else if (!await_first(pid))
		wrong = "the writer did not begin";
	else if (consuming && !(mode->flags & NRB_OVERWRITE))
		wrong = consume(&seen, wait_ns);
	else
		pause_ns(wait_ns);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return wrong ? wrong : complaint("the writer ended by itself, status %#x", status);
	if (!wrong)
		wrong = check_remains(mode, &seen);
	totals.records += seen.records;
	return wrong;
}

static bool run_mode(const struct mode *mode, uint64_t kills, uint64_t seed)
{
	struct random random = random_stream(seed, (uint64_t)(mode - modes));
	const char *wrong = NULL;
	uint64_t done;

	memset(&totals, 0, sizeof(totals));
	for (done = 0; done < kills && !wrong; done++)
		wrong = kill_one(mode, &random);
	if (!wrong && !totals.records)
		wrong = "nothing was read";
	if (wrong)
		printf("# kill %llu of seed %#llx: %s\n", (unsigned long long)done, (unsigned long long)seed, wrong);
	printf("%s %u - %s: %llu kills, %llu inside a write, %llu before there was a ring; %llu records read\n",
	       wrong ? "not ok" : "ok", (unsigned)(mode - modes) + 1, mode->name, (unsigned long long)done,
	       (unsigned long long)totals.inside, (unsigned long long)totals.unborn,
	       (unsigned long long)totals.records);
	fflush(stdout);
	return !wrong;
}

static void usage(void)
{
	fprintf(stderr, "usage: crash [--kills=N] [--seed=S]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kills", required_argument, NULL, 'k' },
						 { "seed", required_argument, NULL, 's' },
						 { NULL, 0, NULL, 0 } };
	uint64_t kills = 50, seed = clock_ns();
	bool fine = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if ((option == 'k' && number_parse(optarg, MODES, 1000000000, &kills)) ||
		    (option == 's' && number_parse(optarg, 0, UINT64_MAX, &seed)) || (option != 'k' && option != 's'))
			usage();
	if (optind < argc)
		usage();
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED || temporary_folder("nrb-crash", folder, sizeof(folder))) {
		fprintf(stderr, "crash: %s: %m\n", folder);
		return 2;
	}
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	snprintf(writer_path, sizeof(writer_path), "%s" NRB_WRITER_SUFFIX, ring_path);
	printf("1..%u\n# seed %#llx\n", (unsigned)MODES, (unsigned long long)seed);
	fflush(stdout);
	for (unsigned i = 0; i < MODES; i++)
		fine &= run_mode(&modes[i], (kills + i) / MODES, seed);
	forget_files();
	rmdir(folder);
	return !fine;
}
