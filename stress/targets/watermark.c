/* SPDX-License-Identifier: MIT */
/*
 * watermark - libnrb with a reader that is woken at a watermark
 */
#include "ring_target.h"

RING_TARGET_IN_MODE(watermark, .flags = NRB_WAKE_WATERMARK, .wakeup = 256);

const struct target target_watermark = {
	.name = "watermark",
	.summary = "libnrb with a reader that is woken through an eventfd at a watermark",
	.claim = CLAIM_SOUND,
	RING_TARGET_FUNCTIONS,
	RING_TARGET_WOKEN(256),
	.open = watermark_open,
	.text = watermark_text,
	.write = watermark_write,
	.reserve = watermark_reserve,
	.commit = watermark_commit,
};
