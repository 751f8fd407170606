/* SPDX-License-Identifier: MIT */
/*
 * watchdog.h - the slice's main thread while it runs: ends it in time, and sees to it that writers get on
 */
#ifndef STRESS_WATCHDOG_H
#define STRESS_WATCHDOG_H

#include "slice.h"
#include "writer.h"

/*
 * watchdog_run - watch until the slice's time is over
 *
 * A writer that has used processor time but has not advanced is being starved by its handlers: its timers are disarmed,
 * and armed again at half the rate once it moves. The third time ends the slice.
 *
 * Return: SLICE_DONE, SLICE_STOPPED, or SLICE_STARVED with @message.
 */
enum slice_end watchdog_run(const struct slice_config *config, struct writer *writers, unsigned count,
			    uint64_t start_ns, char *message, unsigned size);

#endif /* STRESS_WATCHDOG_H */
