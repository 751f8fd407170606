/* SPDX-License-Identifier: MIT */
/*
 * backward - libnrb's backward ring, consumed
 */
#include "ring_target.h"

RING_TARGET_IN_MODE(backward, .flags = NRB_BACKWARD);

const struct target target_backward = {
	.name = "backward",
	.summary = "libnrb with positions that go down, consumed",
	.claim = CLAIM_SOUND,
	RING_TARGET_FUNCTIONS,
	.checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP),
	.open = backward_open,
	.text = backward_text,
	.write = backward_write,
	.reserve = backward_reserve,
	.commit = backward_commit,
};
