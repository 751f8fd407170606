/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "levels.h"
#include "order.h"
#include "words.h"

#define TELL_NS (200 * NS_PER_MS)
#define OVERSLEPT_NS (500 * NS_PER_MS)

/* Those that end a run; who started us with one ignored (nohup, a job in the background) wants it ignored. */
static void choose_signals(sigset_t *signals)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (!sigaction(ending[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(signals, ending[i]);
}

void children_open(struct children *children)
{
	choose_signals(&children->signals);
	sigprocmask(SIG_BLOCK, &children->signals, &children->original);
}

pid_t child_start(struct children *children)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid < 0 ? -errno : pid;
	/* Never outlive the parent, whatever ends it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* The parent hears of Ctrl-C and tells us through shared memory; what else there is stays as it was. */
	sigdelset(&children->original, SIGTRAP);
	for (unsigned level = 1; level < LEVELS; level++)
		sigdelset(&children->original, level_signal(level));
	sigaddset(&children->original, SIGINT);
	sigaddset(&children->original, SIGTERM);
	sigaddset(&children->original, SIGHUP);
	sigprocmask(SIG_SETMASK, &children->original, NULL);
	return 0;
}

int child_wait(struct children *children, pid_t child, uint64_t patience_ns)
{
	const struct timespec period = clock_timespec(TELL_NS);
	uint64_t deadline = clock_ns() + patience_ns, before, slept;
	int status, signal;

	for (;;) {
		pid_t pid = waitpid(child, &status, WNOHANG);

		if (pid == child)
			return status;
		if (pid < 0 && errno != EINTR)
			return -errno;
		if (clock_ns() > deadline) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -ETIME;
		}
		before = clock_ns();
		signal = sigtimedwait(&children->signals, NULL, &period);
		/* We were stopped, or the whole machine was: nobody's fault, so it does not count. */
		slept = clock_ns() - before;
		if (slept > TELL_NS + OVERSLEPT_NS)
			deadline += slept;
		if (signal > 0 && signal != SIGCHLD) {
			children->stopped_by = signal;
			nrb_store_relaxed(children->stop, 1);
		}
		children->tell(children->context);
	}
}

void child_explain(char *message, size_t size, int status)
{
	if (status == -ETIME)
		snprintf(message, size, "it did not end in time and was killed: a write or a reader never came back");
	else if (status > 0 && WIFSIGNALED(status))
		snprintf(message, size, "it crashed with signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (status < 0)
		snprintf(message, size, "cannot start a process: %s", strerror(-status));
	else
		snprintf(message, size,
			 "it ended with status %d and without a result: see what it wrote to standard error",
			 WEXITSTATUS(status));
}
