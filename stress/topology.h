/* SPDX-License-Identifier: MIT */
/*
 * topology.h - the CPUs that we may use, and how they lie to each other
 */
#ifndef STRESS_TOPOLOGY_H
#define STRESS_TOPOLOGY_H

#include "placement.h"

/*
 * topology_read - ask hwloc
 * @topology: receives the CPUs of our affinity mask and cpuset
 * @cpus: a list such as "0-3,6" to keep to, or NULL
 * @message: receives why not, of @size bytes
 *
 * Return: 0; -EINVAL: @cpus is no list, or names a CPU that we may not use; -EIO: hwloc failed.
 */
int topology_read(struct topology *topology, const char *cpus, char *message, unsigned size);

#endif /* STRESS_TOPOLOGY_H */
