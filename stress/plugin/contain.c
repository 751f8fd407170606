/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "plugin/contain.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inject/context.h"
#include "order.h"
#include "writer.h"

#define STACK_SIZE (64u << 10)

/* Looks, and how many at what does not move. Those at a process that does not run are not made. */
#define TICK_NS 20000000
#define TICKS_MAX 60u
#define LATE_LOOKS 8u

/* Who comes second lets the first say what happened. */
#define TELLING_NS 1000000
#define TELLING_MAX 100u

struct contained *contain_into;
uint64_t contain_moved;
static __thread bool reads;

/* That looks at this process. */
static struct {
	pid_t process;
	timer_t timer;
} watch;

static const int ending[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };

/* Of a writer under stress: how deep it is, and what was interrupted. */
static void tell_nesting(struct contained *ended)
{
	const struct writer *writer = this_writer;
	uint64_t depth = writer ? nrb_local_load(&writer->depth) : 0;

	for (uint64_t i = 0; i < depth && i < LEVELS; i++) {
		uint64_t pc = nrb_local_load(&writer->struck_pc[i]);

		/* What was struck at the first instruction of a handler was struck together with it. */
		if (pc != (uint64_t)(uintptr_t)writer->injector->entry)
			ended->struck[ended->level++] = pc;
	}
}

/* Who crashed at the same time would end the process, and with it the thread that tells. */
static void wait_until_told(void)
{
	const struct timespec period = { .tv_nsec = TELLING_NS };

	/* contain:A  pairs with contain:B: with it comes all the rest. */
	for (unsigned i = 0; i < TELLING_MAX && !nrb_load_acquire(&contain_into->told); i++)
		nanosleep(&period, NULL);
}

bool contain_tell(enum violation kind, int signal, const void *context)
{
	if (!contain_into)
		return false;
	/* The first one is what happened; others follow from it. */
	if (nrb_add_relaxed(&contain_into->any, 1)) {
		wait_until_told();
		return true;
	}
	contain_into->kind = kind;
	contain_into->signal = signal;
	contain_into->pc = context ? context_pc(context) : 0;
	contain_into->by_reader = reads;
	tell_nesting(contain_into);
	/* contain:B  pairs with contain:A. */
	nrb_store_release(&contain_into->told, 1);
	return true;
}

void contain_end(enum violation kind, int signal, const void *context)
{
	if (contain_tell(kind, signal, context))
		_exit(0);
}

void contain_thread_gone(bool reader)
{
	reads = reader;
	contain_end(CRASH, 0, NULL);
}

bool contain_take_status(struct contained *ended, int status)
{
	if (ended->any)
		return true;
	if (status > 0 && WIFSIGNALED(status)) {
		ended->kind = CRASH;
		ended->signal = WTERMSIG(status);
	} else if (status > 0) {
		/* Somebody called exit(). */
		ended->kind = CRASH;
	} else {
		return false;
	}
	ended->any = 1;
	return true;
}

static void on_crash(int signal, siginfo_t *info, void *context)
{
	(void)info;
	contain_end(CRASH, signal, context);
	sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
	raise(signal);
}

void contain_crashes(void)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
	sigfillset(&action.sa_mask);
	for (unsigned i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaction(ending[i], &action, NULL);
	contain_thread(false);
}

void contain_look(const void *context)
{
	static uint64_t moved;
	static unsigned ticks;

	ticks = moved == contain_moved ? ticks + 1 : 0;
	moved = contain_moved;
	if (ticks >= TICKS_MAX)
		contain_end(HANG, 0, context);
}

static void on_tick(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	contain_look(context);
}

void contain_watch(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = CONTAIN_TICK };
	const struct itimerspec period = { .it_interval = { .tv_nsec = TICK_NS }, .it_value = { .tv_nsec = TICK_NS } };
	struct sigaction action = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	if (watch.process == getpid())
		return;
	sigaction(CONTAIN_TICK, &action, NULL);
	/* Without it, whoever waits for this process has the last word. */
	if (timer_create(CLOCK_MONOTONIC, &event, &watch.timer))
		return;
	watch.process = getpid();
	timer_settime(watch.timer, 0, &period, NULL);
}

void contain_watch_end(void)
{
	if (watch.process == getpid())
		timer_delete(watch.timer);
	watch.process = 0;
}

static void on_late(int signal, siginfo_t *info, void *context)
{
	static uint32_t looks;

	(void)signal;
	(void)info;
	if (nrb_add_relaxed(&looks, 1) + 1 >= LATE_LOOKS)
		contain_end(HANG, 0, context);
}

void contain_thread_late(pthread_t thread)
{
	struct sigaction action = { .sa_sigaction = on_late, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	const struct timespec period = { .tv_nsec = TICK_NS };

	sigaction(CONTAIN_TICK, &action, NULL);
	for (unsigned i = 0; i < 2 * LATE_LOOKS; i++) {
		pthread_kill(thread, CONTAIN_TICK);
		nanosleep(&period, NULL);
	}
}

void contain_thread(bool reader)
{
	stack_t stack = { .ss_size = STACK_SIZE };

	reads = reader;
	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp != MAP_FAILED)
		sigaltstack(&stack, NULL);
}
