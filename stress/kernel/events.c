/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "kernel/events.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Linux 6.0. */
#define READ_LOST (1u << 4)
/* What read(2) gives. */
struct event_count {
	uint64_t value, id, lost;
};

/* Interrupts of a hardware counter: so many thousand cycles apart that the kernel never needs to hold it back. */
#define COUNTER_CYCLES 1000000u

#define PERIOD_DEFAULT_NS 400000u

static int open_event(struct perf_event_attr *attr, uint32_t tid, uint32_t cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, (pid_t)tid, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* All events of one ring have these in common; SET_OUTPUT asks for the same clock and direction. */
static struct perf_event_attr attr_of(bool backward, bool lost_told)
{
	return (struct perf_event_attr) {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type =
			PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.read_format = PERF_FORMAT_ID | (lost_told ? READ_LOST : 0),
		.disabled = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.write_backward = backward,
	};
}

/* Add one, and have it write where the first one does. Return: its place, or -errno. */
static int add(struct kernel_events *events, struct perf_event_attr *attr, enum kernel_event_kind kind)
{
	struct kernel_facts *facts = &events->facts;
	unsigned at = facts->events;
	int fd;

	if (at == KERNEL_EVENTS)
		return -ENOSPC;
	fd = open_event(attr, facts->tid, facts->cpu);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &facts->id[at]) ||
	    (events->page && ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, events->fd[0]))) {
		int error = -errno;

		close(fd);
		return error;
	}
	events->fd[at] = fd;
	facts->kind[at] = kind;
	facts->latest[at] = 0;
	facts->rank[at] = facts->comms;
	facts->comms += kind == KERNEL_COMM;
	facts->events++;
	return (int)at;
}

static int map_ring(struct kernel_events *events, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	/* What cannot be written to is written over: data_tail holds nobody back. */
	int protection = events->backward ? PROT_READ : PROT_READ | PROT_WRITE;
	void *map;

	for (size = size < page ? page : size; size >= page; size /= 2) {
		map = mmap(NULL, page + size, protection, MAP_SHARED, events->fd[0], 0);
		if (map != MAP_FAILED) {
			events->page = map;
			events->size = size;
			return 0;
		}
		if (errno != EPERM && errno != ENOMEM)
			break;
	}
	return -errno;
}

static int add_comms(struct kernel_events *events, uint64_t size, bool backward)
{
	struct perf_event_attr attr = attr_of(backward, true);
	int rc;

	attr.comm = 1;
	events->lost_told = true;
	rc = add(events, &attr, KERNEL_COMM);
	if (rc == -EINVAL) {
		attr.read_format = PERF_FORMAT_ID;
		events->lost_told = false;
		rc = add(events, &attr, KERNEL_COMM);
	}
	if (rc >= 0)
		rc = map_ring(events, size);
	while (rc >= 0 && events->facts.comms < KERNEL_COMMS)
		rc = add(events, &attr, KERNEL_COMM);
	return rc;
}

static int add_clocks(struct kernel_events *events)
{
	struct perf_event_attr attr = attr_of(events->backward, events->lost_told);
	int rc = 0;

	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.sample_period = PERIOD_DEFAULT_NS;
	for (unsigned i = 0; i < KERNEL_CLOCKS && rc >= 0; i++)
		rc = add(events, &attr, KERNEL_CLOCK);
	if (rc < 0)
		return rc;
	/* Where there is a hardware counter, its interrupt is no maskable one, and strikes where clocks cannot. */
	attr.type = PERF_TYPE_HARDWARE;
	attr.config = PERF_COUNT_HW_CPU_CYCLES;
	attr.sample_period = COUNTER_CYCLES;
	events->counters = add(events, &attr, KERNEL_COUNTER) >= 0;
	return 0;
}

static void explain(int error, char *reason, size_t length)
{
	snprintf(reason, length, "perf_event_open: %s%s", strerror(-error),
		 error == -EMFILE   ? ": raise the limit of open files (ulimit -n)"
		 : error == -EPERM  ? ": raise kernel.perf_event_mlock_kb, or the limit of locked memory (ulimit -l)"
		 : error == -ENOMEM ? ": a smaller --size"
		 : error == -EINVAL ? ": this kernel is too old for it"
				    : "");
}

int kernel_events_open(struct kernel_events *events, uint64_t size, bool backward, char *reason, size_t length)
{
	int rc;

	events->facts.events = events->facts.comms = 0;
	events->page = NULL;
	events->backward = backward;
	rc = add_comms(events, size, backward);
	if (rc >= 0)
		rc = add_clocks(events);
	if (rc >= 0)
		return 0;
	kernel_events_close(events);
	explain(rc, reason, length);
	return rc;
}

