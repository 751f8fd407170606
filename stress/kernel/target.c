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
