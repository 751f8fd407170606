/* SPDX-License-Identifier: MIT */
/*
 * channels.h - channels and sets, for tests: made, written to and looked into
 */
#ifndef TESTS_CHANNELS_H
#define TESTS_CHANNELS_H

#include <stdint.h>

#include "nrb_channel.h"

#define SEEN_MOST 64

/* A channel, in @set if that is not NULL, or the test fails. */
struct nrb_channel *channel_make(struct nrb_set *set, uint64_t id);

/* Write a record of one word. */
int channel_put(struct nrb_channel *channel, uint64_t word);

/* Run @body in a thread of its own, to its end. */
void thread_run(void *(*body)(void *), void *argument);

/* What a set delivered: the first words, and of LOST records how many. */
struct seen {
	uint64_t word[SEEN_MOST], id[SEEN_MOST];
	uint32_t type[SEEN_MOST];
	unsigned records;
};

/* For nrb_set_read(). @seen: a struct seen. */
int seen_add(void *seen, const struct nrb_delivery *delivery);

#endif /* TESTS_CHANNELS_H */
