/* SPDX-License-Identifier: MIT */
/*
 * swapper.h - a thread that replaces what is being written into, again and again
 */
#ifndef STRESS_SWAPPER_H
#define STRESS_SWAPPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct writer;

struct swapper {
	struct writer *writers;
	unsigned count;
	uint64_t period_ns;
	pthread_t thread;
	bool running;
	uint32_t stop; /* asked by who started it */
};

/*
 * Have the rings of @count writers replaced each @period_ns, as far as their target can do that; not at all when it is
 * 0. Swaps are counted with each writer.
 *
 * Return: 0 or -errno.
 */
int swapper_start(struct swapper *swapper, struct writer *writers, unsigned count, uint64_t period_ns);
/* Once no writer is in the midst of a write any more, which a swap waits for. */
void swapper_stop(struct swapper *swapper);

#endif /* STRESS_SWAPPER_H */
