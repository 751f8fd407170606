/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - a shared object's ring as a target
 *
 * load.c finds the table and judges it, statics.c knows the object's own memory and code, plugin_target.c makes a
 * target of it, contain.c has what goes wrong in it told as a finding.
 */
#ifndef STRESS_PLUGIN_H
#define STRESS_PLUGIN_H

#include <stdbool.h>

#include "plugin/nrb_plugin.h"
#include "targets/target.h"

#define PLUGIN_STATICS 4
#define PLUGIN_TEXTS 8

/* The object's own memory and code. */
struct plugin_statics {
	unsigned count, texts;
	struct target_region at[PLUGIN_STATICS]; /* its variables */
	void *pristine[PLUGIN_STATICS];          /* as they were once it was loaded */
	struct text_range text[PLUGIN_TEXTS + 1];
	unsigned open; /* rings of it */
	int shared_by; /* the process that has made them memory to be shared with what it forks */
};

/* A loaded object. The target comes first: so one is the other. */
struct plugin {
	struct target target;
	const struct nrb_plugin *table;
	char *path;
	struct plugin_statics statics;
	uint64_t measured_size, measured; /* a ring of that data size takes so many bytes for each record */
};

/*
 * plugin_load - load the shared object at @path and make a target of it, for as long as the process lives
 *
 * It is loaded and tried in a process of its own first: one that cannot be loaded takes nobody along.
 *
 * Return: NULL with the reason, and what to do, in @message.
 */
const struct target *plugin_load(const char *path, char *message, size_t size);

/* The object that @target was made of. */
static inline struct plugin *plugin_of(const struct target *target)
{
	return (struct plugin *)(uintptr_t)target;
}

/* A number for the content of the file at @path: a witness is good for one. Return: 0 when it cannot be read. */
uint64_t plugin_file_hash(const char *path);

/* ---- statics.c ---- */

/* Find them. @address: in the object. Return: 0, -ENOENT or -ENOMEM. */
int statics_find(struct plugin_statics *statics, const void *address);
/* A ring is about to be opened: before the first, all is as it was at the beginning, and can be shared. */
void statics_begin(struct plugin_statics *statics);

/* ---- plugin_target.c ---- */

/* Fill in plugin->target from its table. @known: all the memory of its state is known. */
void plugin_make_target(struct plugin *plugin, bool known);
/* Bytes that @ring has had from alloc(). */
size_t plugin_allocated(const struct target_ring *ring);

#endif /* STRESS_PLUGIN_H */
