/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_one(uint64_t config, int leader)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = leader < 0,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int counters_open(struct counters *counters)
{
	counters->fd[1] = -1;
	counters->fd[0] = open_one(PERF_COUNT_HW_INSTRUCTIONS, -1);
	if (counters->fd[0] < 0) {
		int rc = counters->fd[0];

		counters->fd[0] = -1;
		return rc;
	}
	counters->fd[1] = open_one(PERF_COUNT_HW_CPU_CYCLES, counters->fd[0]);
	return 0;
}

void counters_close(struct counters *counters)
{
	for (int i = 1; i >= 0; i--) {
		if (counters->fd[i] >= 0)
			close(counters->fd[i]);
		counters->fd[i] = -1;
	}
}

void counters_start(const struct counters *counters)
{
	if (counters->fd[0] < 0)
		return;
	ioctl(counters->fd[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
	ioctl(counters->fd[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

struct counted counters_stop(const struct counters *counters)
{
	struct {
		uint64_t count, enabled, running, value[2];
	} group;
	struct counted counted = { .instructions = NAN, .cycles = NAN };

	if (counters->fd[0] < 0)
		return counted;
	ioctl(counters->fd[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
	memset(&group, 0, sizeof(group));
	if (read(counters->fd[0], &group, sizeof(group)) < 0 || !group.running || group.running != group.enabled)
		return counted;
	counted.instructions = (double)group.value[0];
	if (group.count > 1)
		counted.cycles = (double)group.value[1];
	return counted;
}

const char *counters_explain(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -EOPNOTSUPP: return "this machine shows none";
	case -EACCES:
	case -EPERM: return "no leave to use them: see /proc/sys/kernel/perf_event_paranoid";
	case -ENOSYS: return "this kernel has no perf_event_open(2)";
	default: return strerror(-error);
	}
}
