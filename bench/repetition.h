/* SPDX-License-Identifier: MIT */
/*
 * repetition.h - one repetition of one cell: write for a few milliseconds, and tell what a record has cost
 */
#ifndef BENCH_REPETITION_H
#define BENCH_REPETITION_H

#include "contestant.h"
#include "counters.h"
#include "histogram.h"
#include "plan.h"

/* What came of it. */
struct sample {
	double ns;           /* a record; 0: not measured */
	double dropped;      /* share of the records that were refused */
	double instructions; /* a record; NaN: not known */
	double cycles;
	double trip_ns[2];   /* round trip between the CPUs, before and after; 0: none */
	double reference_ns; /* what its cell's reference took just before; 0: it has none */
	uint32_t place;      /* enum place */
	uint32_t reference_place;
};

struct repetition {
	const struct contestant *contestant;
	const struct cell *cell;
	const struct plan *plan;
	struct bench_ring *const *ring;  /* one for each of cell->writers */
	const unsigned char *payload;    /* random, cell->payload bytes and more */
	const struct counters *counters; /* of the calling thread */
	const uint32_t *stop;            /* not 0: end early */
	uint64_t time_ns;
	uint32_t burst;              /* records between two looks at the clock; 0: to be found out */
	struct histogram *histogram; /* MODE_LATENCY: receives this repetition's */
	struct sample sample;        /* receives what was measured */
	bool disturbed;              /* the writer was, see PLACE_DISTURBED */
};

/*
 * repetition_run - measure once; the calling thread writes, and is pinned to plan->cpu[0]
 *
 * Return: 0, or -errno: -ETIME a reader or a full ring did not get on for two seconds, -ENODEV a CPU was taken away, or
 * what the contestant gave.
 */
int repetition_run(struct repetition *repetition);

/* ---- parts of it ---- */

/* How long to write before what is timed, after others have had the caches: a lap of the ring, mostly. */
static inline uint64_t lead_in_ns(const struct repetition *repetition)
{
	return repetition->time_ns / 8 > 300000 ? repetition->time_ns / 8 : 300000;
}

enum when_full {
	FULL_TAKE,     /* consume */
	FULL_WAIT,     /* until there is room */
	FULL_WAIT_OUT, /* the same, and take the time for it out */
	FULL_DROP      /* the record is dropped */
};

/* A writer's loop. */
struct writing {
	const struct contestant *contestant;
	struct bench_ring *ring;
	const unsigned char *payload;
	uint32_t size;
	uint32_t depth; /* nested writes, see cell->depth */
	enum when_full when_full;
	uint64_t least;        /* bytes to be taken at once */
	uint32_t burst;        /* records between two looks at the clock */
	uint32_t slow_percent; /* planted */
	uint64_t records, refused, waited_ns, elapsed_ns;
	int error;
};

/* What @repetition's cell asks of a writer of @ring. */
struct writing writing_of(const struct repetition *repetition, struct bench_ring *ring);
/* Write for @ns; adds to what is counted. Return: 0 or -errno. */
int writing_run(struct writing *writing, uint64_t ns);
/* How many records take about 40 us. Return: 0 or -errno. */
int writing_find_burst(struct writing *writing);

/* nested.c: a record with writing->depth others in it. Return: as write. */
int write_nested(const struct writing *writing);

/* latency.c: the writer's side and the reader's. */
int latency_write(struct repetition *repetition, struct bench_ring *ring);
void latency_read(const struct repetition *repetition, const uint32_t *stop, struct histogram *histogram);

/* beside.c: with a reader, or with several writers. */
int repetition_run_beside(struct repetition *repetition);
int repetition_run_writers(struct repetition *repetition);

/* Time over records, and what the CPU counted. */
void sample_fill(struct sample *sample, const struct writing *writing, const struct counted *counted);

/* Return: 0 or -errno. */
int pin_to(unsigned cpu);
/* How often the calling thread had to leave its CPU to others, so far. */
long preemptions(void);
/* Write for a while, then what counts. Return: 0 or -errno. */
int repetition_write(struct repetition *repetition);

/* attach and detach, where the contestant has them. */
static inline int ring_attach(const struct repetition *repetition, struct bench_ring *ring)
{
	return repetition->contestant->attach ? repetition->contestant->attach(ring) : 0;
}

static inline void ring_detach(const struct repetition *repetition, struct bench_ring *ring)
{
	if (repetition->contestant->detach)
		repetition->contestant->detach(ring);
}

#endif /* BENCH_REPETITION_H */
