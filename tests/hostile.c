/* SPDX-License-Identifier: MIT */
/*
 * hostile.c - neighbours that scribble over whatever they may map, at full speed, from another process
 *
 *   hostile [--duration=TIME] [--seed=S]
 *
 * A hostile reader has the ring's two descriptors. The writer and its handlers go on: each write returns, nothing is
 * stored beside the ring, and once the neighbour is gone the ring serves an honest reader. A hostile writer has the two
 * files of a named ring. The reader goes on: each call returns, with records or with an error that is its to give.
 *
 * Kind of ring by kind of ring (TAP), each in a process of its own that is watched from here: one that crashes, or
 * makes no progress, is a failure. The seed repeats what is drawn, not how the processes meet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "number.h"
#include "order.h"
#include "random.h"
#include "scribble.h"
#include "temporary.h"

/* Without progress for so long, on a machine however busy, it hangs. */
#define HANGS_NS (30 * NS_PER_S)
#define DATA_SIZE (16u << 10)

static const struct {
	const char *name;
	uint32_t flags;
	uint64_t sample_id;
} kinds[] = {
	{ "plain", 0, 0 },
	{ "overwrite", NRB_OVERWRITE, 0 },
	{ "backward", NRB_BACKWARD, 0 },
	{ "backward, overwrite", NRB_BACKWARD | NRB_OVERWRITE, 0 },
	{ "trailers, watermark", NRB_WAKE_WATERMARK, NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static char folder[PATH_MAX], ring_path[PATH_MAX + 8], writer_path[PATH_MAX + 16];

static struct nrb_attr attr_of(unsigned kind)
{
	struct nrb_attr attr = NRB_ATTR_INIT;

	attr.data_size = DATA_SIZE;
	attr.start = UINT64_MAX - 4095;
	attr.flags = kinds[kind].flags;
	attr.sample_id = kinds[kind].sample_id;
	return attr;
}

/* Start the neighbour, and see that it is at work. */
static pid_t start_neighbour(struct shared *shared, void (*neighbour)(struct shared *))
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		neighbour(shared);
		_exit(1);
	}
	insist(pid > 0);
	while (!nrb_load_acquire(&shared->scribbles)) {
		insist(waitpid(pid, NULL, WNOHANG) == 0);
		nanosleep(&(struct timespec) { .tv_nsec = 100000 }, NULL);
	}
	return pid;
}

static void stop_neighbour(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	/* It was at work until now, and did not fall over something of ours. */
	insist(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void writer_main(struct shared *shared, unsigned kind)
{
	const struct nrb_attr attr = attr_of(kind);
	pid_t neighbour;

	victim_begin(shared, &attr);
	neighbour = start_neighbour(shared, scribble_as_reader);
	victim_write(shared);
	stop_neighbour(neighbour);
	victim_recover(shared);
}

static void reader_main(struct shared *shared, unsigned kind)
{
	struct nrb_attr attr = attr_of(kind);
	struct nrb_ring *ring;
	pid_t neighbour;

	attr.path = ring_path;
	ring = nrb_create(&attr);
	insist(ring);
	shared->fd = nrb_fd(ring);
	shared->writer_fd = nrb_writer_fd(ring);
	neighbour = start_neighbour(shared, scribble_as_writer);
	read_on(shared, ring_path);
	stop_neighbour(neighbour);
	nrb_destroy(ring);
}

/* Return: whether @pid ended well, having made progress all the time. */
static bool watch(pid_t pid, struct shared *shared)
{
	uint64_t last = 0, since = clock_ns();
	int status = 0;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		uint64_t now = nrb_load_relaxed(&shared->progress);

		if (now != last)
			since = clock_ns();
		last = now;
		if (clock_ns() - since > HANGS_NS) {
			printf("# no progress any more after %llu steps\n", (unsigned long long)now);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return false;
		}
		nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
	}
	if (ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	printf("# ended with status %#x%s%s\n", (unsigned)status, WIFSIGNALED(status) ? ": " : "",
	       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "");
	return false;
}

static bool run_case(unsigned number, unsigned kind, bool hostile_reader, uint64_t seed, uint64_t duration_ns)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool fine = shared != MAP_FAILED;
	pid_t pid;

	if (!fine)
		return false;
	shared->seed = seed + number;
	shared->duration_ns = duration_ns;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (hostile_reader)
			writer_main(shared, kind);
		else
			reader_main(shared, kind);
		_exit(0);
	}
	fine = pid > 0 && watch(pid, shared);
	unlink(ring_path);
	unlink(writer_path);
	printf("%s %u - hostile %s, %s: %s scribbles, %s %s, %s refused\n", fine ? "ok" : "not ok", number,
	       hostile_reader ? "reader" : "writer", kinds[kind].name, number_short(shared->scribbles).text,
	       number_short(shared->taken).text, hostile_reader ? "writes" : "records",
	       number_short(shared->refused).text);
	munmap(shared, sizeof(*shared));
	return fine;
}

static void usage(void)
{
	fprintf(stderr, "usage: hostile [--duration=TIME] [--seed=S]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "duration", required_argument, NULL, 'd' },
						 { "seed", required_argument, NULL, 's' },
						 { NULL, 0, NULL, 0 } };
	uint64_t duration_ns = NS_PER_S, seed = clock_ns();
	bool fine = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if ((option == 'd' && number_parse_ns(optarg, &duration_ns)) ||
		    (option == 's' && number_parse(optarg, 0, UINT64_MAX, &seed)) || (option != 'd' && option != 's'))
			usage();
	if (optind < argc)
		usage();
	if (temporary_folder("nrb-hostile", folder, sizeof(folder))) {
		fprintf(stderr, "hostile: %s: %m\n", folder);
		return 2;
	}
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	snprintf(writer_path, sizeof(writer_path), "%s" NRB_WRITER_SUFFIX, ring_path);
	printf("1..%u\n# seed %#llx\n", 2 * (unsigned)KINDS, (unsigned long long)seed);
	for (unsigned i = 0; i < 2 * KINDS; i++)
		fine &= run_case(i + 1, i % KINDS, i < KINDS, seed, duration_ns / (2 * KINDS));
	rmdir(folder);
	return !fine;
}
