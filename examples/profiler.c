/* SPDX-License-Identifier: MIT */
/*
 * profiler.c - a sampling profiler whose signal handlers write into rings: how to embed libnrb
 *
 *   cc -O2 -shared -fPIC profiler.c perf_data.c stack.c -o libnrb-profiler.so $(pkg-config --cflags --libs nrb)
 *   env NRB_PROFILE=out.perf.data LD_PRELOAD=$PWD/libnrb-profiler.so PROGRAM...
 *   perf script -i out.perf.data
 *
 * Linked into a program it does the same without LD_PRELOAD. NRB_PROFILE names the file, NRB_PROFILE_HZ the rate (1 to
 * 10000, default 1000), NRB_PROFILE_CLOCK what drives it: "cpu" (default) or "wall".
 *
 * Each thread has a ring and a timer of its own. The timer's signal interrupts that thread alone, so nobody shares a
 * ring; and, unlike one ITIMER_PROF for all, it comes as often to each of many busy threads. The handler walks frame
 * pointers (-fno-omit-frame-pointer) and writes one record, laid out as perf's, into the ring of the thread that it
 * interrupted. A reader thread of our own wakes when a ring is an eighth full, and writes the file.
 *
 * "cpu" stands still while a thread sleeps, and so interrupts no system call that waits. But the kernel looks at such
 * timers once a tick only (CONFIG_HZ, often 250): what expired in between comes as one signal, and as a period so much
 * longer in the sample. "wall" is exact at any rate, and interrupts sleeping threads as well: some of their
 * system calls end early, with EINTR.
 *
 * Not profiled: forked children, programs that are exec'ed, threads from clone(2) or thrd_create(3). A program that
 * handles SIGPROF itself, or ends by _exit(2), cannot be profiled so.
 */
#define _GNU_SOURCE
#include "perf_data.h"
#include "stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <nrb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define FRAMES_MAX 126 /* a record of at most 1 KiB or so */
#define SAMPLE_TYPE (PERF_TRAILER | PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN)

/* As SAMPLE_TYPE says, in perf's order. */
struct sample {
	uint64_t ip;
	struct perf_trailer id;
	uint64_t period;
	uint64_t frames;
	uint64_t frame[1 + FRAMES_MAX]; /* the first tells that user space begins here */
};

/* A thread that is profiled. */
struct member {
	struct member *next;
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	timer_t timer;
	bool has_timer; /* under the lock */
	uint32_t tid;
	struct stack stack;
	bool gone; /* under the lock; its samples are complete */
};

/* What a new thread is to do. */
struct launch {
	void *(*start)(void *);
	void *argument;
};

static struct {
	pthread_mutex_t lock; /* of members, of gone and has_timer in each, and of what follows */
	struct member *members;
	uint64_t threads; /* that were profiled */
	bool stopping;
	volatile sig_atomic_t on;
	uint32_t pid;
	const char *path;
	bool wall;
	pthread_key_t key;
	pthread_t reader;
	int err, epoll, kick;
	/* The reader's own, from when it has begun until it has ended. */
	struct perf_data data;
	uint64_t samples, periods, lost, looked;
} profiler = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Handlers look at it: initial-exec, so that there is nothing to be allocated by the first access. */
static _Thread_local struct member *volatile self __attribute__((tls_model("initial-exec")));

static void complain(const char *what, const char *name, int error)
{
	dprintf(profiler.err, "nrb-profiler: %s%s: %s\n", what, name, strerror(error));
}

/* ---- the handler: loads from the stack, and one write ---- */

static void on_sigprof(int number, siginfo_t *info, void *context)
{
	const struct member *member = self;
	struct sample sample;
	int cpu;

	(void)number;
	if (!member || info->si_code != SI_TIMER || !profiler.on)
		return; /* somebody else's signal, or thread */
	cpu = sched_getcpu();
	sample.frame[0] = PERF_CONTEXT_USER;
	sample.frames = 1 + stack_walk(&member->stack, context, sample.frame + 1, FRAMES_MAX);
	sample.ip = sample.frame[1];
	sample.id =
		(struct perf_trailer) { profiler.pid, member->tid, perf_data_now(), cpu < 0 ? 0 : (uint32_t)cpu, 0 };
	sample.period = profiler.data.period_ns * (1 + (uint64_t)info->si_overrun);
	/* If the ring is full it counts the loss, and tells with the next one that fits. */
	nrb_write(member->ring, NRB_RECORD_SAMPLE, &sample,
		  offsetof(struct sample, frame) + sample.frames * sizeof(sample.frame[0]));
}

