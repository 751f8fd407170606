/* SPDX-License-Identifier: MIT */
/*
 * fixed-lock - the nest protocol with C11's atomics: what a portable rendering costs on x86-64, where they lock the bus
 */
#include "target_path.h"

TARGET_PATH(fixed_lock, target_fixed_lock)

const struct contestant contestant_fixed_lock = {
	.name = "fixed-lock",
	.summary = "the nest protocol with C11's atomics (a bus lock on x86-64)",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS,
	.open = path_open_plain,
	.close = path_close,
	.write = fixed_lock_write,
	.write_around = fixed_lock_write_around,
	PATH_CONSUMED,
};
