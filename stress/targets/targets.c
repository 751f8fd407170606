/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ring_target.h"
#include "section.h"

#ifdef NRB_HAVE_SECTIONS
#define RSEQ_CONTROLS &target_rseq_unregistered, &target_rseq_publish, &target_rseq_early_commit, &target_rseq_no_check,
#define RSEQ_SOUND &target_rseq,
#else
#define RSEQ_CONTROLS
#define RSEQ_SOUND
#endif

/* Controls in the order of their history, then those of single modes; the sound ones, then the modes. */
/* clang-format off */
const struct target *const target_table[] = {
	&target_legacy, &target_late_inc, &target_early_check, &target_no_recheck, &target_no_nest,
	&target_publish_first, &target_no_tail_check, &target_hoisted_space, &target_plain_reserve, &target_torn_head,
	&target_lost_race, &target_plain_nest_reload,
	&target_swapped_space, &target_late_mark, &target_early_wakeup, &target_own_wakeup, &target_late_wakeup,
	&target_no_grace,
	RSEQ_CONTROLS
	&target_fixed, RSEQ_SOUND &target_fixed_lock, &target_mask,
	&target_backward, &target_overwrite, &target_backward_overwrite, &target_watermark, &target_sample_id,
	&target_channel,
	NULL,
};
/* clang-format on */

const struct target *target_find(const char *name)
{
	for (const struct target *const *t = target_table; *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

bool target_is_measure(const struct target *target)
{
	return target->claim == CLAIM_CONTROL && target->expected[TIER_TIMER] & VIOLATION_BIT(HEAD_BACKWARD);
}
