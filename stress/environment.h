/* SPDX-License-Identifier: MIT */
/*
 * environment.h - the machine and the build that a result belongs to
 */
#ifndef STRESS_ENVIRONMENT_H
#define STRESS_ENVIRONMENT_H

#include <stdint.h>

struct environment {
	char cpu_model[128];
	char microcode[32];
	char kernel[128];      /* sysname, release and version */
	char kernel_short[32]; /* "6.18" */
	char architecture[32];
	char clocksource[32];
	char hypervisor[64];  /* empty: none told */
	char started[32];     /* ISO 8601, UTC */
	const char *version;  /* of nrb */
	const char *revision; /* of the source; "unknown" outside git */
	const char *compiler;
	const char *compiler_flags;
};

/* What cannot be found out is left as "unknown". */
void environment_read(struct environment *environment);

/* Time that the hypervisor or the cgroup took from us; both grow. Unknown values stay 0 and are told so. */
struct stolen_time {
	uint64_t steal_ns;     /* /proc/stat, sum over the given CPUs */
	uint64_t throttled_ns; /* cgroup cpu.stat */
	int steal_known, throttled_known;
};

/* @cpus: @count CPU numbers. */
void stolen_time_read(struct stolen_time *stolen, const unsigned *cpus, unsigned count);

/* A seed for a run that was given none: short, since people type it. */
uint64_t environment_seed(void);

#endif /* STRESS_ENVIRONMENT_H */
