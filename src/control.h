/* SPDX-License-Identifier: MIT */
/*
 * control.h - the first page of a mapped ring, laid out as struct perf_event_mmap_page.
 *
 * A reader written for perf's buffer finds data_head, data_tail, data_offset and data_size where it expects them. The
 * area that perf reserves holds what a reader in another process needs in order to trust a file.
 */
#ifndef NRB_CONTROL_H
#define NRB_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#define NRB_CONTROL_MAGIC 0x676e69722062726eull /* "nrb ring" as bytes on a little-endian machine */

struct nrb_control {
	uint32_t version;        /* 0, as perf's */
	uint32_t compat_version; /* 0, as perf's */
	uint8_t unused[888];     /* perf: counters read without a system call; zero here */
	/* What the ring was made as; constant from then on. See struct nrb_attr. */
	uint32_t flags;
	int32_t clock;
	uint64_t wakeup;
	uint64_t sample_id;
	uint64_t sample_type;
	uint64_t token; /* the same in the writer's page */
	uint8_t unused_too[24];
	/* Stored by readers, loaded by each write; a line that seldom changes. */
	uint32_t paused; /* not 0: writes are refused */
	uint8_t reserved[36];
	uint64_t magic; /* NRB_CONTROL_MAGIC, stored last when a ring is made */
	uint64_t start; /* the position the ring began at */
	uint64_t id;    /* as in LOST records */
	/* Written by the writer, loaded by every reader. */
	uint64_t data_head;
	/* Written by the consumer, loaded by the writer, who trusts no value of it. */
	uint64_t data_tail;
	uint64_t data_offset;                              /* bytes from the start of this page to the data */
	uint64_t data_size;                                /* bytes, a power of two */
	uint64_t aux_head, aux_tail, aux_offset, aux_size; /* 0: there is no AUX area */
};

_Static_assert(offsetof(struct nrb_control, paused) == 960, "a cache line that holds nothing often written");
_Static_assert(offsetof(struct nrb_control, magic) == 1000, "the magic lies in perf's reserved area");
_Static_assert(offsetof(struct nrb_control, data_head) == 1024, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, data_tail) == 1032, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, data_offset) == 1040, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, data_size) == 1048, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, aux_head) == 1056, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, aux_tail) == 1064, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, aux_offset) == 1072, "as in struct perf_event_mmap_page");
_Static_assert(offsetof(struct nrb_control, aux_size) == 1080, "as in struct perf_event_mmap_page");

#endif /* NRB_CONTROL_H */
