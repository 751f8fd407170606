/* SPDX-License-Identifier: MIT */
/*
 * version.h - what a kernel's version says of the fix (pure)
 */
#ifndef STRESS_KERNEL_VERSION_H
#define STRESS_KERNEL_VERSION_H

#include <stddef.h>

#include "kernel/kernel_result.h"

/* The first release of a branch with the fix, 1b038c6e05ff: "data_head" stays put while a write nests. */
struct kernel_release {
	unsigned major, minor, patch;
};

/* Branches that were kept up when it was made, the newest first; from the first one on all have it. */
extern const struct kernel_release kernel_fixed_in[];
extern const size_t kernel_fixed_count;

/* What @release, as uname(2) tells it, says. One that is not understood is taken for new. */
enum kernel_age kernel_age_of(const char *release);

#endif /* STRESS_KERNEL_VERSION_H */
