/* SPDX-License-Identifier: MIT */
#include "witness_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "plugin/plugin.h"
#include "report/json_value.h"
#include "step/scenario.h"
#include "symbol.h"

#define FORMAT_VERSION 1

/* ---- writing ---- */

static json_t *pack_strike(const struct witness_strike *strike)
{
	struct module_place place;
	struct symbol symbol;
	char where[320];

	module_find(strike->pc, &place);
	symbol_find(strike->pc, &symbol);
	return pack_fields((struct field[]) {
		{ "level", count(strike->level) },
		{ "boundary", count(strike->boundary) },
		{ "release", json_boolean(strike->release) },
		{ "module", text(place.module) },
		{ "offset", hex(place.offset) },
		{ "place", text(symbol_print(&symbol, where, sizeof(where))) },
		{ NULL, NULL },
	});
}

/* Where a plug-in was loaded from, and what was in there; null: a target of ours. */
static json_t *pack_plugin(const struct target *target)
{
	if (!target || !target->file)
		return json_null();
	return pack_fields((struct field[]) {
		{ "file", text(target->file) },
		{ "hash", hex(plugin_file_hash(target->file)) },
		{ NULL, NULL },
	});
}

static const struct target *target_of(const struct report *report, const char *name)
{
	for (unsigned i = 0; i < report->options->targets; i++)
		if (!strcmp(report->options->target[i]->name, name))
			return report->options->target[i];
	return NULL;
}

static json_t *pack_witness(const struct report *report, const char *target, const struct witness *witness)
{
	json_t *strikes = json_array();

	for (unsigned i = 0; i < witness->count; i++)
		strikes = append(strikes, pack_strike(&witness->strike[i]));
	return pack_fields((struct field[]) {
		{ "target", text(target) },
		{ "plugin", pack_plugin(target_of(report, target)) },
		{ "violation", text(violation_name(witness->kind)) },
		{ "scenario", text(scenarios[witness->scenario].name) },
		{ "strikes", strikes },
		{ "seen_level", count(witness->level) },
		{ "seen_boundary", count(witness->boundary) },
		{ "before", hex(witness->before) },
		{ "after", hex(witness->after) },
		{ NULL, NULL },
	});
}

int witness_file_write(const struct report *report, FILE *out)
{
	json_t *witnesses = json_array(), *root;
	char build_id[MODULE_ID_SIZE];
	int rc = -ENOMEM;

	for (size_t i = 0; i < report->count; i++)
		for (unsigned kind = 0; kind < VIOLATIONS; kind++)
			if (report->results[i].step.witness[kind].known)
				witnesses = append(witnesses, pack_witness(report, report->results[i].name,
									   &report->results[i].step.witness[kind]));
	module_program_id(build_id);
	root = pack_fields((struct field[]) {
		{ "format_version", count(FORMAT_VERSION) },
		{ "program", text("nrb-stress") },
		{ "build_id", text(build_id) },
		{ "version", text(report->environment->version) },
		{ "compiler", text(report->environment->compiler) },
		{ "witnesses", witnesses },
		{ NULL, NULL },
	});
	/* An error of the stream is its owner's to find. */
	if (root && (!json_dumpf(root, out, JSON_INDENT(2)) || ferror(out))) {
		fputc('\n', out);
		rc = 0;
	}
	json_decref(root);
	return rc;
}

/* ---- reading ---- */

static bool read_number(const json_t *object, const char *key, uint64_t max, uint32_t *number)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return false;
	*number = (uint32_t)json_integer_value(value);
	return true;
}

static bool read_hex(const json_t *object, const char *key, uint64_t *number)
{
	const char *value = json_string_value(json_object_get(object, key));
	char *end;

	if (!value || strncmp(value, "0x", 2) != 0 || !value[2])
		return false;
	*number = strtoull(value, &end, 16);
	return !*end;
}

static bool read_kind(const json_t *object, enum violation *kind)
{
	const char *name = json_string_value(json_object_get(object, "violation"));

	for (unsigned i = 0; i < VIOLATIONS && name; i++) {
		if (strcmp(violation_name(i), name) != 0)
			continue;
		*kind = i;
		return true;
	}
	return false;
}

static bool read_strike(const json_t *object, struct witness_strike *strike)
{
	const char *module = json_string_value(json_object_get(object, "module"));
	struct module_place place;

	memset(&place, 0, sizeof(place));
	if (!module || strlen(module) >= sizeof(place.module) || !read_hex(object, "offset", &place.offset) ||
	    !read_number(object, "level", LEVELS - 1, &strike->level) ||
	    !read_number(object, "boundary", UINT32_MAX, &strike->boundary))
		return false;
	strike->release = json_is_true(json_object_get(object, "release"));
	memcpy(place.module, module, strlen(module));
	strike->pc = module_address(&place);
	return true;
}

