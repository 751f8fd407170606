/* SPDX-License-Identifier: MIT */
#include "mode.h"

#include <string.h>

const struct mode mode_table[MODES] = {
	[MODE_ALONE] = { "alone", "nobody reads; the writer itself gives room back, half a ring at a time", false },
	[MODE_POLLED] = { "polled", "a reader looks without pause, gives back half a ring; the writer waits when full",
			  true },
	[MODE_LOOP] = { "loop", "the ring's own read loop; the writer waits when full", true },
	[MODE_PACED] = { "paced", "a reader looks every millisecond; the time that the writer waits is taken out",
			 true },
	[MODE_LOSSLESS] = { "lossless", "a reader goes through every record; the writer waits when full", true },
	[MODE_DROPPING] = { "dropping", "a reader goes through every record; the writer drops when full", true },
	[MODE_OVERWRITE] = { "overwrite", "a flight recorder: nobody reads, the newest records are kept", false },
	[MODE_NESTED] = { "nested", "each write is interrupted by another, to a depth: ns for each record of them",
			  false },
	[MODE_LATENCY] = { "latency", "records at a fixed rate: from when one was due until a reader has it", true },
	[MODE_WRITERS] = { "writers", "several writers, each alone with its ring and core: ns for each writer's record",
			   false },
};

enum bench_mode mode_find(const char *name, size_t length)
{
	for (unsigned mode = 0; mode < MODES; mode++)
		if (strlen(mode_table[mode].name) == length && !strncmp(mode_table[mode].name, name, length))
			return (enum bench_mode)mode;
	return MODES;
}
