/* SPDX-License-Identifier: MIT */
#include "swapper.h"

#include <errno.h>
#include <time.h>

#include "clock.h"
#include "writer.h"

static void swap_all(struct swapper *swapper)
{
	for (unsigned i = 0; i < swapper->count; i++) {
		struct writer *writer = &swapper->writers[i];
		int rc = writer->target->swap(writer->ring);

		if (!rc)
			writer->swaps++;
		else if (rc != -EAGAIN)
			/* No memory, no descriptors: the slice tells it in the end. */
			writer->swap_error = rc;
	}
}

static void *swap_on(void *argument)
{
	struct swapper *swapper = argument;
	const struct timespec period = clock_timespec(swapper->period_ns);

	while (!nrb_load_relaxed(&swapper->stop)) {
		nanosleep(&period, NULL);
		swap_all(swapper);
	}
	return NULL;
}

int swapper_start(struct swapper *swapper, struct writer *writers, unsigned count, uint64_t period_ns)
{
	int rc;

	swapper->writers = writers;
	swapper->count = count;
	swapper->period_ns = period_ns;
	if (!period_ns || !writers->target->swap)
		return 0;
	rc = -pthread_create(&swapper->thread, NULL, swap_on, swapper);
	swapper->running = !rc;
	return rc;
}

void swapper_stop(struct swapper *swapper)
{
	if (!swapper->running)
		return;
	nrb_store_relaxed(&swapper->stop, 1);
	pthread_join(swapper->thread, NULL);
	swapper->running = false;
}
