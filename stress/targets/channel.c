/* SPDX-License-Identifier: MIT */
/*
 * channel - libnrb's channels: the ring is replaced under its writers, who find it through RCU
 */
#include "channel_target.h"

CHANNEL_TARGET_WRITE_PATH(channel);

const struct target target_channel = {
	.name = "channel",
	.summary = "libnrb through a channel whose ring is replaced under its writers (--swap)",
	.claim = CLAIM_SOUND,
	CHANNEL_TARGET_FUNCTIONS,
	.open = channel_open,
	.text = channel_text,
	.write = channel_write,
	.reserve = channel_reserve,
	.commit = channel_commit,
};
