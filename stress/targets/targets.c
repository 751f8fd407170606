/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ring_target.h"

const struct target *const target_table[] = { &target_legacy, &target_fixed, NULL };

const struct target *target_find(const char *name)
{
	for (const struct target *const *t = target_table; *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}
