/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hwloc.h>

/* The number of @pu's ancestor of @type, or @fallback when the machine does not tell. */
static unsigned ancestor(hwloc_topology_t machine, hwloc_obj_t pu, hwloc_obj_type_t type, unsigned fallback)
{
	hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(machine, type, pu);

	return object ? object->logical_index : fallback;
}

/* The last level of cache; @name receives which it is. */
static unsigned last_cache(hwloc_topology_t machine, hwloc_obj_t pu, const char **name)
{
	static const struct {
		hwloc_obj_type_t type;
		const char *name;
	} levels[] = { { HWLOC_OBJ_L5CACHE, "L5" },
		       { HWLOC_OBJ_L4CACHE, "L4" },
		       { HWLOC_OBJ_L3CACHE, "L3" },
		       { HWLOC_OBJ_L2CACHE, "L2" } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(machine, levels[i].type, pu);

		if (object) {
			*name = levels[i].name;
			return object->logical_index;
		}
	}
	return 0;
}

static void summarize(struct topology *topology, const char *cache)
{
	unsigned cores = 0, caches = 0, packages = 0;

	for (unsigned i = 0; i < topology->cpus; i++) {
		const struct topology_cpu *cpu = &topology->cpu[i];
		bool new_core = true, new_cache = true, new_package = true;

		for (unsigned j = 0; j < i; j++) {
			new_core &= topology->cpu[j].core != cpu->core;
			new_cache &= topology->cpu[j].cache != cpu->cache;
			new_package &= topology->cpu[j].package != cpu->package;
		}
		cores += new_core;
		caches += new_cache;
		packages += new_package;
	}
	int at = snprintf(topology->summary, sizeof(topology->summary), "%u CPU%s", topology->cpus,
			  topology->cpus == 1 ? "" : "s");
	if (cores < topology->cpus)
		at += snprintf(topology->summary + at, sizeof(topology->summary) - (size_t)at, " on %u core%s", cores,
			       cores == 1 ? "" : "s");
	if (cache && topology->cpus > 1)
		at += snprintf(topology->summary + at, sizeof(topology->summary) - (size_t)at,
			       caches == 1 ? ", one %s" : ", several %s", cache);
	if (packages > 1)
		snprintf(topology->summary + at, sizeof(topology->summary) - (size_t)at, ", %u packages", packages);
}

/* Keep to the CPUs of @list. Return: 0 or -EINVAL with a message. */
static int restrict_to(hwloc_bitmap_t allowed, const char *list, char *message, unsigned size)
{
	hwloc_bitmap_t wanted = hwloc_bitmap_alloc();
	int rc = 0;

	/* hwloc is lenient ("1-" is open-ended, "" is none), so look at the characters first. */
	if (!wanted || !*list || strspn(list, "0123456789,-") != strlen(list) ||
	    hwloc_bitmap_list_sscanf(wanted, list) < 0 || hwloc_bitmap_iszero(wanted)) {
		snprintf(message, size, "--cpus=%s is no list of CPUs: give numbers and ranges such as 0-3,6", list);
		rc = -EINVAL;
	} else if (!hwloc_bitmap_isincluded(wanted, allowed)) {
		char *text = NULL;

		hwloc_bitmap_list_asprintf(&text, allowed);
		snprintf(message, size, "--cpus=%s names a CPU that this process may not use: allowed are %s", list,
			 text ? text : "others");
		free(text);
		rc = -EINVAL;
	} else {
		hwloc_bitmap_copy(allowed, wanted);
	}
	hwloc_bitmap_free(wanted);
	return rc;
}

static void collect(struct topology *topology, hwloc_topology_t machine, hwloc_const_bitmap_t allowed)
{
	const char *cache = NULL;
	hwloc_obj_t pu = NULL;

	while ((pu = hwloc_get_next_obj_by_type(machine, HWLOC_OBJ_PU, pu)) && topology->cpus < PLACEMENT_MAX) {
		struct topology_cpu *cpu = &topology->cpu[topology->cpus];

		if (!hwloc_bitmap_isset(allowed, pu->os_index))
			continue;
		cpu->cpu = pu->os_index;
		cpu->core = ancestor(machine, pu, HWLOC_OBJ_CORE, pu->os_index);
		cpu->package = ancestor(machine, pu, HWLOC_OBJ_PACKAGE, 0);
		cpu->cache = last_cache(machine, pu, &cache);
		topology->cpus++;
	}
	summarize(topology, cache);
}

int topology_read(struct topology *topology, const char *cpus, char *message, unsigned size)
{
	hwloc_topology_t machine;
	hwloc_bitmap_t allowed;
	int rc = 0;

	memset(topology, 0, sizeof(*topology));
	if (hwloc_topology_init(&machine) < 0)
		goto no_hwloc;
	/* The mask that taskset, a cpuset or a container gave us bounds what we may pin to. */
	hwloc_topology_set_flags(machine,
				 HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM | HWLOC_TOPOLOGY_FLAG_RESTRICT_TO_CPUBINDING);
	if (hwloc_topology_load(machine) < 0) {
		hwloc_topology_destroy(machine);
		goto no_hwloc;
	}
	allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(machine));
	if (cpus)
		rc = restrict_to(allowed, cpus, message, size);
	if (!rc)
		collect(topology, machine, allowed);
	hwloc_bitmap_free(allowed);
	hwloc_topology_destroy(machine);
	return rc;
no_hwloc:
	snprintf(message, size, "hwloc cannot read this machine's topology: is /sys mounted?");
	return -EIO;
}
