/* SPDX-License-Identifier: MIT */
/*
 * backward-overwrite - libnrb's backward flight recorder, as perf's overwritable buffers are
 */
#include "ring_target.h"

RING_TARGET_IN_MODE(backward_overwrite, .flags = NRB_OVERWRITE | NRB_BACKWARD);

const struct target target_backward_overwrite = {
	.name = "backward-overwrite",
	.summary = "libnrb as a backward flight recorder",
	.claim = CLAIM_SOUND,
	RING_TARGET_FUNCTIONS,
	RING_TARGET_OVERWRITTEN,
	.open = backward_overwrite_open,
	.text = backward_overwrite_text,
	.write = backward_overwrite_write,
	.reserve = backward_overwrite_reserve,
	.commit = backward_overwrite_commit,
};
