/* SPDX-License-Identifier: MIT */
/*
 * legacy - the nest protocol as Linux had it until 2019; broken, and here to tell what its repair costs
 */
#include "target_path.h"

TARGET_PATH(legacy, target_legacy)

const struct contestant contestant_legacy = {
	.name = "legacy",
	.summary = "the nest protocol that was broken (Linux 2010 to 2019)",
	.traits = CONTESTANT_PATH | CONTESTANT_NESTS,
	.open = path_open_plain,
	.close = path_close,
	.write = legacy_write,
	.write_around = legacy_write_around,
	PATH_CONSUMED,
};
