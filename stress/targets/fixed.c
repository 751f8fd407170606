/* SPDX-License-Identifier: MIT */
/*
 * fixed - the installed write path, called as a user calls it: the very object code of the library
 */
#include "ring_target.h"

/* Small records too: without restartable sequences. */
RING_TARGET_OPEN(fixed, .flags = NRB_NO_RSEQ)

/* The calls; behind them the library's own, see NRB_STEPS_SECTION in steps.h. */
RING_TARGET_INSTALLED(fixed, nrb_path_fixed)

TEXT_DECLARE(nrb_path_fixed);
TEXT_DECLARE(nrb_write_path);
static const struct text_range fixed_text[] = {
	TEXT_RANGE(nrb_path_fixed),
	TEXT_RANGE(nrb_write_path),
	{ NULL, NULL },
};

const struct target target_fixed = {
	.name = "fixed",
	.summary =
		"libnrb as installed, the nest protocol: publish, then drop nest, then check again (Linux since 2019)",
	.claim = CLAIM_SOUND,
	RING_TARGET_COMMON_BUT_OPEN,
	.open = fixed_open,
	.text = fixed_text,
	.write = fixed_write,
	.reserve = fixed_reserve,
	.commit = fixed_commit,
};
