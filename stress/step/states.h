/* SPDX-License-Identifier: MIT */
/*
 * states.h - the states that one write has been followed through, each told by its hash
 */
#ifndef STRESS_STEP_STATES_H
#define STRESS_STEP_STATES_H

#include "step/hash.h"

struct state {
	struct hash hash;
	uint64_t head;  /* data_head there */
	uint32_t next;  /* the state after the next instruction; 0: the end */
	uint32_t kinds; /* violations that showed on the way there, a bit each */
};

struct states {
	struct state *at; /* [0] is nobody's */
	uint32_t count, room;
	uint32_t *slot;
	uint32_t slots; /* a power of two */
};

/* Return: 0 or -ENOMEM. */
int states_open(struct states *states);
void states_close(struct states *states);
/* Return: its number; 0: not known. */
uint32_t states_find(const struct states *states, struct hash hash);
/* How many there are from @state to the end of its write. */
uint64_t states_left(const struct states *states, uint32_t state);
/* Return: its number; 0: no memory. */
uint32_t states_add(struct states *states, struct hash hash, uint64_t head);

#endif /* STRESS_STEP_STATES_H */