/* ---- threads come and go ---- */

static void member_free(struct member *member)
{
	nrb_reader_close(member->reader);
	nrb_destroy(member->ring);
	free(member);
}

static struct member *member_new(void)
{
	struct nrb_attr attr = NRB_ATTR_INIT; /* 1 MiB: a second of the deepest stacks at 1 kHz */
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	attr.flags = NRB_WAKE_WATERMARK;
	attr.wakeup = attr.data_size / 8;
	attr.sample_id = PERF_TRAILER;
	attr.sample_type = SAMPLE_TYPE;
	member->tid = (uint32_t)syscall(SYS_gettid);
	attr.id = member->tid;
	member->ring = nrb_create(&attr);
	member->reader = member->ring ? nrb_reader_open(member->ring) : NULL;
	if (member->reader)
		return member;
	member_free(member);
	return NULL;
}

/* Its name, as perf tells it; the trailer is put by the ring. */
static void tell_name(const struct member *member)
{
	struct {
		uint32_t pid, tid;
		char name[16];
	} comm = { profiler.pid, member->tid, "" };

	prctl(PR_GET_NAME, comm.name);
	nrb_write(member->ring, PERF_RECORD_COMM, &comm, sizeof(comm));
}

static bool start_timer(struct member *member)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
	struct itimerspec every = { .it_interval = { (time_t)(profiler.data.period_ns / 1000000000u),
						     (long)(profiler.data.period_ns % 1000000000u) } };

	event.sigev_notify_thread_id = (pid_t)member->tid;
	every.it_value = every.it_interval;
	if (timer_create(profiler.wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &event, &member->timer) < 0)
		return false;
	member->has_timer = true;
	return timer_settime(member->timer, 0, &every, NULL) == 0;
}

static void stop_timer(struct member *member)
{
	if (member->has_timer)
		timer_delete(member->timer);
	member->has_timer = false;
}

static void block_sigprof(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPROF);
	pthread_sigmask(how, &set, NULL);
}

/* The calling thread is profiled from here on. Where something is missing it runs as it would without us. */
static void join(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct member *member = member_new();

	if (!member || !stack_find(&member->stack) ||
	    epoll_ctl(profiler.epoll, EPOLL_CTL_ADD, nrb_wakeup_fd(member->ring), &event) < 0) {
		complain("a thread is not profiled", "", errno);
		if (member)
			member_free(member);
		return;
	}
	tell_name(member);
	self = member;
	pthread_setspecific(profiler.key, member);
	/* Programs start threads with all signals blocked, to keep their own ones away. */
	block_sigprof(SIG_UNBLOCK);
	pthread_mutex_lock(&profiler.lock);
	member->next = profiler.members;
	profiler.members = member;
	profiler.threads++;
	/* Under the lock, so that who stops all timers stops this one. */
	if (!profiler.stopping && !start_timer(member))
		complain("a thread is not profiled: timer_create, see ulimit -i", "", errno);
	pthread_mutex_unlock(&profiler.lock);
}

/* A thread ends, however it does: as the key's destructor. The reader takes what it has left. */
static void leave(void *argument)
{
	struct member *member = argument;

	if (!profiler.on || (uint32_t)getpid() != profiler.pid)
		return;
	/* From here on no handler of this thread runs, so its ring has no writer. */
	block_sigprof(SIG_BLOCK);
	self = NULL;
	pthread_mutex_lock(&profiler.lock);
	stop_timer(member);
	member->gone = true;
	pthread_mutex_unlock(&profiler.lock);
	eventfd_write(profiler.kick, 1);
}

