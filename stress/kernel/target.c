/* SPDX-License-Identifier: MIT */
#include "kernel/kernel.h"

/* Its write path is not in this program. */
static const struct text_range no_text[] = { { NULL, NULL } };

const struct target kernel_target = {
	.name = "kernel",
	.summary = "the kernel that this machine runs, into its own perf ring buffer",
	.claim = CLAIM_SOUND,
	/* Nobody but the kernel knows when it means to wake a reader. */
	.checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP),
	.driver = DRIVER_SELF,
	.text = no_text,
};

bool kernel_is_named(const struct options *options)
{
	for (unsigned i = 0; i < options->targets; i++)
		if (options->target[i] == &kernel_target)
			return true;
	return false;
}

bool kernel_is_alone(const struct options *options)
{
	for (unsigned i = 0; i < options->targets; i++)
		if (options->target[i]->claim != CLAIM_CONTROL && options->target[i] != &kernel_target)
			return false;
	return kernel_is_named(options);
}
