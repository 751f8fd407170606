/* SPDX-License-Identifier: MIT */
/*
 * environment.c - from /proc and /sys, none of which has to be there: a container hides some, another architecture
 * never had others
 */
#define _GNU_SOURCE
#include "config.h"

#include "environment.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "stress/build_info.h"

#define CPUINFO "/proc/cpuinfo"

/* The first line of @path, its end trimmed. Return: whether there was any. */
static bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool found = file && fgets(text, (int)size, file);

	if (file)
		fclose(file);
	if (!found)
		return false;
	text[strcspn(text, "\n")] = '\0';
	for (size_t length = strlen(text); length && text[length - 1] == ' ';)
		text[--length] = '\0';
	return text[0] != '\0';
}

/*
 * What stands behind "@key : " in @path; "=" and blanks separate as well. Return: whether there was any.
 * The first one wins: all CPUs of a machine that matters here are alike.
 */
static bool read_key(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(key);
	bool found = false;
	char line[4096];

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *value = line + length;

		if (strncmp(line, key, length) || !strchr(" \t:", *value))
			continue;
		value += strspn(value, " \t:");
		snprintf(text, size, "%.*s", (int)strcspn(value, "\n"), value);
		found = text[0] != '\0';
	}
	if (file)
		fclose(file);
	return found;
}

static void read_cpu_model(char *text, size_t size)
{
	/* x86, s390 and LoongArch; PowerPC; old ARM; RISC-V. */
	static const char *const keys[] = { "model name", "cpu", "Hardware", "uarch" };
	char implementer[32], part[32];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (read_key(CPUINFO, keys[i], text, size))
			return;
	if (read_key(CPUINFO, "CPU implementer", implementer, sizeof(implementer)) &&
	    read_key(CPUINFO, "CPU part", part, sizeof(part)))
		snprintf(text, size, "implementer %s part %s", implementer, part);
	else if (!read_line("/proc/device-tree/model", text, size))
		snprintf(text, size, "unknown");
}

static void read_hypervisor(char *text, size_t size)
{
	static const char *const dmi[] = { "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/sys_vendor" };
	char flags[4096];

	if (read_line("/sys/hypervisor/type", text, size))
		return;
	text[0] = '\0';
	/* The firmware names a product on bare metal too; it is the hypervisor's only when there is one. */
	if (!read_key(CPUINFO, "flags", flags, sizeof(flags)) || !strstr(flags, " hypervisor"))
		return;
	for (size_t i = 0; i < sizeof(dmi) / sizeof(dmi[0]); i++)
		if (read_line(dmi[i], text, size))
			return;
	snprintf(text, size, "unnamed");
}

static void read_kernel(struct environment *environment)
{
	struct utsname name;
	unsigned major, minor;

	if (uname(&name)) {
		strcpy(environment->kernel, "unknown");
		strcpy(environment->kernel_short, "unknown");
		strcpy(environment->architecture, "unknown");
		return;
	}
	snprintf(environment->kernel, sizeof(environment->kernel), "%.20s %.50s %.54s", name.sysname, name.release,
		 name.version);
	snprintf(environment->architecture, sizeof(environment->architecture), "%.31s", name.machine);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2)
		snprintf(environment->kernel_short, sizeof(environment->kernel_short), "%u.%u", major, minor);
	else
		snprintf(environment->kernel_short, sizeof(environment->kernel_short), "%.31s", name.release);
}

void environment_read(struct environment *environment)
{
	time_t now = time(NULL);
	struct tm utc;

	memset(environment, 0, sizeof(*environment));
	read_cpu_model(environment->cpu_model, sizeof(environment->cpu_model));
	if (!read_line("/sys/devices/system/cpu/cpu0/microcode/version", environment->microcode,
		       sizeof(environment->microcode)) &&
	    !read_key(CPUINFO, "microcode", environment->microcode, sizeof(environment->microcode)))
		strcpy(environment->microcode, "unknown");
	read_kernel(environment);
	if (!read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", environment->clocksource,
		       sizeof(environment->clocksource)))
		strcpy(environment->clocksource, "unknown");
	read_hypervisor(environment->hypervisor, sizeof(environment->hypervisor));
	if (!gmtime_r(&now, &utc) ||
	    !strftime(environment->started, sizeof(environment->started), "%Y-%m-%dT%H:%M:%SZ", &utc))
		strcpy(environment->started, "unknown");
	environment->version = PACKAGE_VERSION;
	environment->revision = NRB_REVISION;
	environment->compiler = NRB_COMPILER;
	environment->compiler_flags = NRB_COMPILER_FLAGS;
}