static void *launched(void *argument)
{
	struct launch launch = *(struct launch *)argument;

	free(argument);
	join();
	return launch.start(launch.argument);
}

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static create_function *real_pthread_create(void)
{
	void *found = dlsym(RTLD_NEXT, "pthread_create");
	create_function *create;

	memcpy(&create, &found, sizeof(create)); /* ISO C has no cast for this */
	return create;
}

/* In the place of libc's. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
	create_function *create = real_pthread_create();
	struct launch *launch = profiler.on ? malloc(sizeof(*launch)) : NULL;
	int rc;

	if (!launch)
		return create ? create(thread, attr, start, argument) : ENOSYS;
	*launch = (struct launch) { start, argument };
	rc = create(thread, attr, launched, launch);
	free(rc ? launch : NULL); /* else it is the thread's */
	return rc;
}

/* ---- the reader ---- */

static void take(const struct nrb_record *record)
{
	struct nrb_lost lost;
	struct sample sample;

	if (record->type == NRB_RECORD_SAMPLE) {
		memcpy(&sample, record->payload, offsetof(struct sample, frame));
		profiler.samples++;
		profiler.periods += sample.period / profiler.data.period_ns;
	} else if (record->type == NRB_RECORD_LOST) {
		memcpy(&lost, record->payload, sizeof(lost));
		profiler.lost += lost.lost;
	}
	perf_data_put(&profiler.data, record->type, record->payload,
		      record->size + (record->trailer ? sizeof(struct perf_trailer) : 0)); /* right behind */
}

static void drain(struct member *member)
{
	struct nrb_record record;

	/* 0: do not wait, but take the wakeup, so that epoll does not tell of it again. */
	if (nrb_reader_wait(member->reader, 0, NULL) <= 0)
		return;
	while (nrb_reader_next(member->reader, &record) == 1)
		take(&record);
	nrb_reader_release(member->reader);
}

/* Its thread has ended. Who is not in the list any more is nobody else's. */
static void forget(struct member *member)
{
	struct member **at = &profiler.members;

	pthread_mutex_lock(&profiler.lock);
	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	pthread_mutex_unlock(&profiler.lock);
	profiler.lost += nrb_lost(member->ring); /* exact, since there is no writer */
	epoll_ctl(profiler.epoll, EPOLL_CTL_DEL, nrb_wakeup_fd(member->ring), NULL);
	member_free(member);
}

/* Members are added by others in front, and taken out only here. Return: whether to go on. */
static bool drain_all(void)
{
	struct member *member, *next;
	bool stopping, gone;

	pthread_mutex_lock(&profiler.lock);
	member = profiler.members;
	stopping = profiler.stopping;
	pthread_mutex_unlock(&profiler.lock);
	for (; member; member = next) {
		next = member->next;
		/* Before we drain: what it has written, it had written then. */
		pthread_mutex_lock(&profiler.lock);
		gone = member->gone;
		pthread_mutex_unlock(&profiler.lock);
		drain(member);
		if (gone)
			forget(member);
	}
	return !stopping;
}

static void *read_rings(void *unused)
{
	struct epoll_event event;
	eventfd_t kicks;

	while (drain_all()) {
		if (perf_data_now() - profiler.looked > 1000000000u) {
			profiler.looked = perf_data_now();
			perf_data_put_maps(&profiler.data);
		}
		perf_data_flush(&profiler.data);
		if (epoll_wait(profiler.epoll, &event, 1, 1000) > 0)
			eventfd_read(profiler.kick, &kicks); /* if it was that */
	}
	perf_data_put_maps(&profiler.data);
	return unused;
}

/* ---- begin and end ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&profiler.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&profiler.lock);
}

/* A child has no timers, no reader, and no business with the file. The rings give -EPERM to it. */
static void in_child(void)
{
	profiler.on = 0;
	self = NULL;
	close(profiler.data.file);
	pthread_mutex_unlock(&profiler.lock);
}

