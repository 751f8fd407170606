/* SPDX-License-Identifier: MIT */
/*
 * rseq-no-check - a section writes and publishes whether or not a reservation is open
 *
 * Lost: whoever interrupted a write that reserved leaves publishing to it. The record that is still being filled in is
 * published along with the nested one.
 */
#define NRB_STEPS_SECTION nrb_path_rseq_no_check
#define NRB_SECTION_CHECK_NEST "xorl %%r8d, %%r8d\n"
#include "rseq_target.h"

#ifdef NRB_HAVE_SECTIONS

RSEQ_TARGET_VARIANT(rseq_no_check)

const struct target target_rseq_no_check = {
	.name = "rseq-no-check",
	.summary = "a section does not look for open reservations: a record that is being written is published",
	.claim = CLAIM_CONTROL,
	/* Not in the step tier: a nested write is stepped as well, so its section never comes to its end. */
	.expected = { [TIER_AIM] = VIOLATIONS_UNFINISHED,
		      [TIER_TIMER] = VIOLATIONS_UNFINISHED,
		      [TIER_KICK] = VIOLATIONS_UNFINISHED },
	.allowed = VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL) | VIOLATIONS_STALE,
	RSEQ_TARGET_MEMBERS(rseq_no_check),
};

#endif /* sections */
