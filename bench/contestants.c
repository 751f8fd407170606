/* SPDX-License-Identifier: MIT */
#include "contestants.h"

#include <string.h>

/* The installed ways, then what they are made of and what they replace; the limits; the peers. */
const struct contestant *const contestant_table[] = {
	&contestant_write,      &contestant_reserve_commit, &contestant_channel,
	&contestant_overwrite,  &contestant_sample_id,      &contestant_fixed,
	&contestant_fixed_lock, &contestant_legacy,         &contestant_mask,
	&contestant_limit_copy, &contestant_limit_publish,  &contestant_memcpy_publish,
	&contestant_ck_ring,    &contestant_wfcqueue,       &contestant_rte_ring,
	&contestant_lttng,      &contestant_lttng_noclock,  NULL,
};

const struct contestant *contestant_find(const char *name)
{
	for (const struct contestant *const *c = contestant_table; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}
