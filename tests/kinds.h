/* SPDX-License-Identifier: MIT */
/*
 * kinds.h - every kind of ring, for tests of what they have in common, and what is read from them
 */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H

#include <stdint.h>

#include "nrb.h"

#define KINDS 7
#define KIND_START (UINT64_MAX - 63)

struct kind {
	uint32_t flags;
	uint64_t sample_id;
};

extern const struct kind kinds[KINDS];

/* A ring of one page, from KIND_START on, or the test fails. @path: NULL: an anonymous one. */
struct nrb_ring *kind_ring(int kind, const char *path);

/* The next record is of @type with @size bytes of payload that begin with @text, or the test fails. */
void expect_record(struct nrb_reader *reader, uint32_t type, uint32_t size, const char *text);
/* It tells of so many that were lost; there is none. */
void expect_lost(struct nrb_reader *reader, uint64_t lost);
void expect_end(struct nrb_reader *reader);

#endif /* TESTS_KINDS_H */
