/* SPDX-License-Identifier: MIT */
/*
 * lttng_tracepoint.h - the records as LTTng's tracepoints: a sequence of bytes, its length known at run time only
 *
 * Two that are alike, so that each can be recorded in a session of its own. Read several times over, as LTTng's
 * macros want it.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER nrb_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "peers/lttng_tracepoint.h"

#if !defined(BENCH_LTTNG_TRACEPOINT_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_TRACEPOINT_H

#include <stddef.h>

#include <lttng/tracepoint.h>

/* cppcheck-suppress unknownMacro */
LTTNG_UST_TRACEPOINT_EVENT_CLASS(nrb_bench, records, LTTNG_UST_TP_ARGS(const unsigned char *, payload, size_t, size),
				 LTTNG_UST_TP_FIELDS(lttng_ust_field_sequence(unsigned char, payload, payload, size_t,
									      size)))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(nrb_bench, records, nrb_bench, timed,
				    LTTNG_UST_TP_ARGS(const unsigned char *, payload, size_t, size))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(nrb_bench, records, nrb_bench, counted,
				    LTTNG_UST_TP_ARGS(const unsigned char *, payload, size_t, size))

#endif /* BENCH_LTTNG_TRACEPOINT_H */

#include <lttng/tracepoint-event.h>
