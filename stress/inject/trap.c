/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "inject/trap.h"

#include <errno.h>

#include "inject/aim.h"
#include "inject/context.h"
#include "inject/perf_trap.h"
#include "inject/slow_motion.h"
#include "levels.h"
#include "writer.h"

static void on_trap(int signal, siginfo_t *info, void *context)
{
	struct writer *writer = this_writer;
	int saved = errno;

	(void)signal;
	if (!writer)
		context_set_step(context, false);
	else if (info->si_code == TRAP_PERF)
		aim_trap(writer, info, context);
	else
		slow_motion_trap(writer, context);
	errno = saved;
}

/*
 * Its mask holds all levels: else many signals would strike on its first instruction, of all places. It does not hold
 * SIGTRAP itself, since the nested write of a strike at a breakpoint runs into that breakpoint too.
 */
int trap_prepare(void)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER };

	level_signals(&action.sa_mask, LEVELS - 1);
	return sigaction(SIGTRAP, &action, NULL) < 0 ? -errno : 0;
}
