/* SPDX-License-Identifier: MIT */
#include "options_targets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "plugin/plugin.h"

static void options_add(struct options *options, const struct target *target)
{
	for (unsigned i = 0; i < options->targets; i++)
		if (options->target[i] == target)
			return;
	if (options->targets < OPTIONS_TARGETS)
		options->target[options->targets++] = target;
}

void options_add_all(struct options *options)
{
	/* Of those that this machine can have. */
	for (const struct target *const *t = target_table; *t; t++)
		if (!(*t)->missing || !(*t)->missing())
			options_add(options, *t);
}

static bool is_path(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 3 && !strcmp(name + length - 3, ".so"));
}

static int add_plugin(struct options *options, const char *path, char *message, size_t size)
{
	char reason[512];
	const struct target *target = plugin_load(path, reason, sizeof(reason));

	if (!target) {
		snprintf(message, size, "cannot use %.200s: %s", path, reason);
		return -EINVAL;
	}
	for (unsigned i = 0; i < options->targets; i++) {
		if (strcmp(options->target[i]->name, target->name) != 0)
			continue;
		snprintf(message, size, "cannot use %.200s: there are two targets of the name %s", path, target->name);
		return -EINVAL;
	}
	options_add(options, target);
	return 0;
}

int options_add_named(struct options *options, const char *name, char *message, size_t size)
{
	const struct target *target = !strcmp(name, kernel_target.name) ? &kernel_target : target_find(name);

	if (!target && is_path(name))
		return add_plugin(options, name, message, size);
	if (target) {
		options_add(options, target);
		return 0;
	}
	snprintf(message, size, "there is no target '%.200s': --list names those there are", name);
	return -ENOENT;
}

/* Controls first, so that a harness which is blind shows it soon; and nothing is judged without one to measure by. */
void options_order_targets(struct options *options)
{
	const struct target *all[OPTIONS_TARGETS], *rseq;
	unsigned count = options->targets, placed = 0;
	bool judged = false, measured = false;

	for (unsigned i = 0; i < options->targets && options->own_code; i++)
		if (options->target[i]->file)
			plugin_of(options->target[i])->target.own_code = true;
	if (!count) {
		options_add(options, target_find("legacy"));
		options_add(options, target_find("fixed"));
		rseq = target_find("rseq");
		if (rseq && !rseq->missing())
			options_add(options, rseq);
		return;
	}
	memcpy(all, options->target, sizeof(all));
	for (unsigned i = 0; i < count; i++) {
		judged |= all[i]->claim != CLAIM_CONTROL;
		measured |= !all[i]->file && target_is_measure(all[i]);
	}
	if (judged && !measured)
		options->target[placed++] = target_find("legacy");
	for (unsigned i = 0; i < count; i++)
		if (all[i]->claim == CLAIM_CONTROL)
			options->target[placed++] = all[i];
	for (unsigned i = 0; i < count && placed < OPTIONS_TARGETS; i++)
		if (all[i]->claim != CLAIM_CONTROL)
			options->target[placed++] = all[i];
	options->targets = placed;
}
