/* SPDX-License-Identifier: MIT */
/*
 * scene.h - a ring in a state that matters, with the observer who looks at it after every instruction
 */
#ifndef STRESS_STEP_SCENE_H
#define STRESS_STEP_SCENE_H

#include "oracle.h"
#include "targets/target.h"

/* Each ring is as small as rings get: a page, and 4 KiB at least. */
uint64_t scene_data_size(void);
#define SCENE_DATA_SIZE scene_data_size()
/* The largest payload of a scenario, bytes. */
#define SCENE_PAYLOAD_MAX 1024u

struct scene;

/* What is written, into a ring in which state. */
struct scenario {
	const char *name;
	uint64_t start;                       /* position of the ring's first byte */
	uint32_t before_end;                  /* not 0: so many bytes before its data's end instead */
	void (*prepare)(struct scene *scene); /* may be NULL */
	uint32_t size, nested_size;           /* payloads of the interrupted write and of those that nest, bytes */
	bool in_place;                        /* by reserve and commit, where the target has them */
	bool drains;   /* the consumer takes what there is after each instruction; else it waits */
	bool releases; /* once, before any one instruction, it releases what it has read, and a ring that can be is
			* replaced */
};

/* What the observer remembers; plain data, part of the world. */
struct observer {
	struct oracle_watch watch;
	struct oracle_stream stream;
	struct oracle_wake wake;
	uint64_t missed;    /* bytes that were overwritten before they were read */
	uint64_t seen;      /* data_head up to which records have been looked at */
	uint64_t tail;      /* data_tail at the end of the last look */
	uint64_t zero_lost; /* LOST records that say 0 */
	uint64_t attempts[LEVELS], failed[LEVELS];
	uint64_t released; /* whether the consumer has released what it had read */
	uint64_t holds;    /* it does not read now, since that would release what it reads */
};

struct scene {
	const struct target *target;
	const struct scenario *scenario;
	struct target_ring *ring;
	struct target_reader *reader;
	struct target_reader *again; /* where it overwrites: reads all there is, again and again */
	unsigned char *last_memory;  /* there: the ring's memory when it did so last */
	bool attached;
	struct observer observer;
	struct findings last; /* of the last look that found anything */
};

/* Position of the ring's first byte. */
uint64_t scenario_start(const struct scenario *scenario);

/* Return: 0, or -errno. */
int scene_open(struct scene *scene, const struct target *target, const struct scenario *scenario);
void scene_close(struct scene *scene);

/* The payload of the next write by @level, @size bytes. */
void scene_fill(struct scene *scene, unsigned level, void *payload, uint32_t size);
/* That write was made, and returned @result. Return: violations, a bit each. */
uint32_t scene_written(struct scene *scene, unsigned level, int result);

/* Look at data_head, and at the records that are new below it. Return: violations, a bit each. */
uint32_t scene_look(struct scene *scene);

/* The consumer releases all that it has read, once, and the ring is replaced where it can be. Return: whether it had
 * not yet, and the scenario has it do so. */
bool scene_release(struct scene *scene);

/* The consumer takes so many records, if there are, and releases them. */
void scene_take(struct scene *scene, unsigned records);

/* All writers are at rest: everything must add up. Return: violations, a bit each. */
uint32_t scene_rest(struct scene *scene);

#endif /* STRESS_STEP_SCENE_H */
