/* SPDX-License-Identifier: MIT */
/*
 * rseq_target.h - what targets share whose small records are written in restartable sequences
 *
 * Who includes this for a variant first gives other texts for parts of the sections, see section.h, and names its
 * section as for steps.h.
 */
#ifndef STRESS_RSEQ_TARGET_H
#define STRESS_RSEQ_TARGET_H

#include "ring.h"
#include "ring_target.h"
#include "section.h"
#include "steps.h"

#ifdef NRB_HAVE_SECTIONS

/* Why there can be none here, or NULL. */
const char *rseq_missing(void);
/* A ring whose sections the kernel does not know of: nothing begins anew, wherever a strike comes. */
struct target_ring *rseq_open_bare(const struct target_attr *attr);

/* The entry points of a variant, and NAME_bare: the same code without the kernel's help. What is harmed there is what
 * is worth aiming at. */
#define RSEQ_TARGET_VARIANT(name)                                                                                      \
	static const struct nrb_steps name##_steps = NRB_STEPS_FIXED;                                                  \
	TARGET_TEXT(name, NRB_STEPS_SECTION);                                                                          \
	static __attribute__((noinline))                                                                               \
	NRB_WRITE_PATH int name##_otherwise(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size)    \
	{                                                                                                              \
		return nrb_write_by(&name##_steps, ring, type, payload, size);                                         \
	}                                                                                                              \
	NRB_WRITE_PATH static int name##_write(struct target_ring *ring, const void *payload, size_t size)             \
	{                                                                                                              \
		struct nrb_ring *r = ring_of(ring);                                                                    \
                                                                                                                       \
		if (size < r->section_limit)                                                                           \
			return nrb_write_in_section(r, NRB_RECORD_SAMPLE, payload, size, name##_otherwise);            \
		return name##_otherwise(r, NRB_RECORD_SAMPLE, payload, size);                                          \
	}                                                                                                              \
	NRB_WRITE_PATH static int name##_reserve(struct target_ring *ring, struct target_reservation *r, size_t size)  \
	{                                                                                                              \
		int rc = nrb_reserve_by(&name##_steps, ring_of(ring), reservation_of(r), NRB_RECORD_SAMPLE, size);     \
                                                                                                                       \
		r->payload = reservation_of(r)->payload;                                                               \
		return rc;                                                                                             \
	}                                                                                                              \
	NRB_WRITE_PATH static void name##_commit(struct target_ring *ring, struct target_reservation *r)               \
	{                                                                                                              \
		nrb_commit_by(&name##_steps, ring_of(ring), reservation_of(r));                                        \
	}                                                                                                              \
	RSEQ_TARGET_BARE(name)

#define RSEQ_TARGET_BARE(label)                                                                                        \
	static const struct target label##_bare = {                                                                    \
		.name = #label,                                                                                        \
		RING_TARGET_COMMON_BUT_OPEN,                                                                           \
		.open = rseq_open_bare,                                                                                \
		.text = label##_text,                                                                                  \
		.write = label##_write,                                                                                \
		.reserve = label##_reserve,                                                                            \
		.commit = label##_commit,                                                                              \
	};

/* What a variant's struct target has of it. */
#define RSEQ_TARGET_MEMBERS(label)                                                                                     \
	.missing = rseq_missing, .bare = &label##_bare, RING_TARGET_COMMON, .text = label##_text,                      \
	.write = label##_write, .reserve = label##_reserve, .commit = label##_commit

#endif /* sections */

#endif /* STRESS_RSEQ_TARGET_H */
