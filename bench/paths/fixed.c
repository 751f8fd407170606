/* SPDX-License-Identifier: MIT */
/*
 * fixed - the nest protocol, that of Linux since 2019: the library's own steps, by name, so that it stays what it is
 */
#define NRB_STEPS_SECTION bench_path_fixed
#include "steps_path.h"

static const struct nrb_steps fixed = NRB_STEPS_FIXED;

STEPS_PATH(fixed, fixed)

const struct contestant contestant_fixed = {
	.name = "fixed",
	.summary = "the nest protocol (Linux since 2019)",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS,
	.open = path_open_plain,
	.close = path_close,
	.write = fixed_write,
	.write_around = fixed_write_around,
	PATH_CONSUMED,
};
