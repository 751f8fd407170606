/* SPDX-License-Identifier: MIT */
/*
 * rseq-publish - what was committed is published outside of any section
 *
 * Lost: a strike between the load of head and the store of data_head has it loaded anew. So whoever strikes there
 * publishes a newer head, and then the older one is stored over it, as in legacy.
 */
#define NRB_STEPS_SECTION nrb_path_rseq_publish
#define NRB_SECTION_ENTER_PUBLISH ""
#include "rseq_target.h"

#ifdef NRB_HAVE_SECTIONS

RSEQ_TARGET_VARIANT(rseq_publish)

const struct target target_rseq_publish = {
	.name = "rseq-publish",
	.summary = "data_head is stored outside of a section: it goes backwards",
	.claim = CLAIM_CONTROL,
	/* Not in the step tier: a stepped section never comes to its end, so nothing gets that far. */
	.expected = { [TIER_AIM] = VIOLATION_BIT(HEAD_BACKWARD),
		      [TIER_TIMER] = VIOLATION_BIT(HEAD_BACKWARD),
		      [TIER_KICK] = VIOLATION_BIT(HEAD_BACKWARD) },
	/* Nobody looks again, so the older head may stay. */
	.allowed = VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL) | VIOLATION_BIT(STUCK_HEAD),
	RSEQ_TARGET_MEMBERS(rseq_publish),
};

#endif /* sections */