void kernel_events_close(struct kernel_events *events)
{
	if (events->page)
		munmap(events->page, (size_t)sysconf(_SC_PAGESIZE) + events->size);
	events->page = NULL;
	while (events->facts.events)
		close(events->fd[--events->facts.events]);
}

void kernel_events_enable(struct kernel_events *events, enum kernel_event_kind kind, bool on)
{
	for (unsigned i = 0; i < events->facts.events; i++)
		if (events->facts.kind[i] == kind)
			ioctl(events->fd[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

void kernel_events_period(struct kernel_events *events, uint64_t period_ns)
{
	for (unsigned i = 0; i < events->facts.events; i++) {
		if (events->facts.kind[i] != KERNEL_CLOCK)
			continue;
		ioctl(events->fd[i], PERF_EVENT_IOC_PERIOD, &period_ns);
		/* No two of them keep in step. */
		period_ns += period_ns * 37 / 100;
	}
}

void kernel_events_pause(struct kernel_events *events, bool on)
{
	ioctl(events->fd[0], PERF_EVENT_IOC_PAUSE_OUTPUT, on);
}

uint64_t kernel_events_lost(const struct kernel_events *events, enum kernel_event_kind kind)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < events->facts.events; i++) {
		struct event_count count = { 0 };

		if (events->facts.kind[i] == kind && read(events->fd[i], &count, sizeof(count)) == sizeof(count))
			lost += count.lost;
	}
	return lost;
}

/* ---- breakpoints ---- */

static struct perf_event_attr breakpoint_attr(bool backward, bool lost_told, uint64_t address, bool samples)
{
	struct perf_event_attr attr = attr_of(backward, lost_told);

	attr.type = PERF_TYPE_BREAKPOINT;
	attr.config = 0;
	attr.bp_type = HW_BREAKPOINT_X;
	attr.bp_addr = address;
	attr.bp_len = sizeof(long);
	attr.sample_period = samples;
	attr.disabled = samples;
	return attr;
}

int kernel_events_add_breakpoint(struct kernel_events *events, uint64_t address, bool samples)
{
	struct perf_event_attr attr = breakpoint_attr(events->backward, events->lost_told, address, samples);

	return add(events, &attr, KERNEL_BREAKPOINT);
}

int kernel_events_move_breakpoint(struct kernel_events *events, unsigned event, uint64_t address, bool samples)
{
	struct perf_event_attr attr = breakpoint_attr(events->backward, events->lost_told, address, samples);

	return ioctl(events->fd[event], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr) ? -errno : 0;
}

void kernel_events_arm(struct kernel_events *events, unsigned event, unsigned times)
{
	if (times)
		ioctl(events->fd[event], PERF_EVENT_IOC_REFRESH, times);
	else
		ioctl(events->fd[event], PERF_EVENT_IOC_ENABLE, 0);
}

uint64_t kernel_events_strikes(const struct kernel_events *events, unsigned event)
{
	struct event_count count = { 0 };

	return read(events->fd[event], &count, sizeof(count)) > 0 ? count.value : 0;
}

/* ---- before any slice ---- */

static long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long number = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

int kernel_events_probe(char *reason, size_t length)
{
	struct perf_event_attr attr = attr_of(false, false);
	long paranoid;
	int fd;

	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	attr.sample_period = PERIOD_DEFAULT_NS;
	fd = open_event(&attr, 0, (uint32_t)-1);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");
	if (paranoid == -1)
		snprintf(reason, length, "this kernel has no perf events, or does not show them here");
	else if (fd == -EACCES || fd == -EPERM)
		snprintf(
			reason, length,
			"who sees only user space (exclude_kernel) sees none of the samples that prove a nested write, "
			"and kernel.perf_event_paranoid is %ld: run as root, or grant CAP_PERFMON and CAP_SYSLOG, or "
			"sysctl kernel.perf_event_paranoid=1%s",
			paranoid,
			geteuid() ? "" : "; for root, a container's rules may refuse perf_event_open as well");
	else
		explain(fd, reason, length);
	return fd;
}

int kernel_events_probe_breakpoint(uint64_t address, char *reason, size_t length)
{
	struct perf_event_attr attr = breakpoint_attr(false, false, address, true);
	int fd = open_event(&attr, 0, (uint32_t)-1);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	snprintf(reason, length, "--kernel-breakpoints: %s",
		 fd == -EPERM || fd == -EACCES ? "the kernel's own code may be struck by root alone (CAP_SYS_ADMIN)"
		 : fd == -EINVAL
			 ? "this kernel takes no breakpoint in its own code: it was built without CONFIG_KPROBES"
		 : fd == -ENOSPC ? "all debug registers are taken: is a debugger running?"
				 : "this machine has no hardware breakpoints");
	return fd;
}
