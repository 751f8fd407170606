/* SPDX-License-Identifier: MIT */
/*
 * result.h - what a run finds out, as plain data: filled by slices, judged by verdict, printed by report
 *
 * A slice writes its struct slice_result in memory shared with the process that started it, and nothing else; so a
 * slice may crash or be killed, and what it had counted until then is still there.
 */
#ifndef STRESS_RESULT_H
#define STRESS_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "step/step_result.h"
#include "words.h"

/* Events are kept in full up to this number, and counted beyond. */
#define EVENTS_KEPT 100
/* Interrupts told with each event: the last ones before it. */
#define EVENT_STRIKES 4
/* In place of a reader's number: the writer saw it itself. */
#define EVENT_BY_WRITER UINT16_MAX

/* One interrupt. */
struct strike {
	uint64_t number;      /* counts up from 1 within the writer; 0: none */
	uint64_t time_ns;     /* since the start of the slice */
	uint64_t pc;          /* interrupted program counter */
	uint64_t head_before; /* reserved head when it struck */
	uint64_t head_after;  /* and when its own writes were done */
	uint8_t level;        /* 1 to 3 */
	uint8_t depth;        /* writes in progress when its own began, that one included: 1 to 4 */
	uint8_t class;        /* enum strike_class */
	uint8_t exposed;      /* struck at an exposed boundary, and its write succeeded */
	uint8_t mapped;       /* counted in the boundary map at its program counter, not elsewhere */
};

/* One violation, with what struck just before. */
struct event {
	uint8_t kind;    /* enum violation */
	uint8_t class;   /* enum strike_class of the interrupt it followed */
	uint16_t writer; /* which ring */
	uint16_t reader; /* who saw it */
	uint16_t strikes_known;
	uint64_t time_ns;       /* since the start of the run's first slice of this target, slices end to end */
	uint64_t before, after; /* see struct finding */
	struct strike strikes[EVENT_STRIKES]; /* the latest first */
};

/* What one class of interrupts came to. */
struct class_counts {
	uint64_t strikes;
	uint64_t in_write;   /* of these, struck while a write was in progress */
	uint64_t exposed;    /* struck at an exposed boundary of the outermost write, own write succeeded */
	uint64_t decreasing; /* of these, at a boundary where data_head is known to go down */
	uint64_t decreases;  /* decreases of data_head told on the writer's own side (slow motion steps only) */
	uint64_t seen; /* interrupts after which some reader saw data_head go down; each once. Plain: exposed ones */
	uint64_t violations[VIOLATIONS];
};

/* Counts of one writer and its ring, or sums of several. */
struct counts {
	uint64_t records;                      /* written, all levels */
	uint64_t attempts[LEVELS];             /* writes tried */
	uint64_t refused[LEVELS];              /* of these -ENOSPC */
	uint64_t strikes_by_level[LEVELS];     /* [0] unused */
	uint64_t strikes_by_depth[LEVELS + 1]; /* by struct strike's depth; [0] unused */
	struct class_counts by_class[STRIKE_CLASSES];
	uint64_t lingered;      /* handlers that waited between reserve and commit */
	uint64_t overruns;      /* expirations that found their signal still pending */
	uint64_t stray_signals; /* sent to a writer by somebody else */
	uint64_t passed_hits;   /* of breakpoints, where no strike may nest, or the write was struck before */
	uint64_t late_hits;     /* of breakpoints, told when the code had gone on: passed over */
	uint64_t slow_cut;      /* slow motions that ended at the limit of steps */
	uint64_t slow_steps;
	uint64_t elapsed_ns;     /* writer time, from start to stop */
	uint64_t handler_ns;     /* of this in handlers, cost of entry and exit included */
	uint64_t slow_ns;        /* of this in slow motion, handlers that struck in it not included */
	uint64_t waited;         /* times that the base writer found the ring more than 3/4 full */
	uint64_t disarms;        /* by the watchdog */
	uint64_t swaps;          /* of a ring for another under its writer */
	uint64_t shared_records; /* of these records, by a second thread */
	uint64_t met;            /* interrupts of a write that found a second thread in a write into the same ring */
	uint64_t records_read;
	uint64_t lost_records;
	uint64_t polls; /* loads of data_head, all readers */
};

/* How a slice ended. */
enum slice_end {
	SLICE_UNFINISHED, /* the process died or was killed before it could say */
	SLICE_DONE,
	SLICE_STOPPED, /* asked to stop before its time */
	SLICE_STARVED, /* the watchdog had to disarm too often */
	SLICE_ERROR,   /* could not be run; message says why */
	SLICE_SKIP     /* cannot exist on this machine; message says why */
};

struct slice_result {
	enum slice_end end;
	char message[256];
	struct counts counts;
	uint64_t first_violation_ns;  /* since the start of the slice; UINT64_MAX: none */
	uint64_t interval_ns[LEVELS]; /* mean interval per level when the slice ended */
	uint64_t rss_start_kib;       /* resident memory when the slice began to run, everything touched */
	uint64_t rss_end_kib;
	uint64_t events; /* how many violations; the first EVENTS_KEPT are kept */
	struct event event[EVENTS_KEPT];
};

/* All slices of one target in one tier. */
struct target_result {
	const char *name;
	const char *summary;
	enum claim claim;
	enum tier tier;
	uint32_t expected; /* violations of which a control must show at least one in this tier */
	uint32_t allowed;  /* and those that come along with them */
	unsigned slices;
	unsigned starved; /* slices that ended starved */
	bool failed;      /* a slice could not be run or died; message says why */
	bool skipped;
	bool idle; /* nothing of it is exposed, so there was nothing to aim at */
	char message[256];
	struct counts counts;
	uint64_t boundaries; /* exposed boundaries known; 0: unknown, then "exposed" counts all strikes in a write */
	bool everywhere;     /* no boundary of it is known to be exposed: each strike into a write counts */
	bool shared;         /* two threads write into each ring */
	bool masked;         /* its writes block the harness's signals: nothing can strike inside them */
	bool restarts;       /* its writes begin anew when struck: restartable sequences */
	bool boundaries_complete;          /* the search for them came to its end */
	uint64_t first_violation_ns;       /* since the start of this target's first slice; UINT64_MAX: none */
	uint64_t rss_min_kib, rss_max_kib; /* over the ends of all slices */
	uint64_t events;
	struct event event[EVENTS_KEPT];
	struct step_result step; /* the step tier's; of the others all zero */
};

/* Violations of one kind, all classes. */
uint64_t counts_violations(const struct counts *counts, enum violation kind);
/* All violations but those in @mask. */
uint64_t counts_violations_except(const struct counts *counts, uint32_t mask);
/* Add @from to @sum. */
void counts_add(struct counts *sum, const struct counts *from);
/* Add a slice to its target's result. @before_ns: time that this target had run before. */
void target_result_add(struct target_result *target, const struct slice_result *slice, uint64_t before_ns);
/* What the step tier found out. */
void target_result_add_step(struct target_result *target, const struct step_result *step);

#endif /* STRESS_RESULT_H */
