/* SPDX-License-Identifier: MIT */
/*
 * lttng_module.h - what the program finds in the module that brings LTTng-UST along
 *
 * A module, since LTTng-UST starts its threads and looks for its daemon as soon as it is loaded: only who measures it
 * is to have that, and only once the daemon runs.
 */
#ifndef BENCH_LTTNG_MODULE_H
#define BENCH_LTTNG_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#define LTTNG_MODULE_FILE "nrb_bench_lttng.so"
#define LTTNG_MODULE_SYMBOL "nrb_bench_lttng"

enum { LTTNG_TIMED, LTTNG_COUNTED, LTTNG_KINDS };

struct lttng_module {
	/* Whether a session records them by now. */
	bool (*is_recorded[LTTNG_KINDS])(void);
	/* Return: 0: LTTng does not tell. */
	int (*write[LTTNG_KINDS])(const void *payload, size_t size);
};

#endif /* BENCH_LTTNG_MODULE_H */