static bool wanted(unsigned cpu, const unsigned *cpus, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

static void read_steal(struct stolen_time *stolen, const unsigned *cpus, unsigned count)
{
	FILE *file = fopen("/proc/stat", "re");
	long ticks_hz = sysconf(_SC_CLK_TCK);
	char line[512];

	while (file && ticks_hz > 0 && fgets(line, sizeof(line), file)) {
		uint64_t ticks;
		unsigned cpu;

		/* cpuN, then user, nice, system, idle, iowait, irq, softirq, steal. */
		if (sscanf(line, "cpu%u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &cpu, &ticks) != 2)
			continue;
		if (!wanted(cpu, cpus, count))
			continue;
		stolen->steal_ns += ticks * (1000000000u / (uint64_t)ticks_hz);
		stolen->steal_known = 1;
	}
	if (file)
		fclose(file);
}

/*
 * Our cgroup in the hierarchy of the cpu controller. Return: whether there is one.
 * @legacy: cgroup v1, where each controller may have a hierarchy of its own.
 */
static bool find_cgroup(bool legacy, char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool found = false;
	char line[4096];

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		char listed[256];

		if (!group)
			continue;
		*group++ = '\0';
		snprintf(listed, sizeof(listed), ",%.250s,", controllers + 1);
		if (legacy ? !strstr(listed, ",cpu,") : strcmp(listed, ",,"))
			continue;
		snprintf(path, size, "%.*s", (int)strcspn(group, "\n"), group);
		/* The root has no name of its own; what lies above our namespace is shown as "/..", and not mounted. */
		if (!strcmp(path, "/") || strstr(path, "/.."))
			path[0] = '\0';
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

/*
 * Add what @group and its ancestors were throttled. Any of them may have a quota, and each counts its own alone.
 * Within a container the path that we are told may lie outside of what is mounted: then only the root's is found.
 */
static void add_throttled(struct stolen_time *stolen, const char *root, char *group, const char *key, uint64_t unit_ns)
{
	for (;;) {
		char path[4096 + 128], text[32];
		char *slash;

		snprintf(path, sizeof(path), "%s%s/cpu.stat", root, group);
		if (read_key(path, key, text, sizeof(text))) {
			stolen->throttled_ns += strtoull(text, NULL, 10) * unit_ns;
			stolen->throttled_known = 1;
		}
		slash = strrchr(group, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

static void read_throttled(struct stolen_time *stolen)
{
	static const struct {
		bool legacy;
		const char *root, *key;
		uint64_t unit_ns;
	} hierarchies[] = {
		{ false, "/sys/fs/cgroup", "throttled_usec", 1000 },
		{ false, "/sys/fs/cgroup/unified", "throttled_usec", 1000 },
		{ true, "/sys/fs/cgroup/cpu,cpuacct", "throttled_time", 1 },
		{ true, "/sys/fs/cgroup/cpu", "throttled_time", 1 },
	};
	char group[4096];

	/* The controller lives in one hierarchy; the same one may be mounted under two names. */
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]) && !stolen->throttled_known; i++) {
		if (!find_cgroup(hierarchies[i].legacy, group, sizeof(group)))
			continue;
		add_throttled(stolen, hierarchies[i].root, group, hierarchies[i].key, hierarchies[i].unit_ns);
	}
}

void stolen_time_read(struct stolen_time *stolen, const unsigned *cpus, unsigned count)
{
	memset(stolen, 0, sizeof(*stolen));
	read_steal(stolen, cpus, count);
	read_throttled(stolen);
}

uint64_t environment_seed(void)
{
	uint64_t seed;

	/* Any seed will do where the kernel has no random numbers yet. Short, since people type it. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = clock_ns() ^ (uint64_t)getpid();
	return seed & UINT32_MAX;
}
