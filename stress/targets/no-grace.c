/* SPDX-License-Identifier: MIT */
/*
 * no-grace - a ring is taken for complete as soon as it has been replaced
 *
 * Who was writing into it goes on doing so. The reader has left by then, and never sees the record.
 */
#include "channel_target.h"

CHANNEL_TARGET_WRITE_PATH(no_grace);

const struct target target_no_grace = {
	.name = "no-grace",
	.summary = "a ring is replaced without waiting for those who write into it: their records are lost",
	.claim = CLAIM_CONTROL,
	.expected = { [TIER_STEP] = VIOLATION_BIT(SEQUENCE_GAP) },
	.allowed = VIOLATION_BIT(SEQUENCE_GAP) | VIOLATION_BIT(LOST_MISMATCH),
	CHANNEL_TARGET_FUNCTIONS,
	.open = channel_open_graceless,
	.text = no_grace_text,
	.write = no_grace_write,
	.reserve = no_grace_reserve,
	.commit = no_grace_commit,
};
