/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>

static sigjmp_buf way_out;
static volatile sig_atomic_t armed;
static const void *volatile touched;

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* Not ours: sent by somebody, or at an access of other code. Then it does what it does by default. */
	if (!armed || info->si_code <= 0) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	touched = info->si_addr;
	siglongjmp(way_out, 1);
}

void guard_begin(struct sigaction *old)
{
	struct sigaction action = { .sa_sigaction = on_bus };

	/* NODEFER: the signal is left by a jump, which then has no mask to restore. */
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, old);
}

void guard_end(const struct sigaction *old)
{
	sigaction(SIGBUS, old, NULL);
}

int guard_call(int (*function)(void *argument), void *argument, const void **gone)
{
	int rc;

	if (sigsetjmp(way_out, 0)) {
		armed = 0;
		*gone = touched;
		return -EFAULT;
	}
	armed = 1;
	rc = function(argument);
	armed = 0;
	return rc;
}
