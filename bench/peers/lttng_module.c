/* SPDX-License-Identifier: MIT */
/*
 * lttng_module.c - LTTng's tracepoints, and a clock for them that can be left out
 *
 * LTTng stamps each record. To tell what of its cost is the clock's, the module is LTTng-UST's clock plugin as well:
 * the clock that it gives is the one that LTTng-UST has by itself, CLOCK_MONOTONIC, but for records of the second kind
 * a counter.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lttng/ust-clock.h>

#include "lttng_module.h"

#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_tracepoint.h"

/* This thread's: initial-exec, since handlers reach them. */
static __thread __attribute__((tls_model("initial-exec"))) uint64_t counter;
static __thread __attribute__((tls_model("initial-exec"))) int counts;

static bool timed_is_recorded(void)
{
	return lttng_ust_tracepoint_enabled(nrb_bench, timed);
}

static bool counted_is_recorded(void)
{
	return lttng_ust_tracepoint_enabled(nrb_bench, counted);
}

static int write_timed(const void *payload, size_t size)
{
	lttng_ust_tracepoint(nrb_bench, timed, payload, size);
	return 0;
}

static int write_counted(const void *payload, size_t size)
{
	counts = 1;
	lttng_ust_tracepoint(nrb_bench, counted, payload, size);
	counts = 0;
	return 0;
}

extern const struct lttng_module nrb_bench_lttng;
const struct lttng_module nrb_bench_lttng = {
	.is_recorded = { [LTTNG_TIMED] = timed_is_recorded, [LTTNG_COUNTED] = counted_is_recorded },
	.write = { [LTTNG_TIMED] = write_timed, [LTTNG_COUNTED] = write_counted },
};

/* ---- the clock ---- */

static uint64_t clock_read(void)
{
	struct timespec now = { 0 };

	if (counts)
		return ++counter;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t clock_frequency(void)
{
	return 1000000000u;
}

/* One that stands for no other clock. */
static int clock_uuid(char *uuid)
{
	static const char own[LTTNG_UST_UUID_STR_LEN] = "6e72622d-6265-4e63-a800-6c74746e6721";

	memcpy(uuid, own, sizeof(own));
	return 0;
}

static const char *clock_name(void)
{
	return "monotonic";
}

static const char *clock_description(void)
{
	return "CLOCK_MONOTONIC, or a counter";
}

/* LTTng-UST calls it, by this name. */
void lttng_ust_clock_plugin_init(void);
void lttng_ust_clock_plugin_init(void)
{
	if (lttng_ust_trace_clock_set_read64_cb(clock_read) || lttng_ust_trace_clock_set_freq_cb(clock_frequency) ||
	    lttng_ust_trace_clock_set_uuid_cb(clock_uuid) || lttng_ust_trace_clock_set_name_cb(clock_name) ||
	    lttng_ust_trace_clock_set_description_cb(clock_description) || lttng_ust_enable_trace_clock_override())
		abort();
}