/* The plug-in that it was found in, if it is still what it was. Return: NULL with the reason. */
static const struct target *read_plugin(const json_t *plugin, char *message, size_t size)
{
	const char *file = json_string_value(json_object_get(plugin, "file"));
	const struct target *target;
	char reason[400];
	uint64_t hash;

	if (!file || !read_hex(plugin, "hash", &hash)) {
		snprintf(message, size, "it does not tell which plug-in it is of");
		return NULL;
	}
	if (plugin_file_hash(file) != hash) {
		snprintf(message, size,
			 "%.200s is another one than it was, or gone: the same instructions may stand elsewhere; make "
			 "a new one with --witness",
			 file);
		return NULL;
	}
	target = plugin_load(file, reason, sizeof(reason));
	if (!target)
		snprintf(message, size, "cannot use %.100s: %.300s", file, reason);
	return target;
}

/* One of ours, or one that was loaded for a witness before. */
static const struct target *find_target(const struct witness_file *file, const char *name)
{
	for (unsigned i = 0; i < file->count && name; i++)
		if (file->at[i].target && !strcmp(file->at[i].target->name, name))
			return file->at[i].target;
	return name ? target_find(name) : NULL;
}

static bool read_witness(const json_t *object, struct filed_witness *filed)
{
	const char *scenario = json_string_value(json_object_get(object, "scenario"));
	const json_t *strikes = json_object_get(object, "strikes");
	struct witness *witness = &filed->witness;
	uint32_t level;

	if (!filed->target || !scenario || !scenario_find(scenario) || !json_is_array(strikes) ||
	    json_array_size(strikes) > WITNESS_STRIKES || !read_kind(object, &witness->kind) ||
	    !read_number(object, "seen_level", LEVELS - 1, &level) ||
	    !read_number(object, "seen_boundary", UINT32_MAX, &witness->boundary) ||
	    !read_hex(object, "before", &witness->before) || !read_hex(object, "after", &witness->after))
		return false;
	witness->known = true;
	witness->level = level;
	witness->scenario = (uint32_t)(scenario_find(scenario) - scenarios);
	for (size_t i = 0; i < json_array_size(strikes); i++)
		if (!read_strike(json_array_get(strikes, i), &witness->strike[witness->count++]))
			return false;
	return true;
}

/* Return: whether @root was made by this very program; else why not. */
static bool is_ours(const json_t *root, char *message, size_t size)
{
	const char *theirs = json_string_value(json_object_get(root, "build_id"));
	const char *program = json_string_value(json_object_get(root, "program"));
	char ours[MODULE_ID_SIZE];

	module_program_id(ours);
	if (!program || strcmp(program, "nrb-stress") != 0 || !theirs) {
		snprintf(message, size, "this is no file that --witness wrote");
		return false;
	}
	if (strcmp(theirs, ours) != 0 || !ours[0]) {
		snprintf(
			message, size,
			"it was made by another build (build-id %.20s..., this one is %.20s...): the same instructions "
			"may stand elsewhere; make a new one with --witness",
			theirs, ours);
		return false;
	}
	return true;
}

static int read_all(const json_t *root, struct witness_file *file, char *message, size_t size)
{
	const json_t *witnesses = json_object_get(root, "witnesses");
	uint32_t version;

	if (!is_ours(root, message, size))
		return -ESTALE;
	if (!read_number(root, "format_version", FORMAT_VERSION, &version) || !json_is_array(witnesses)) {
		snprintf(message, size, "it has no witnesses in a form that is known here");
		return -EINVAL;
	}
	if (!json_array_size(witnesses)) {
		snprintf(message, size, "there is no witness in it: nothing was found in that run");
		return -EINVAL;
	}
	file->at = calloc(json_array_size(witnesses), sizeof(*file->at));
	if (!file->at) {
		snprintf(message, size, "no memory");
		return -ENOMEM;
	}
	for (; file->count < json_array_size(witnesses); file->count++) {
		const json_t *object = json_array_get(witnesses, file->count),
			     *plugin = json_object_get(object, "plugin");
		struct filed_witness *filed = &file->at[file->count];

		filed->target = find_target(file, json_string_value(json_object_get(object, "target")));
		if (!filed->target && json_is_object(plugin)) {
			filed->target = read_plugin(plugin, message, size);
			if (!filed->target)
				return -ESTALE;
		}
		if (read_witness(object, filed))
			continue;
		snprintf(message, size, "its witness %u cannot be understood", file->count + 1);
		return -EINVAL;
	}
	return 0;
}

int witness_file_read(const char *path, struct witness_file *file, char *message, size_t size)
{
	FILE *in = fopen(path, "re");
	json_error_t error;
	json_t *root;
	int rc;

	memset(file, 0, sizeof(*file));
	if (!in) {
		rc = -errno;
		snprintf(message, size, "%s", strerror(-rc));
		return rc;
	}
	root = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
	fclose(in);
	if (!root) {
		snprintf(message, size, "it is not JSON (line %d: %.120s)", error.line, error.text);
		return -EINVAL;
	}
	rc = read_all(root, file, message, size);
	json_decref(root);
	if (rc)
		witness_file_free(file);
	return rc;
}

void witness_file_free(struct witness_file *file)
{
	free(file->at);
	memset(file, 0, sizeof(*file));
}
