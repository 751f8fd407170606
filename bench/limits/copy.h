/* SPDX-License-Identifier: MIT */
/*
 * copy.h - the limits' copy: libnrb's own, so that they are limits
 */
#ifndef BENCH_COPY_H
#define BENCH_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "section.h"

#define LIMIT_INLINE static inline __attribute__((always_inline))

/* 16 bytes as one register holds them; they may lie anywhere, and be of any type. */
typedef uint64_t limit_vector __attribute__((vector_size(16), aligned(1), may_alias));

LIMIT_INLINE void limit_copy_vector(unsigned char *to, const unsigned char *from)
{
	*(limit_vector *)to = *(const limit_vector *)from;
}

/* Fewer than 16 bytes, by two accesses that may overlap. */
LIMIT_INLINE void limit_copy_few(unsigned char *to, const unsigned char *from, size_t size)
{
	uint64_t first, last;
	uint32_t low, high;

	if (size >= 8) {
		memcpy(&first, from, 8);
		memcpy(&last, from + size - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + size - 8, &last, 8);
	} else if (size >= 4) {
		memcpy(&low, from, 4);
		memcpy(&high, from + size - 4, 4);
		memcpy(to, &low, 4);
		memcpy(to + size - 4, &high, 4);
	} else if (size) {
		to[0] = from[0];
		to[size / 2] = from[size / 2];
		to[size - 1] = from[size - 1];
	}
}

/* The first and the last @vectors times 16 bytes, which may overlap and together are all of them. */
LIMIT_INLINE void limit_copy_ends(unsigned char *to, const unsigned char *from, size_t size, unsigned vectors)
{
	const size_t last = size - 16 * (size_t)vectors;

#pragma GCC unroll 4
	for (unsigned i = 0; i < vectors; i++)
		limit_copy_vector(to + 16 * (size_t)i, from + 16 * (size_t)i);
#pragma GCC unroll 4
	for (unsigned i = 0; i < vectors; i++)
		limit_copy_vector(to + last + 16 * (size_t)i, from + last + 16 * (size_t)i);
}

/* Up to so many bytes: some comparisons, no loop, nothing to save. */
#define LIMIT_SHORT 64u

LIMIT_INLINE void limit_copy_short(void *to, const void *from, size_t size)
{
	if (size < 16)
		limit_copy_few(to, from, size);
	else if (size <= 32)
		limit_copy_ends(to, from, size, 1);
	else
		limit_copy_ends(to, from, size, 2);
}

#ifdef NRB_HAVE_SECTIONS
/* What the library's copy asks of a ring: whether there are registers of 32 bytes. */
extern struct nrb_ring limit_ring;

/* More: the very text of the library's sections, without a section around it. */
LIMIT_INLINE void limit_copy_long(void *to, const void *from, size_t size)
{
	__asm__ volatile("jmp 10f\n" NRB_SECTION_COPY_ASIDE "10:\n" NRB_SECTION_COPY
			 :
			 : "D"(&limit_ring), "a"((unsigned char *)to - 8), "d"(from), "c"(size),
			   [wide] "i"(offsetof(struct nrb_ring, wide_copy)), [rseq] "i"(offsetof(struct nrb_ring, rseq))
			 : "r8", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}
#else
#define limit_copy_long memcpy
#endif

/* The one place where the limits' copy is chosen: what the library does, and where it calls memcpy, memcpy. */
LIMIT_INLINE void limit_copy(void *to, const void *from, size_t size)
{
	if (size <= LIMIT_SHORT)
		limit_copy_short(to, from, size);
	else if (size <= 1024)
		limit_copy_long(to, from, size);
	else
		memcpy(to, from, size);
}

#endif /* BENCH_COPY_H */
