/* SPDX-License-Identifier: MIT */
/*
 * words.h - the vocabulary of the harness: the same words in code, output and tests
 */
#ifndef STRESS_WORDS_H
#define STRESS_WORDS_H

#include <stdint.h>

/* What can be wrong with a ring, as an observer tells it. */
enum violation {
	HEAD_BACKWARD,   /* a reader loaded a data_head smaller than one it had loaded before */
	HEAD_BELOW_TAIL, /* data_head < data_tail, data_tail loaded first */
	TORN_RECORD,     /* a published record's payload does not verify */
	BAD_RECORD,      /* a header no writer wrote */
	SEQUENCE_GAP,    /* a level's records are missing, and no LOST record accounts for it */
	SEQUENCE_REPEAT, /* a level's record came twice, or late */
	OVERRUN,         /* a writer stored over data that was not consumed */
	LOST_MISMATCH,   /* sum of LOST.lost + residual lost != failed writes */
	STUCK_HEAD,      /* all writers at rest, and data_head != the reserved head */
	MISSED_WAKEUP,   /* the watermark was crossed and no wakeup came */
	/* Of code that is not ours: a plug-in's. */
	CRASH, /* it raised a signal that ends a process */
	HANG,  /* it did not come back */
	VIOLATIONS
};

#define VIOLATION_BIT(v) (1u << (v))
/* All that an observer of a ring can tell. */
#define VIOLATION_ALL (VIOLATION_BIT(CRASH) - 1)
/* How code ends that cannot be trusted. */
#define VIOLATION_ENDS (VIOLATION_BIT(CRASH) | VIOLATION_BIT(HANG))

/* A way to interrupt. */
enum tier {
	TIER_STEP,
	TIER_AIM,
	TIER_TIMER,
	TIER_KICK,
	TIER_KERNEL, /* the kernel's own interrupts, into its own ring: nothing of ours strikes */
	TIERS
};

/* What a target says of itself. */
enum claim { CLAIM_SOUND, CLAIM_CONTROL };

/* Three classes of interrupts, counted apart always. */
enum strike_class {
	STRIKE_PLAIN,   /* the interrupted code went on at full speed */
	STRIKE_SLOW,    /* the interrupted write went on in slow motion */
	STRIKE_IN_SLOW, /* struck during slow motion: outside every rate and bound */
	STRIKE_CLASSES
};

/* In the order in which one outweighs another when a run has several. */
enum verdict { VERDICT_PASS, VERDICT_SKIP, VERDICT_INCONCLUSIVE, VERDICT_ERROR, VERDICT_FAIL, VERDICTS };

/* Level 0 is the writer thread itself, 1 to 3 are its handlers; so at most 4 writes nest. */
#define LEVELS 4
/* Whose numbers run on in one ring: each level of its writer's, and of a second one's where threads share it. */
#define LANES (2 * LEVELS)

const char *violation_name(enum violation violation);
const char *tier_name(enum tier tier);
const char *claim_name(enum claim claim);
const char *strike_class_name(enum strike_class class);
const char *verdict_name(enum verdict verdict);

#endif /* STRESS_WORDS_H */
