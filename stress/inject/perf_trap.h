/* SPDX-License-Identifier: MIT */
/*
 * perf_trap.h - what a SIGTRAP of a perf event says of itself
 */
#ifndef STRESS_PERF_TRAP_H
#define STRESS_PERF_TRAP_H

#include <signal.h>
#include <stdint.h>
#include <string.h>

/* Missing from the C library's headers for long: a perf event with sigtrap set has sent it. */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
/* The code had gone on when the signal could be delivered. */
#ifndef TRAP_PERF_FLAG_ASYNC
#define TRAP_PERF_FLAG_ASYNC 1u
#endif

/* si_perf_flags of a TRAP_PERF. */
static inline uint32_t trap_perf_flags(const siginfo_t *info)
{
#ifdef si_perf_flags
	return info->si_perf_flags;
#else
	/* Behind si_addr: data (a long), type and flags (32 bits each). */
	const unsigned char *at = (const unsigned char *)&info->si_addr + sizeof(void *) + sizeof(long) + 4;
	uint32_t flags;

	memcpy(&flags, at, sizeof(flags));
	return flags;
#endif
}

#endif /* STRESS_PERF_TRAP_H */
