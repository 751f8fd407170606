/* SPDX-License-Identifier: MIT */
#include "kernel/family.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Where the next symbol is unknown, or far: no function of them is that long. */
#define LENGTH_MAX 4096u

static bool is_family(const char *name)
{
	while (*name == '_')
		name++;
	return !strncmp(name, "perf_output_", strlen("perf_output_"));
}

static bool begins(const struct kernel_function *function, const char *name)
{
	return !strncmp(function->name, name, strlen(name));
}

/* Which of them publish data_head. */
static void mark_handles(struct kernel_result *result)
{
	bool any = false;

	for (unsigned i = 0; i < result->functions; i++)
		any |= result->function[i].handle = begins(&result->function[i], "perf_output_put_handle");
	for (unsigned i = 0; i < result->functions && !any; i++)
		result->function[i].handle = begins(&result->function[i], "perf_output_end");
}

/* A function ends where the next symbol begins. */
static void note_end(struct kernel_result *result, uint64_t address)
{
	for (unsigned i = 0; i < result->functions; i++) {
		struct kernel_function *function = &result->function[i];

		if (address > function->start && address < function->end)
			function->end = address;
	}
}

int family_read(FILE *list, struct kernel_result *result)
{
	char line[512], name[256];
	uint64_t address;
	bool shown = false;
	char type;

	result->functions = 0;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &type, name) != 3)
			continue;
		shown |= address != 0;
		if (strchr("tTwW", type) && is_family(name) && address && result->functions < KERNEL_FUNCTIONS) {
			struct kernel_function *function = &result->function[result->functions++];

			memset(function, 0, sizeof(*function));
			snprintf(function->name, sizeof(function->name), "%.63s", name);
			function->start = address;
			function->end = address + LENGTH_MAX;
		}
	}
	if (!result->functions)
		return shown ? -ENOENT : -EACCES;
	/* A second time, since the list need not be in order. */
	rewind(list);
	while (fgets(line, sizeof(line), list))
		if (sscanf(line, "%" SCNx64 " %c", &address, &type) == 2)
			note_end(result, address);
	mark_handles(result);
	return 0;
}

struct kernel_function *family_find(struct kernel_result *result, uint64_t pc)
{
	for (unsigned i = 0; i < result->functions; i++)
		if (pc >= result->function[i].start && pc < result->function[i].end)
			return &result->function[i];
	return NULL;
}
