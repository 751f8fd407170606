/* SPDX-License-Identifier: MIT */
/*
 * check_wait.c - readers that sleep: how they are woken and how not, with the eventfd and without, here and in another
 * process
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "order.h"
#include "suite.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define MS INT64_C(1000000)

static struct nrb_ring *ring_waking(uint32_t flags, uint64_t wakeup, const char *path)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = PAGE;
	attr.start = UINT64_MAX - 63;
	attr.flags = flags;
	attr.wakeup = wakeup;
	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create: %m");
	return ring;
}

static void sleep_ns(int64_t ns)
{
	const struct timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&time, NULL);
}

static unsigned take_all(struct nrb_reader *reader)
{
	struct nrb_record record;
	unsigned records = 0;

	while (nrb_reader_next(reader, &record) == 1)
		records++;
	nrb_reader_release(reader);
	return records;
}

/* Plain, backward, overwrite, both. */
static uint32_t ways(int i)
{
	return (i & 1 ? NRB_BACKWARD : 0) | (i & 2 ? NRB_OVERWRITE : 0);
}

START_TEST(times)
{
	struct nrb_ring *ring = ring_waking(NRB_WAKE_WATERMARK | ways(_i), 100, NULL);
	struct nrb_reader *reader = reader_make(ring);
	uint64_t head = 1;

	ck_assert_int_eq(nrb_reader_wait(reader, 0, &head), 0);
	ck_assert(head == UINT64_MAX - 63);
	ck_assert_int_eq(nrb_reader_wait(reader, 2 * MS, NULL), 0);
	/* Below the watermark nobody is woken, but when the time is up it is looked for. */
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 8), 0);
	ck_assert_int_eq(nrb_reader_wait(reader, 2 * MS, NULL), 16);
	ck_assert_uint_eq(take_all(reader), 1);
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 8), 0);
	ck_assert_int_eq(nrb_reader_wait(reader, 0, NULL), 16);
	ck_assert_uint_eq(take_all(reader), 1);
	/* A wakeup from before the wait, for any length of time. */
	for (unsigned i = 0; i < 4; i++) {
		const int64_t timeouts[] = { 0, -1, INT64_MAX, INT64_MIN };

		ck_assert_int_eq(nrb_write(ring, 9, (char[104]) { 0 }, 104), 0);
		ck_assert_int_eq(nrb_reader_wait(reader, timeouts[i], &head), 112);
		ck_assert(head == nrb_reserved_head(ring));
		ck_assert_uint_eq(take_all(reader), 1);
	}
	/* Who polls before finds the wakeup still pending, and then nothing. */
	ck_assert_int_eq(nrb_write(ring, 9, (char[104]) { 0 }, 104), 0);
	ck_assert_int_eq(nrb_reader_poll(reader, NULL), 112);
	ck_assert_uint_eq(take_all(reader), 1);
	ck_assert_int_eq(nrb_reader_wait(reader, -1, NULL), 0);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* What is left of a batch comes first, and must not cost the wakeup that tells of more. */
