/* SPDX-License-Identifier: MIT */
/*
 * witness.h - the way to a violation: at which instruction of which write to strike, in the order in which it is done
 *
 * Plain data. From a ring in the scenario's state it leads to the same violation each time, instruction by instruction.
 */
#ifndef STRESS_STEP_WITNESS_H
#define STRESS_STEP_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

/* Two strikes on each write, three levels deep, and what the consumer does. */
#define WITNESS_STRIKES 15

struct witness_strike {
	uint32_t level;    /* of the write that is struck */
	uint32_t boundary; /* instructions of it that have run */
	uint64_t pc;       /* of its next instruction */
	bool release;      /* no write strikes: the consumer releases what it has read */
};

struct witness {
	bool known;
	uint32_t scenario; /* scenarios[] */
	uint32_t count;
	struct witness_strike strike[WITNESS_STRIKES];
	enum violation kind;
	uint32_t level;         /* of the write after whose instruction it was seen */
	uint32_t boundary;      /* instructions of that write that had run */
	uint64_t before, after; /* see struct finding */
};

#endif /* STRESS_STEP_WITNESS_H */
