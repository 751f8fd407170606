/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - whether a thread is where it was pinned to
 */
#ifndef STRESS_CPU_H
#define STRESS_CPU_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

/* When a CPU goes offline the kernel moves its pinned threads away, and forgets their masks. Context: thread. */
static inline bool cpu_is_kept(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return !pthread_getaffinity_np(pthread_self(), sizeof(set), &set) && CPU_COUNT(&set) == 1 &&
	       CPU_ISSET(cpu, &set);
}

#endif /* STRESS_CPU_H */
