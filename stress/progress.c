/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "number.h"

static bool shown;

bool progress_wanted(const struct options *options)
{
	const char *terminal = getenv("TERM");

	return !options->quiet && isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb");
}

void progress_tell(const struct run_progress *progress)
{
	uint64_t violations = 0;

	for (unsigned i = 0; i < OPTIONS_TARGETS; i++)
		violations += progress->violations[i];
	/* Short enough for the narrowest terminal, so that it never wraps. */
	printf("\r\033[K%.1f of %.0f s  %-10s %s violations seen", (double)progress->elapsed_ns / NS_PER_S,
	       (double)progress->duration_ns / NS_PER_S, progress->target, number_short(violations).text);
	fflush(stdout);
	shown = true;
}

void progress_clear(void)
{
	if (!shown)
		return;
	fputs("\r\033[K", stdout);
	fflush(stdout);
	shown = false;
}
