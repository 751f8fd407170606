/* SPDX-License-Identifier: MIT */
/*
 * order.h - every atomic access and every fence of the project, but for those of nrb_commit_inline() in nrb.h, which is
 *           installed alone
 *
 * Nobody else spells a primitive: a reader of the code finds here the full list of what it relies on. There are three
 * kinds, and their names keep them apart:
 *
 *   nrb_load_acquire, nrb_store_release,     order against another CPU
 *   nrb_load_relaxed, nrb_store_relaxed,     no order, but one indivisible access to a location another CPU also
 *   nrb_add_relaxed, nrb_cas_relaxed         accesses
 *   nrb_local_*, nrb_local_fence             order and atomicity against the signal handlers of the same thread only;
 *                                            no bus lock and no fence instruction
 *
 * The pairs of the ring itself carry the labels A to D; the table stands at the top of steps.h.
 */
#ifndef NRB_ORDER_H
#define NRB_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Inlined always, so that no part of a write lies elsewhere than the write: see NRB_STEPS_SECTION in steps.h. */
#define NRB_PRIMITIVE static inline __attribute__((always_inline))

/* ---- against another CPU ---- */

#define nrb_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define nrb_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define nrb_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define nrb_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define nrb_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
/* A store-store-and-more fence: what stood before it is visible before any later store (snapshot logs). */
#define nrb_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define nrb_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* Compare and swap between threads. Return: true when *p was *expected and is now desired. */
#define nrb_cas_relaxed(p, expected, desired)                                                                          \
	__atomic_compare_exchange_n((p), (expected), (desired), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)

/* Tell the CPU that this is a spin loop. */
static inline void nrb_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Copy to where others may be reading meanwhile: whole words, the last one filled up with zeros. @to is aligned to 8.
 */
NRB_PRIMITIVE void nrb_store_words(void *to, const void *from, size_t size)
{
	uint64_t *at = (uint64_t *)to, word;
	size_t done;

	for (done = 0; size - done >= 8; done += 8) {
		memcpy(&word, (const unsigned char *)from + done, 8);
		nrb_store_relaxed(at++, word);
	}
	if (done < size) {
		word = 0;
		memcpy(&word, (const unsigned char *)from + done, size - done);
		nrb_store_relaxed(at, word);
	}
}

/* And from where others may be writing. Both are aligned to 8, and so is @size. */
NRB_PRIMITIVE void nrb_load_words(void *to, const void *from, size_t size)
{
	uint64_t *at = (uint64_t *)to;

	for (size_t i = 0; i < size / 8; i++)
		at[i] = nrb_load_relaxed((const uint64_t *)from + i);
}

/* ---- against this thread's own signal handlers ---- */

/* Keeps the compiler from moving accesses across; emits no instruction. */
#define nrb_local_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* One indivisible access that a handler may interleave with. */
#define nrb_local_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define nrb_local_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/*
 * nrb_local_cas - compare and swap that is atomic against handlers of this thread
 * @p: the location; only this thread and its handlers write it
 * @expected: what *p is thought to hold; receives what it did hold on failure
 * @desired: what to store
 *
 * On x86-64 a cmpxchg without the lock prefix: one instruction, so no signal can split it, and no bus lock, which costs
 * three to four times as much while a reader polls a neighbouring line. Elsewhere C11's own, which is stronger
 * than needed and correct.
 *
 * Return: true when *p was *expected and is now desired.
 */
NRB_PRIMITIVE bool nrb_local_cas(uint64_t *p, uint64_t *expected, uint64_t desired)
{
#ifdef __x86_64__
	bool done;

	__asm__ volatile("cmpxchgq %[desired], %[mem]"
			 : "=@ccz"(done), [mem] "+m"(*p), "+a"(*expected)
			 : [desired] "r"(desired)
			 : "memory");
	return done;
#else
	return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
#endif
}

/* Add to *p, atomic against handlers of this thread. Return: the value before. */
NRB_PRIMITIVE uint64_t nrb_local_add(uint64_t *p, uint64_t value)
{
#ifdef __x86_64__
	__asm__ volatile("xaddq %[value], %[mem]" : [value] "+r"(value), [mem] "+m"(*p) : : "memory", "cc");
	return value;
#else
	return __atomic_fetch_add(p, value, __ATOMIC_RELAXED);
#endif
}

/* Take what *p holds and leave 0, atomic against handlers of this thread (x86's xchg would imply the bus lock). */
NRB_PRIMITIVE uint64_t nrb_local_take(uint64_t *p)
{
	uint64_t value = nrb_local_load(p);

	/* Bounded: each failure means that a whole nested writer ran in between. */
	while (!nrb_local_cas(p, &value, 0))
		;
	return value;
}

#endif /* NRB_ORDER_H */
