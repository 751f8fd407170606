/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "kernel/breakpoints.h"
#include "kernel/events.h"
#include "kernel/family.h"
#include "kernel/kernel.h"
#include "kernel/version.h"

int kernel_prepare(struct kernel_result *result, bool breakpoints, char *reason, size_t size)
{
	struct utsname name;
	FILE *list;
	int rc;

	if (!uname(&name))
		snprintf(result->release, sizeof(result->release), "%.71s", name.release);
	result->age = kernel_age_of(result->release);
	rc = kernel_events_probe(reason, size);
	if (rc)
		return rc;
	list = fopen("/proc/kallsyms", "re");
	if (!list) {
		snprintf(reason, size, "/proc/kallsyms: %s: without it nobody knows where a sample struck",
			 strerror(errno));
		return -EACCES;
	}
	rc = family_read(list, result);
	fclose(list);
	if (rc == -EACCES)
		snprintf(reason, size,
			 "/proc/kallsyms hides the kernel's addresses, so that nobody knows where a sample struck: run "
			 "as "
			 "root, or grant CAP_SYSLOG, or sysctl kernel.kptr_restrict=0");
	else if (rc)
		snprintf(reason, size, "/proc/kallsyms has none of the kernel's functions that write rings");
	if (!rc && breakpoints)
		rc = kernel_events_probe_breakpoint(kernel_sweep_address(result, 0), reason, size);
	return rc;
}
