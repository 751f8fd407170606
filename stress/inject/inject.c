/* SPDX-License-Identifier: MIT */
/*
 * inject.c - the ways to interrupt, and what those that use a signal for each level have in common
 */
#define _GNU_SOURCE
#include "inject/inject.h"

const struct injector *injector_of(enum tier tier)
{
	static const struct injector *const injectors[TIERS] = {
		[TIER_TIMER] = &injector_timer,
	};

	return injectors[tier];
}