START_TEST(half_read)
{
	struct nrb_ring *ring = ring_waking(NRB_WAKE_RECORDS | ways(_i), 2, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct nrb_record record;

	nrb_write(ring, 9, suite_zeros, 8);
	nrb_write(ring, 9, suite_zeros, 8);
	ck_assert_int_eq(nrb_reader_wait(reader, -1, NULL), 32);
	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	nrb_write(ring, 10, suite_zeros, 8);
	nrb_write(ring, 10, suite_zeros, 8);
	for (unsigned left = 3; left;) {
		ck_assert_int_gt(nrb_reader_wait(reader, -1, NULL), 0);
		while (left && nrb_reader_next(reader, &record) == 1)
			left--;
	}
	ck_assert_uint_eq(record.type, 10);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

/* ---- another thread ---- */

struct sleeper {
	struct nrb_reader *reader;
	pthread_t thread;
	int64_t found;
	unsigned up;
};

static void *sleeper_run(void *argument)
{
	struct sleeper *sleeper = argument;

	sleeper->found = nrb_reader_wait(sleeper->reader, -1, NULL);
	nrb_store_release(&sleeper->up, 1);
	return NULL;
}

static void sleeper_start(struct sleeper *sleeper, struct nrb_reader *reader)
{
	*sleeper = (struct sleeper) { .reader = reader };
	ck_assert_int_eq(pthread_create(&sleeper->thread, NULL, sleeper_run, sleeper), 0);
}

START_TEST(blocked)
{
	struct nrb_ring *ring = ring_waking(NRB_WAKE_RECORDS | ways(_i), 3, NULL);
	struct nrb_reader *reader = reader_make(ring);
	struct sleeper sleeper;

	sleeper_start(&sleeper, reader);
	nrb_write(ring, 9, suite_zeros, 8);
	nrb_write(ring, 9, suite_zeros, 8);
	/* Long enough for it to be asleep, if there is time; two records are not enough to wake it. */
	sleep_ns(5 * MS);
	ck_assert_uint_eq(nrb_load_acquire(&sleeper.up), 0);
	nrb_write(ring, 9, suite_zeros, 8);
	pthread_join(sleeper.thread, NULL);
	ck_assert_int_eq(sleeper.found, 48);
	nrb_reader_close(reader);
	nrb_destroy(ring);
}
END_TEST

static void nothing(int signal)
{
	(void)signal;
}

static void check_interrupted(struct nrb_reader *reader)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct sleeper sleeper;

	sigaction(SIGUSR1, &action, NULL);
	sleeper_start(&sleeper, reader);
	/* One that comes before it sleeps is of no use. */
	while (!nrb_load_acquire(&sleeper.up)) {
		pthread_kill(sleeper.thread, SIGUSR1);
		sleep_ns(MS / 5);
	}
	pthread_join(sleeper.thread, NULL);
	ck_assert_int_eq(sleeper.found, -EINTR);
}

START_TEST(interrupted)
{
	struct nrb_ring *ring = ring_waking(NRB_WAKE_RECORDS, 1, NULL), *mute = ring_make(PAGE, 0);
	struct nrb_reader *reader = reader_make(ring), *looking = reader_make(mute);

	check_interrupted(reader);
	check_interrupted(looking);
	nrb_reader_close(looking);
	nrb_reader_close(reader);
	nrb_destroy(mute);
	nrb_destroy(ring);
}
END_TEST

/* Without the eventfd: it looks now and then, and finds whatever there is. */
START_TEST(looking)
{
	const char *path = scratch_path("ring");
	struct nrb_ring *ring = ring_waking(NRB_WAKE_WATERMARK | ways(_i % 4), 0, path);
	struct nrb_reader *reader =
		_i < 4 ? nrb_reader_open_path(path) : nrb_reader_open_fds(nrb_fd(ring), nrb_writer_fd(ring));
	struct sleeper sleeper;

	ck_assert_msg(reader, "%m");
	ck_assert_int_eq(nrb_reader_wakeup_fd(reader), -EOPNOTSUPP);
	ck_assert_int_eq(nrb_reader_wait(reader, 0, NULL), 0);
	ck_assert_int_eq(nrb_reader_wait(reader, 2 * MS, NULL), 0);
	sleeper_start(&sleeper, reader);
	sleep_ns(MS);
	ck_assert_int_eq(nrb_write(ring, 9, suite_zeros, 8), 0);
	pthread_join(sleeper.thread, NULL);
	ck_assert_int_eq(sleeper.found, 16);
	ck_assert_uint_eq(take_all(reader), 1);
	nrb_reader_close(reader);
	nrb_destroy(ring);
	unlink(path);
	unlink(scratch_path("ring.writer"));
}
END_TEST

/* ---- another process ---- */

#define SENT 3

static void send_fds(int socket, const int fds[SENT])
{
	char byte = 0, control[CMSG_SPACE(SENT * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(SENT * sizeof(int));
	memcpy(CMSG_DATA(header), fds, SENT * sizeof(int));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
}

static bool receive_fds(int socket, int fds[SENT])
{
	char byte, control[CMSG_SPACE(SENT * sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};

	if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return false;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), SENT * sizeof(int));
	return true;
}

/* Sleeps until the last record, of type 11, has come. Return: its exit status. */
static int read_elsewhere(int socket)
{
	struct nrb_reader *reader;
	struct nrb_record record;
	uint32_t type = 0;
	int fds[SENT];

	if (!receive_fds(socket, fds))
		return 2;
	reader = nrb_reader_open_fds(fds[0], fds[1]);
	if (!reader || nrb_reader_set_wakeup_fd(reader, fds[2]))
		return 3;
	/* Both are the reader's own. */
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	if (write(socket, "", 1) != 1)
		return 4;
	while (type != 11) {
		if (nrb_reader_wait(reader, -1, NULL) < 0)
			return 5;
		while (nrb_reader_next(reader, &record) == 1)
			type = record.type;
		nrb_reader_release(reader);
	}
	nrb_reader_close(reader);
	return 0;
}

START_TEST(elsewhere)
{
	int sockets[2], status, fds[SENT];
	struct nrb_ring *ring;
	char byte;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(read_elsewhere(sockets[1]));
	close(sockets[1]);
	ring = ring_waking(NRB_WAKE_RECORDS | ways(_i), 1, NULL);
	fds[0] = nrb_fd(ring);
	fds[1] = nrb_writer_fd(ring);
	fds[2] = nrb_wakeup_fd(ring);
	send_fds(sockets[0], fds);
	ck_assert_int_eq(read(sockets[0], &byte, 1), 1);
	for (unsigned i = 0; i < 20; i++) {
		while (nrb_write(ring, i < 19 ? 9 : 11, suite_zeros, 8))
			sched_yield();
		sleep_ns(MS / 10);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "the reader's status: %#x", status);
	close(sockets[0]);
	nrb_destroy(ring);
}
END_TEST

/* ---- a storm ---- */

static struct {
	struct nrb_ring *ring;
	uint64_t written, refused; /* by the thread and its handlers */
	uint64_t read, told;
	unsigned stop;
} storm;

static void write_one(int signal)
{
	(void)signal;
	nrb_local_add(nrb_write(storm.ring, 9, "sixteen bytes !!", 16) ? &storm.refused : &storm.written, 1);
}

static void *only_wait(void *argument)
{
	struct nrb_reader *reader = argument;
	struct nrb_record record;

	while (!nrb_load_acquire(&storm.stop)) {
		int64_t found = nrb_reader_wait(reader, -1, NULL);

		if (found < 0)
			return "wait";
		while (nrb_reader_next(reader, &record) == 1) {
			if (record.type == NRB_RECORD_LOST)
				storm.told += ((const struct nrb_lost *)record.payload)->lost;
			else
				storm.read++;
		}
		nrb_reader_release(reader);
	}
	return NULL;
}

static uint64_t unread(const struct nrb_reader *reader, bool backward)
{
	uint64_t tail = nrb_reader_tail(reader), head = nrb_reader_head(reader);

	return backward ? tail - head : head - tail;
}

static void write_stormily(unsigned records)
{
	struct itimerspec when = { .it_value.tv_nsec = 1000, .it_interval.tv_nsec = 50000 };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	struct sigaction action = { .sa_handler = write_one, .sa_flags = SA_RESTART };
	timer_t timer;
	sigset_t set;

	sigaction(SIGUSR2, &action, NULL);
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	ck_assert_int_eq(timer_settime(timer, 0, &when, NULL), 0);
	for (unsigned i = 0; i < records; i++)
		write_one(0);
	timer_delete(timer);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

START_TEST(only_waiting)
{
	const bool backward = _i % 2;
	struct nrb_reader *reader;
	void *failed;
	pthread_t thread;

	memset(&storm, 0, sizeof(storm));
	storm.ring = ring_waking(NRB_WAKE_WATERMARK | (backward ? NRB_BACKWARD : 0), 1000, NULL);
	reader = reader_make(storm.ring);
	ck_assert_int_eq(pthread_create(&thread, NULL, only_wait, reader), 0);
	for (unsigned round = 0; round < 20; round++) {
		write_stormily(round % 2 ? 3000 : 10 + round);
		/* At rest: what nobody was woken for is no more than the watermark. The case's timeout is the limit. */
		while (unread(reader, backward) > 1000)
			sleep_ns(MS / 10);
	}
	nrb_store_release(&storm.stop, 1);
	/* Enough to wake it once more, and then it ends. */
	for (unsigned i = 0; i < 1000 / 24 + 1; i++)
		write_one(0);
	ck_assert_int_eq(pthread_join(thread, &failed), 0);
	ck_assert_msg(!failed, "%s: %m", (char *)failed);
	storm.stop = 0;
	ck_assert_int_ge(nrb_reader_poll(reader, NULL), 0);
	for (struct nrb_record record; nrb_reader_next(reader, &record) == 1;) {
		if (record.type == NRB_RECORD_LOST)
			storm.told += ((const struct nrb_lost *)record.payload)->lost;
		else
			storm.read++;
	}
	ck_assert_uint_eq(storm.read, storm.written);
	ck_assert_uint_eq(storm.told + nrb_lost(storm.ring), storm.refused);
	suite_note("%llu records, %llu refused, %llu wakeups\n", (unsigned long long)storm.written,
		   (unsigned long long)storm.refused, (unsigned long long)nrb_wakeups(storm.ring));
	nrb_reader_close(reader);
	nrb_destroy(storm.ring);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("wait");
	TCase *one = suite_case(suite, "one"), *two = suite_case(suite, "two");

	tcase_add_loop_test(one, times, 0, 4);
	tcase_add_loop_test(one, half_read, 0, 4);
	tcase_add_unchecked_fixture(two, scratch_make, scratch_remove);
	tcase_add_loop_test(two, blocked, 0, 4);
	tcase_add_test(two, interrupted);
	tcase_add_loop_test(two, looking, 0, 8);
	tcase_add_loop_test(two, elsewhere, 0, 4);
	tcase_add_loop_test(two, only_waiting, 0, 2);
	return suite;
}
