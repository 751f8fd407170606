/* SPDX-License-Identifier: MIT */
/*
 * rseq-early-commit - head moves over the record before it is copied, in the middle of the section
 *
 * Lost: nothing counts until the last instruction of a section. A strike during the copy finds head beyond a record
 * that is not there, and publishes that; then the write begins anew behind it.
 */
#define NRB_STEPS_SECTION nrb_path_rseq_early_commit
#define NRB_SECTION_BEFORE_COPY NRB_SECTION_MOVE_HEAD
#define NRB_SECTION_COMMIT ""
#include "rseq_target.h"

#ifdef NRB_HAVE_SECTIONS

RSEQ_TARGET_VARIANT(rseq_early_commit)

const struct target target_rseq_early_commit = {
	.name = "rseq-early-commit",
	.summary = "head is moved before the copy, in the same section: a record that is not there is published",
	.claim = CLAIM_CONTROL,
	/* Not in the step tier: it never gets that far. */
	.expected = { [TIER_AIM] = VIOLATIONS_STALE, [TIER_TIMER] = VIOLATIONS_STALE, [TIER_KICK] = VIOLATIONS_STALE },
	.allowed = VIOLATIONS_STALE,
	RSEQ_TARGET_MEMBERS(rseq_early_commit),
};

#endif /* sections */
