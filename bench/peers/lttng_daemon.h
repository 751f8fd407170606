/* SPDX-License-Identifier: MIT */
/*
 * lttng_daemon.h - a session daemon of LTTng's for as long as this process lives, and not longer
 */
#ifndef BENCH_LTTNG_DAEMON_H
#define BENCH_LTTNG_DAEMON_H

#include <stdint.h>

/* Why there cannot be one here, or NULL. */
const char *lttng_daemon_absent(void);

/*
 * lttng_daemon_start - start one, with a folder of its own, unless this process has one
 *
 * It ends when this process does, however that ends: a process of ours sees to that, without which it cannot live. What
 * it leaves in the file system goes away with it. LTTNG_HOME is set, in this process too.
 *
 * Context: thread, one that stays. Takes a second at most where nothing else runs; gives up after ten. Return: 0 or
 * -errno, after a message.
 */
int lttng_daemon_start(void);

/*
 * lttng_session_open - record @event into a flight recorder of @data_size bytes for each CPU, named @name
 * lttng_session_close - no more
 *
 * Context: thread. Return: 0 or -errno, after a message.
 */
int lttng_session_open(const char *name, const char *event, uint64_t data_size);
void lttng_session_close(const char *name);

#endif /* BENCH_LTTNG_DAEMON_H */
