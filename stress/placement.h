/* SPDX-License-Identifier: MIT */
/*
 * placement.h - which thread runs on which CPU (pure; topology.h gives it the machine)
 */
#ifndef STRESS_PLACEMENT_H
#define STRESS_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* The most threads of each kind; also the most CPUs that are looked at. */
#define PLACEMENT_MAX 256

/* One CPU that we may use. */
struct topology_cpu {
	unsigned cpu;   /* the kernel's number */
	unsigned core;  /* equal for SMT siblings */
	unsigned cache; /* equal for CPUs that share the last level of cache */
	unsigned package;
};

struct topology {
	unsigned cpus;
	struct topology_cpu cpu[PLACEMENT_MAX];
	char summary[80]; /* "2 CPUs, one L3" */
};

enum placement_policy {
	PLACEMENT_NEAR, /* a writer's reader on the nearest other core */
	PLACEMENT_FAR,  /* on the farthest */
	PLACEMENT_SMT   /* on the writer's own SMT sibling */
};

/* A thread's place and duty. */
struct placed_writer {
	unsigned cpu;
	unsigned kicker_cpu; /* of a thread that interrupts it from outside */
};

struct placed_reader {
	unsigned cpu;
	unsigned first_ring; /* consumer: of rings first_ring, first_ring + stride, ...; poller: of first_ring alone */
	unsigned stride;
	bool consumer;
};

struct placement {
	unsigned writers, readers;
	struct placed_writer writer[PLACEMENT_MAX];
	struct placed_reader reader[PLACEMENT_MAX];
	bool oversubscribed; /* more threads than CPUs: some share one */
};

/* How far apart two CPUs are: 0 the same, 1 SMT siblings, 2 one last-level cache, 3 one package, 4 further. */
unsigned topology_distance(const struct topology_cpu *a, const struct topology_cpu *b);

/*
 * placement_make - place writers and readers
 * @writers: how many; 0: half of the physical cores, at least one
 * @readers: how many; 0: a consumer for each writer, and a poller on every SMT sibling that is left. Fewer than
 *           writers: each consumes several rings; more: those beyond poll
 *
 * Return: 0, or -ENODEV: fewer than two CPUs, so nobody could watch a writer while it runs;
 *   -ERANGE: more threads than PLACEMENT_MAX; -ENOENT: PLACEMENT_SMT, and a writer's core has no sibling.
 */
int placement_make(struct placement *placement, const struct topology *topology, enum placement_policy policy,
		   unsigned writers, unsigned readers);

/* Their names; NULL ends them. */
extern const char *const placement_policies[];
const char *placement_policy_name(enum placement_policy policy);

#endif /* STRESS_PLACEMENT_H */
