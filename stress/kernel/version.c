/* SPDX-License-Identifier: MIT */
#include "kernel/version.h"

#include <stdio.h>

/* By the announcements of these releases, all of them of June 2019, but for 3.16's. */
const struct kernel_release kernel_fixed_in[] = {
	{ 5, 2, 0 }, { 5, 1, 13 }, { 4, 19, 54 }, { 4, 14, 129 }, { 4, 9, 183 }, { 4, 4, 183 }, { 3, 16, 75 },
};
const size_t kernel_fixed_count = sizeof(kernel_fixed_in) / sizeof(kernel_fixed_in[0]);

enum kernel_age kernel_age_of(const char *release)
{
	unsigned major, minor, patch = 0;

	if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return KERNEL_HAS_FIX;
	if (major > kernel_fixed_in[0].major ||
	    (major == kernel_fixed_in[0].major && minor >= kernel_fixed_in[0].minor))
		return KERNEL_HAS_FIX;
	for (size_t i = 1; i < kernel_fixed_count; i++)
		if (major == kernel_fixed_in[i].major && minor == kernel_fixed_in[i].minor)
			return patch >= kernel_fixed_in[i].patch ? KERNEL_HAS_FIX : KERNEL_LACKS_FIX;
	return KERNEL_LACKS_FIX;
}
