/* SPDX-License-Identifier: MIT */
/*
 * play.h - one run from its beginning: the plain way, without any shortcut, to a violation that is known
 */
#ifndef STRESS_STEP_PLAY_H
#define STRESS_STEP_PLAY_H

#include "step/stage.h"
#include "step/witness.h"

/* What happened, and what stood there right after it. */
struct play_event {
	enum { PLAY_STEP, PLAY_STRIKE, PLAY_RELEASE, PLAY_RETURN } what;
	unsigned level;    /* of the write: that ran an instruction, that begins, that has returned */
	uint32_t boundary; /* instructions of it that had run before; PLAY_STRIKE: of the one that is struck */
	uint64_t pc;       /* of the instruction that ran; PLAY_STRIKE: of the one that is struck */
	bool open;         /* PLAY_STEP: the next level may have struck before it */
	bool taken;        /* PLAY_RETURN: whether the ring took its record */
	uint64_t head, tail, reserved;
	uint64_t records; /* read so far, LOST records included */
	uint32_t kinds;   /* violations seen, a bit each */
};

struct play_result {
	uint32_t kinds;                  /* violations seen, all of them */
	struct finding seen[VIOLATIONS]; /* the first of each */
	bool strayed;                    /* a strike came before another instruction than it says */
	uint64_t steps, taken;           /* instructions run, and writes that the ring took */
	struct hash world;               /* that the outermost write left */
	uint32_t boundaries;             /* of the outermost write */
	unsigned struck;                 /* strikes of the list that came to pass */
	uint32_t inner;                  /* boundaries of the write that the last strike began */
	int error;                       /* -errno with message */
	char message[256];
};

/*
 * play - run @scenario once, with the strikes of @witness
 * @tell: called after each step, and around each write; may be NULL
 *
 * A strike that comes where the level's signal is blocked does not come to pass.
 */
void play(const struct target *target, const struct scenario *scenario, const struct stepper *stepper,
	  const struct witness *witness, void (*tell)(const struct play_event *event, void *context), void *context,
	  struct play_result *result);

#endif /* STRESS_STEP_PLAY_H */
