/* SPDX-License-Identifier: MIT */
/*
 * compare.c - this run and an earlier one
 *
 * Ratios alone are compared: times of different hours on a shared machine are no measure of anything. With many cells
 * some would lie beyond an interval of 95 % by chance: so each interval is so wide that all of them together hold with
 * 95 %.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contestant.h"
#include "reports.h"

json_t *comparison_load(const char *path)
{
	json_error_t error;
	json_t *earlier = json_load_file(path, 0, &error);
	const char *program;

	if (!earlier) {
		fprintf(stderr, "nrb-bench: --compare=%s: %s\n", path, error.text);
		return NULL;
	}
	program = json_string_value(json_object_get(earlier, "program"));
	if (!program || strcmp(program, "nrb-bench") || !json_is_array(json_object_get(earlier, "results"))) {
		fprintf(stderr,
			"nrb-bench: --compare=%s: that is no report of nrb-bench: give what --output=json:FILE "
			"wrote\n",
			path);
		json_decref(earlier);
		return NULL;
	}
	return earlier;
}

static bool is_text(const json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && !strcmp(value, text);
}

static bool is_number(const json_t *object, const char *name, uint64_t number)
{
	return json_integer_value(json_object_get(object, name)) == (json_int_t)number;
}

/* The same cell, at the same place, in an earlier report; or NULL. */
static const json_t *find_earlier(const json_t *earlier, const struct cell *cell, enum place place)
{
	const json_t *results = json_object_get(earlier, "results"), *result;
	size_t i;

	json_array_foreach(results, i, result)
	{
		if (is_text(result, "contestant", contestant_table[cell->contestant]->name) &&
		    is_text(result, "mode", mode_table[cell->mode].name) &&
		    is_text(result, "place", place_name(place)) && is_number(result, "payload_bytes", cell->payload) &&
		    is_number(result, "data_size_bytes", cell->data_size) &&
		    is_number(result, "writers", cell->writers) && is_number(result, "depth", cell->depth))
			return result;
	}
	return NULL;
}

static unsigned earlier_values(const json_t *result, double *values)
{
	const json_t *array = json_object_get(result, "ratio_by_process"), *value;
	unsigned count = 0;
	size_t i;

	json_array_foreach(array, i, value) if (json_is_number(value) && count < STATISTICS_MAX) values[count++] =
		json_number_value(value);
	return count;
}

/* Adds what both have. */
static void compare_cell(struct comparison *comparison, const json_t *earlier, const struct measured *measured,
			 unsigned cell, enum place place)
{
	double then[STATISTICS_MAX], now[STATISTICS_MAX];
	const struct plan *plan = measured->plan;
	const json_t *result = find_earlier(earlier, &plan->cell[cell], place);
	unsigned thens = result ? earlier_values(result, then) : 0;
	struct estimate change;

	if (!thens)
		return;
	summary_ratio(measured, cell, (unsigned)plan->cell[cell].reference, place, now);
	change = estimate_quotient(now, measured->processes, then, thens, comparison->confidence);
	if (!isfinite(change.low))
		return;
	comparison->compared[comparison->count++] = (struct compared) {
		.cell = cell,
		.place = place,
		.change = change,
		.differs = estimate_differs(&change, comparison->tolerance),
	};
}

static void compare_all(struct comparison *comparison, const json_t *earlier, const struct measured *measured)
{
	const struct plan *plan = measured->plan;

	comparison->count = 0;
	for (unsigned cell = 0; cell < plan->cells; cell++) {
		if (plan->cell[cell].reference == (int32_t)cell)
			continue;
		for (unsigned place = PLACE_ONE; place < PLACES; place++)
			if ((place == PLACE_ONE) != cell_crosses(&plan->cell[cell]))
				compare_cell(comparison, earlier, measured, cell, (enum place)place);
	}
}

static void copy_text(char *to, size_t size, const json_t *earlier, const char *name)
{
	const char *value = json_string_value(json_object_get(json_object_get(earlier, "environment"), name));

	snprintf(to, size, "%s", value ? value : "unknown");
}

int comparison_make(struct comparison *comparison, const json_t *earlier, const struct measured *measured,
		    double tolerance)
{
	memset(comparison, 0, sizeof(*comparison));
	comparison->compared = calloc((size_t)PLACES * PLAN_CELLS, sizeof(*comparison->compared));
	if (!comparison->compared)
		return -ENOMEM;
	copy_text(comparison->started, sizeof(comparison->started), earlier, "started");
	copy_text(comparison->revision, sizeof(comparison->revision), earlier, "revision");
	comparison->tolerance = tolerance;
	comparison->confidence = CONFIDENCE;
	/* Once to count them, and once with intervals for so many. */
	compare_all(comparison, earlier, measured);
	if (comparison->count)
		comparison->confidence = 1 - (1 - CONFIDENCE) / comparison->count;
	compare_all(comparison, earlier, measured);
	for (unsigned i = 0; i < comparison->count; i++)
		comparison->differences += comparison->compared[i].differs;
	return 0;
}

void comparison_free(struct comparison *comparison)
{
	free(comparison->compared);
	comparison->compared = NULL;
}
