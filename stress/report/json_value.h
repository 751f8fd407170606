/* SPDX-License-Identifier: MIT */
/*
 * json_value.h - what the parts of the JSON report share
 *
 * Each function gives a new value, or NULL when memory ran out; a NULL inside makes the whole NULL.
 */
#ifndef STRESS_REPORT_JSON_VALUE_H
#define STRESS_REPORT_JSON_VALUE_H

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* JSON's integers are signed here; a count that does not fit says "as many as can be said". */
static inline json_t *count(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Positions, addresses and seeds use all 64 bits, so they are text. */
static inline json_t *hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

/* A number, or null where it is not known. */
static inline json_t *count_or_null(uint64_t value, bool known)
{
	return known ? count(value) : json_null();
}

static inline json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* JSON is UTF-8, and a file name on the command line may be anything. NULL gives null. */
static inline json_t *text(const char *value)
{
	json_t *string;
	char *copy;

	if (!value)
		return json_null();
	string = json_string(value);
	if (string)
		return string;
	copy = strdup(value);
	if (!copy)
		return NULL;
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

static inline json_t *text_or_null(const char *value)
{
	return text(value[0] ? value : NULL);
}

/* Append @value to @array; NULL where either is or there is no memory. */
static inline json_t *append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value)) {
		json_decref(array);
		return NULL;
	}
	return array;
}

struct field {
	const char *name; /* NULL ends them */
	json_t *value;
};

/* An object of @fields; they are its own from now on, or freed. */
static inline json_t *pack_fields(const struct field *fields)
{
	json_t *object = json_object();
	bool whole = object;

	for (; fields->name; fields++)
		whole &= !json_object_set_new(object, fields->name, fields->value);
	if (whole)
		return object;
	json_decref(object);
	return NULL;
}

/* The names of the violations in @mask. */
static inline json_t *pack_mask(uint32_t mask)
{
	json_t *array = json_array();

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		if (mask & VIOLATION_BIT(kind))
			array = append(array, json_string(violation_name(kind)));
	return array;
}

/* ---- json.c: what the benchmark's report has as well ---- */

json_t *json_environment(const struct environment *environment);
json_t *json_topology(const struct topology *topology);
json_t *json_stolen(const struct stolen_time *stolen);
/* "SIGINT"; 0 gives null. */
json_t *json_signal(int number);

/* ---- json_map.c ---- */

/* The boundary maps, an array. */
json_t *json_maps(const struct report *report);

/* ---- json_kernel.c ---- */

/* What struck where in the kernel; null where its tier did not run. */
json_t *json_kernel(const struct report *report);

/* ---- json_step.c ---- */

/* What the step tier did of @result; null in another tier. */
json_t *json_step(const struct target_result *result);

#endif /* STRESS_REPORT_JSON_VALUE_H */
