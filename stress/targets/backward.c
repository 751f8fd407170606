/* SPDX-License-Identifier: MIT */
/*
 * backward - libnrb's backward ring, consumed
 */
#include "ring_target.h"

RING_TARGET_INSTALLED(backward, nrb_path_backward)
RING_TARGET_OPEN(backward, .flags = NRB_BACKWARD)

TEXT_DECLARE(nrb_path_backward);
TEXT_DECLARE(nrb_write_path);
TEXT_DECLARE(nrb_write_modes);
static const struct text_range backward_text[] = {
	TEXT_RANGE(nrb_path_backward),
	TEXT_RANGE(nrb_write_path),
	TEXT_RANGE(nrb_write_modes),
	{ NULL, NULL },
};

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
