/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "kernel/writer.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "cpu.h"
#include "kernel/breakpoints.h"
#include "kernel/record.h"
#include "order.h"

#define STACK (256u << 10)
/* Names between two looks at anything else. */
#define BURST 16
#define LOOK_NS (20 * NS_PER_US)
#define PATIENCE_NS (500 * NS_PER_MS)

/* As record.h tells; quickly, since interrupts that strike here are lost. */
static void set_name(struct kernel_writer *writer)
{
	char name[KERNEL_NAME_SIZE] = KERNEL_NAME_PREFIX "000000000000";
	uint64_t rest = writer->number;

	for (unsigned at = KERNEL_NAME_SIZE - 2; rest; at--, rest >>= 4)
		name[at] = "0123456789abcdef"[rest & 15];
	prctl(PR_SET_NAME, name);
	nrb_store_relaxed(&writer->number, writer->number + 1);
}

static bool is_crowded(const struct kernel_writer *writer)
{
	struct perf_event_mmap_page *page = writer->page;
	uint64_t used = nrb_load_relaxed(&page->data_head) - nrb_load_relaxed(&page->data_tail);

	return writer->waits && used > page->data_size / 4 * 3;
}

static void *writer_main(void *argument)
{
	struct kernel_writer *writer = argument;
	const struct timespec look = clock_timespec(LOOK_NS);
	uint32_t order;

	writer->tid = (uint32_t)gettid();
	do {
		/* kernel:A  pairs with kernel:B: what was set before the order is there. */
		order = nrb_load_acquire(&writer->order);
		if (order == KERNEL_ONE && writer->done != order)
			set_name(writer);
		for (unsigned i = 0; order == KERNEL_RUN && !is_crowded(writer) && i < BURST; i++) {
			if (writer->sweep)
				kernel_sweep_tend(writer->sweep);
			set_name(writer);
		}
		nrb_store_relaxed(&writer->progress, writer->progress + 1);
		/* kernel:C  pairs with kernel:D: so is what was written. */
		if (writer->done != order)
			nrb_store_release(&writer->done, order);
		/* A reader who is late was kept from its CPU: where time is short, spinning would cost us ours. */
		if (order != KERNEL_LEAVE && (order != KERNEL_RUN || is_crowded(writer)))
			nanosleep(&look, NULL);
	} while (order != KERNEL_LEAVE);
	writer->displaced = !cpu_is_kept(writer->cpu);
	return NULL;
}

static int wait_for(const struct kernel_writer *writer, enum kernel_order order)
{
	const struct timespec look = clock_timespec(LOOK_NS);
	uint64_t deadline = clock_ns() + PATIENCE_NS;

	/* kernel:D */
	while (nrb_load_acquire(&writer->done) != order) {
		if (clock_ns() > deadline)
			return -ETIME;
		nanosleep(&look, NULL);
	}
	return 0;
}

int kernel_writer_order(struct kernel_writer *writer, enum kernel_order order)
{
	/* kernel:B */
	nrb_store_release(&writer->order, order);
	return wait_for(writer, order);
}

int kernel_writer_start(struct kernel_writer *writer)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	CPU_ZERO(&set);
	CPU_SET(writer->cpu, &set);
	/* So that it says when it is there. */
	writer->done = KERNEL_LEAVE;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	rc = pthread_create(&writer->thread, &attr, writer_main, writer);
	pthread_attr_destroy(&attr);
	if (rc)
		return -rc;
	pthread_getcpuclockid(writer->thread, &writer->cpu_clock);
	writer->started = true;
	return wait_for(writer, KERNEL_REST);
}

int kernel_writer_stop(struct kernel_writer *writer)
{
	int rc = kernel_writer_order(writer, KERNEL_LEAVE);

	if (!rc)
		pthread_join(writer->thread, NULL);
	return rc;
}
