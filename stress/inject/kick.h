/* SPDX-License-Identifier: MIT */
/*
 * kick.h - a thread on another core that sends a writer its signals
 */
#ifndef STRESS_KICK_H
#define STRESS_KICK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "words.h"

struct kicker {
	pthread_t thread;
	bool running;
	pid_t writer; /* the thread to be kicked */
	uint32_t stop;
	/*
	 * When each level is to be kicked; 0: not now. Set by the writer's handler at its end, emptied by the kicker
	 * before it sends: so none is sent while the one before is pending, or being handled.
	 */
	uint64_t due_ns[LEVELS];
	uint64_t sent; /* by the kicker, read when it has ended */
	int error;     /* why the last one could not be sent */
};

#endif /* STRESS_KICK_H */
