/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ring_target.h"

/* Controls in the order of their history, then the sound ones. */
const struct target *const target_table[] = {
	&target_legacy,        &target_late_inc,      &target_early_check,   &target_no_recheck,
	&target_no_nest,       &target_publish_first, &target_no_tail_check, &target_hoisted_space,
	&target_plain_reserve, &target_torn_head,     &target_lost_race,     &target_plain_nest_reload,
	&target_fixed,         &target_fixed_lock,    &target_mask,          NULL,
};

const struct target *target_find(const char *name)
{
	for (const struct target *const *t = target_table; *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}
