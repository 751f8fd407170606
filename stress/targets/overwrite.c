/* SPDX-License-Identifier: MIT */
/*
 * overwrite - libnrb's flight recorder: no write is refused, snapshots are taken while it runs
 */
#include "ring_target.h"

RING_TARGET_IN_MODE(overwrite, .flags = NRB_OVERWRITE);

const struct target target_overwrite = {
	.name = "overwrite",
	.summary = "libnrb as a flight recorder: never refuses, read by snapshots while it is written",
	.claim = CLAIM_SOUND,
	RING_TARGET_FUNCTIONS,
	RING_TARGET_OVERWRITTEN,
	.open = overwrite_open,
	.text = overwrite_text,
	.write = overwrite_write,
	.reserve = overwrite_reserve,
	.commit = overwrite_commit,
};