/* What the environment asks for. Return: NULL, or what is wrong. */
static const char *take_settings(void)
{
	const char *hz = getenv("NRB_PROFILE_HZ"), *clock = getenv("NRB_PROFILE_CLOCK");
	char *end = NULL;
	long rate;

	rate = hz ? strtol(hz, &end, 10) : 1000;
	if (hz && (end == hz || *end || rate < 1 || rate > 10000))
		return "NRB_PROFILE_HZ: give a number from 1 to 10000";
	if (clock && strcmp(clock, "cpu") && strcmp(clock, "wall"))
		return "NRB_PROFILE_CLOCK: give cpu or wall";
	profiler.wall = clock && !strcmp(clock, "wall");
	profiler.data.period_ns = 1000000000u / (uint64_t)rate;
	profiler.data.config = profiler.wall ? PERF_COUNT_SW_CPU_CLOCK : PERF_COUNT_SW_TASK_CLOCK;
	profiler.data.sample_type = SAMPLE_TYPE;
	return NULL;
}

static bool start_reader(void)
{
	create_function *create = real_pthread_create();
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t all, before;
	bool started;

	profiler.epoll = epoll_create1(EPOLL_CLOEXEC);
	profiler.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (profiler.epoll < 0 || epoll_ctl(profiler.epoll, EPOLL_CTL_ADD, profiler.kick, &event) < 0)
		return false;
	if (pthread_key_create(&profiler.key, leave) || pthread_atfork(before_fork, after_fork, in_child))
		return false;
	/* It inherits the mask: none of the program's signals is to be handled by it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = create && !create(&profiler.reader, NULL, read_rings, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

/* Programs that this one runs are not to write into the same file. (Shells have an unsetenv of their own.) */
static void hide(const char *name)
{
	char **at = environ;

	while (*at && strncmp(*at, name, strlen(name)))
		at++;
	for (; *at; at++)
		at[0] = at[1];
}

__attribute__((constructor)) static void begin(void)
{
	struct sigaction action = { .sa_sigaction = on_sigprof, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
	const char *path = getenv("NRB_PROFILE"), *wrong;
	int error;

	if (!path)
		return;
	profiler.err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3); /* programs close theirs before we have ended */
	wrong = take_settings();
	if (wrong) {
		dprintf(profiler.err, "nrb-profiler: not profiled: %s\n", wrong);
		return;
	}
	profiler.path = strdup(path);
	error = profiler.path ? -perf_data_open(&profiler.data, path) : ENOMEM;
	if (error) {
		complain("not profiled: cannot write ", path, error);
		return;
	}
	hide("NRB_PROFILE=");
	profiler.pid = (uint32_t)getpid();
	/* Before the first sample, so that perf knows what it is of. */
	perf_data_put_maps(&profiler.data);
	if (!start_reader() || sigaction(SIGPROF, &action, NULL) < 0) {
		complain("not profiled: cannot start", "", errno);
		return;
	}
	profiler.on = 1;
	join();
}

__attribute__((destructor)) static void end(void)
{
	int error;

	if (!profiler.on || (uint32_t)getpid() != profiler.pid)
		return;
	pthread_mutex_lock(&profiler.lock);
	profiler.stopping = true;
	for (struct member *member = profiler.members; member; member = member->next)
		stop_timer(member);
	pthread_mutex_unlock(&profiler.lock);
	eventfd_write(profiler.kick, 1);
	pthread_join(profiler.reader, NULL);
	profiler.on = 0;
	/* Rings of threads that still run are left to the system: a handler may be in them. */
	pthread_mutex_lock(&profiler.lock);
	for (struct member *member = profiler.members; member; member = member->next)
		profiler.lost += nrb_lost(member->ring);
	pthread_mutex_unlock(&profiler.lock);
	error = -perf_data_close(&profiler.data);
	if (error)
		complain("cannot write ", profiler.path, error);
	dprintf(profiler.err,
		"nrb-profiler: %" PRIu64 " samples of %" PRIu64 " periods, %" PRIu64 " lost, %" PRIu64 " threads: %s\n",
		profiler.samples, profiler.periods, profiler.lost, profiler.threads, profiler.path);
}
