/* SPDX-License-Identifier: MIT */
/*
 * probe.h - how far apart two threads run at this moment: a cache line goes to and fro between them
 *
 * A virtual CPU that is pinned here is moved about by the hypervisor all the same, from a core's two hardware threads
 * to another socket within seconds, and what crosses cores costs up to ten times as much. So each repetition that does
 * is measured between two probes.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdint.h>

/* Where a repetition was measured. */
enum place {
	PLACE_ONE,   /* nothing crosses cores */
	PLACE_NEAR,  /* hardware threads of one core */
	PLACE_CACHE, /* one last-level cache */
	PLACE_FAR,   /* further apart */
	PLACES,
	/* Those are discarded: */
	PLACE_MIXED = PLACES, /* it changed in between, or could not be told */
	PLACE_DISTURBED,      /* somebody else ran on our CPU meanwhile */
	PLACES_ALL
};

/* Round trips, ns, from which on it is the next class. */
#define PROBE_CACHE_NS 75
#define PROBE_FAR_NS 250

struct probe {
	_Alignas(64) uint32_t ball; /* odd: served; even: returned */
	_Alignas(64) uint32_t end;  /* alignment only: nothing else lies on that line */
};

/*
 * probe_ask - take the time of some hundred round trips; another thread is in probe_answer(), or comes to it soon
 *
 * Return: the median of it, ns; or -1: nobody answered within 200 ms.
 */
double probe_ask(struct probe *probe);

/* The other end of it; comes back once the last one was answered, or after 300 ms. */
void probe_answer(struct probe *probe);

enum place probe_place(double round_trip_ns);
/* "near", "cache", ... */
const char *place_name(enum place place);
/* "one core", "one last-level cache", ... for people */
const char *place_text(enum place place);

#endif /* BENCH_PROBE_H */
