/* SPDX-License-Identifier: MIT */
/*
 * compare.c - this run and an earlier one
 *
 * Times of different hours on a shared machine are no measure of anything: so each contestant is held against the
 * others, see change.h, and where these are too few, its ratios against the earlier ones. With many contestants some
 * would lie beyond an interval of 95 % by chance: so each interval is so wide that all of them together hold with 95 %.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
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

static unsigned earlier_values(const json_t *result, const char *name, double *values)
{
	const json_t *array = json_object_get(result, name), *value;
	unsigned count = 0;
	size_t i;

	json_array_foreach(array, i, value)
	{
		if (count < STATISTICS_MAX)
			values[count++] = json_is_number(value) ? json_number_value(value) : NAN;
	}
	return count;
}

/* ---- blocks: what was measured under the same conditions ---- */

struct block {
	const struct measured *measured;
	const struct cell *like;
	enum place place;
	unsigned first; /* cell */
	unsigned rows, columns;
	unsigned contestant[PLAN_CONTESTANTS], payload[PLAN_PAYLOADS];
	struct change_block figures;
	struct change apart[PLAN_CONTESTANTS], one[PLAN_PAYLOADS][PLAN_CONTESTANTS], common;
};

static bool is_like(const struct cell *a, const struct cell *b)
{
	return a->mode == b->mode && a->data_size == b->data_size && a->writers == b->writers && a->depth == b->depth;
}

/* The place of @value among @known, where it is added if it is new. */
static unsigned position(unsigned *known, unsigned *count, unsigned value)
{
	unsigned at = 0;

	while (at < *count && known[at] != value)
		at++;
	if (at == *count)
		known[(*count)++] = value;
	return at;
}

static int cell_at(const struct block *block, unsigned row, unsigned column)
{
	struct cell wanted = *block->like;

	wanted.contestant = block->contestant[row];
	wanted.payload = block->payload[column];
	return plan_find(block->measured->plan, &wanted);
}

static unsigned count_known(const double *values, unsigned count)
{
	unsigned known = 0;

	for (unsigned i = 0; i < count; i++)
		known += isfinite(values[i]);
	return known;
}

/* What too few processes measured, then or now, is not in the block. */
static void fill_cell(struct block *block, const json_t *earlier, unsigned row, unsigned column)
{
	size_t at = ((size_t)row * block->columns + column) * STATISTICS_MAX;
	int cell = cell_at(block, row, column);
	const json_t *result =
		cell < 0 ? NULL : find_earlier(earlier, &block->measured->plan->cell[cell], block->place);
	unsigned thens = result ? earlier_values(result, "ns_by_process", &block->figures.ns[0][at]) : 0;

	if (!thens)
		return;
	if (thens > block->figures.processes[0])
		block->figures.processes[0] = thens;
	summary_ns(block->measured, (unsigned)cell, block->place, &block->figures.ns[1][at]);
	if (count_known(&block->figures.ns[0][at], thens) < INTERVAL_MIN ||
	    count_known(&block->figures.ns[1][at], block->measured->processes) < INTERVAL_MIN)
		for (unsigned i = 0; i < thens; i++)
			block->figures.ns[0][at + i] = NAN;
}

/* Cells are STATISTICS_MAX processes apart while they are filled; closer then. */
static void close_up(double *ns, unsigned cells, unsigned processes)
{
	for (unsigned cell = 0; cell < cells; cell++)
		memmove(&ns[(size_t)cell * processes], &ns[(size_t)cell * STATISTICS_MAX], processes * sizeof(*ns));
}

/* Return: 0 or -ENOMEM. */
static int block_fill(struct block *block, const json_t *earlier)
{
	const struct plan *plan = block->measured->plan;
	size_t values;

	for (unsigned i = block->first; i < plan->cells; i++) {
		if (!is_like(&plan->cell[i], block->like))
			continue;
		position(block->contestant, &block->rows, plan->cell[i].contestant);
		position(block->payload, &block->columns, plan->cell[i].payload);
	}
	values = (size_t)block->rows * block->columns * STATISTICS_MAX;
	for (unsigned run = 0; run < 2; run++) {
		block->figures.ns[run] = calloc(values, sizeof(double));
		if (!block->figures.ns[run])
			return -ENOMEM;
		for (size_t i = 0; i < values; i++)
			block->figures.ns[run][i] = NAN;
	}
	block->figures.rows = block->rows;
	block->figures.columns = block->columns;
	block->figures.processes[1] = block->measured->processes;
	for (unsigned row = 0; row < block->rows; row++)
		for (unsigned column = 0; column < block->columns; column++)
			fill_cell(block, earlier, row, column);
	for (unsigned run = 0; run < 2; run++)
		close_up(block->figures.ns[run], block->rows * block->columns, block->figures.processes[run]);
	return 0;
}

/* Return: 0 or -ENOMEM. */
static int block_compute(struct block *block)
{
	struct change unused;
	int rc = change_apart(&block->figures, 0, block->columns, block->apart, &block->common);

	for (unsigned column = 0; column < block->columns && !rc; column++)
		rc = change_apart(&block->figures, column, column + 1, block->one[column], &unused);
	return rc;
}

static void block_free(struct block *block)
{
	if (!block)
		return;
	free(block->figures.ns[0]);
	free(block->figures.ns[1]);
	free(block);
}

/* Return: NULL: there is no memory. */
static struct block *block_make(const json_t *earlier, const struct measured *measured, unsigned cell, enum place place)
{
	struct block *block = calloc(1, sizeof(*block));

	if (!block)
		return NULL;
	block->measured = measured;
	block->like = &measured->plan->cell[cell];
	block->first = cell;
	block->place = place;
	if (block_fill(block, earlier) || block_compute(block)) {
		block_free(block);
		return NULL;
	}
	return block;
}

/* ---- what is told ---- */

static void add(struct comparison *comparison, struct compared compared)
{
	const struct estimate *change = &compared.change;

	if (!isfinite(change->low))
		return;
	/* A ratio as it is has more in it than its interval knows, and so needs more to be called different. */
	compared.differs = compared.apart ? fabs(change->value - 1) > comparison->tolerance &&
						    (change->low > 1 || change->high < 1)
					  : estimate_differs(change, comparison->tolerance);
	comparison->compared[comparison->count++] = compared;
}

static void add_ratio(struct comparison *comparison, const json_t *earlier, const struct block *block, unsigned cell)
{
	double then[STATISTICS_MAX], now[STATISTICS_MAX];
	const struct measured *measured = block->measured;
	const struct cell *of = &measured->plan->cell[cell];
	const json_t *result = of->reference == (int32_t)cell ? NULL : find_earlier(earlier, of, block->place);
	unsigned thens = result ? earlier_values(result, "ratio_by_process", then) : 0;

	if (!thens)
		return;
	summary_ratio(measured, cell, (unsigned)of->reference, block->place, now);
	add(comparison,
	    (struct compared) {
		    .cell = cell,
		    .place = block->place,
		    .payloads = 1,
		    .change = estimate_quotient(now, measured->processes, then, thens, comparison->confidence),
	    });
}

/* In fewer processes of the two runs. */
static unsigned block_processes(const struct block *block)
{
	const unsigned *processes = block->figures.processes;

	return processes[0] < processes[1] ? processes[0] : processes[1];
}

/* Whether one size alone shows something else than all of them do together, by more than its interval. */
static bool disagrees(const struct comparison *comparison, const struct block *block, unsigned row, double confidence)
{
	struct estimate all = change_estimate(&block->apart[row], block_processes(block), comparison->confidence);

	for (unsigned column = 0; column < block->columns && block->columns > 1; column++) {
		struct estimate one = change_estimate(&block->one[column][row], block_processes(block), confidence);

		if (fabs(one.value / all.value - 1) > comparison->tolerance &&
		    (one.low > all.value || one.high < all.value))
			return true;
	}
	return false;
}

static void add_row(struct comparison *comparison, const struct block *block, unsigned row)
{
	double confidence = 1 - (1 - comparison->confidence) / block->columns;
	struct compared compared = { .place = block->place, .apart = true };
	unsigned first = 0;

	if (!disagrees(comparison, block, row, confidence)) {
		while (first < block->columns - 1 && !isfinite(block->one[first][row].value))
			first++;
		for (unsigned column = 0; column < block->columns; column++)
			compared.payloads += isfinite(block->one[column][row].value);
		compared.cell = (unsigned)cell_at(block, row, first);
		compared.change = change_estimate(&block->apart[row], block_processes(block), comparison->confidence);
		add(comparison, compared);
		return;
	}
	for (unsigned column = 0; column < block->columns; column++) {
		compared.payloads = 1;
		compared.cell = (unsigned)cell_at(block, row, column);
		compared.change = change_estimate(&block->one[column][row], block_processes(block), confidence);
		add(comparison, compared);
	}
}

static void add_block(struct comparison *comparison, const json_t *earlier, const struct block *block)
{
	const struct plan *plan = block->measured->plan;
	unsigned before = comparison->count;
	struct compared_all all = {
		.cell = block->first,
		.place = block->place,
		.change = change_estimate(&block->common, block_processes(block), CONFIDENCE),
	};

	for (unsigned row = 0; row < block->rows; row++) {
		all.contestants += isfinite(block->apart[row].value);
		/* Nobody changes a limit; and of its few ns a tenth of one is percents, which the machine decides. */
		if (!(contestant_table[block->contestant[row]]->traits & CONTESTANT_LIMIT))
			add_row(comparison, block, row);
	}
	if (!all.contestants) {
		for (unsigned i = block->first; i < plan->cells; i++)
			if (is_like(&plan->cell[i], block->like))
				add_ratio(comparison, earlier, block, i);
	}
	all.differs = fabs(all.change.value - 1) > comparison->tolerance && (all.change.low > 1 || all.change.high < 1);
	if (comparison->count > before)
		comparison->all[comparison->blocks++] = all;
}

static void add_all(struct comparison *comparison, const json_t *earlier, struct block **block, unsigned blocks)
{
	comparison->count = 0;
	comparison->blocks = 0;
	for (unsigned i = 0; i < blocks; i++)
		add_block(comparison, earlier, block[i]);
}

static bool is_first_of_its_block(const struct plan *plan, unsigned cell)
{
	for (unsigned i = 0; i < cell; i++)
		if (is_like(&plan->cell[i], &plan->cell[cell]))
			return false;
	return true;
}

/* Return: how many, or -ENOMEM. */
static int make_blocks(struct block **block, const json_t *earlier, const struct measured *measured)
{
	const struct plan *plan = measured->plan;
	int blocks = 0;

	for (unsigned cell = 0; cell < plan->cells; cell++) {
		if (!is_first_of_its_block(plan, cell))
			continue;
		for (unsigned place = PLACE_ONE; place < PLACES; place++) {
			if ((place == PLACE_ONE) == cell_crosses(&plan->cell[cell]))
				continue;
			block[blocks] = block_make(earlier, measured, cell, (enum place)place);
			if (!block[blocks++])
				return -ENOMEM;
		}
	}
	return blocks;
}

static void copy_text(char *to, size_t size, const json_t *earlier, const char *name)
{
	const char *value = json_string_value(json_object_get(json_object_get(earlier, "environment"), name));

	snprintf(to, size, "%s", value ? value : "unknown");
}

int comparison_make(struct comparison *comparison, const json_t *earlier, const struct measured *measured,
		    double tolerance)
{
	struct block **block = calloc((size_t)PLACES * PLAN_CELLS, sizeof(struct block *));
	int blocks;

	memset(comparison, 0, sizeof(*comparison));
	comparison->compared = calloc((size_t)PLACES * PLAN_CELLS, sizeof(*comparison->compared));
	comparison->all = calloc((size_t)PLACES * PLAN_CELLS, sizeof(*comparison->all));
	blocks = block && comparison->compared && comparison->all ? make_blocks(block, earlier, measured) : -ENOMEM;
	copy_text(comparison->started, sizeof(comparison->started), earlier, "started");
	copy_text(comparison->revision, sizeof(comparison->revision), earlier, "revision");
	comparison->tolerance = tolerance;
	comparison->confidence = CONFIDENCE;
	if (blocks > 0) {
		/* Once to count them, and once with intervals for so many. */
		add_all(comparison, earlier, block, (unsigned)blocks);
		if (comparison->count)
			comparison->confidence = 1 - (1 - CONFIDENCE) / comparison->count;
		add_all(comparison, earlier, block, (unsigned)blocks);
	}
	for (unsigned i = 0; i < comparison->count; i++)
		comparison->differences += comparison->compared[i].differs;
	for (unsigned i = 0; block && i < PLACES * PLAN_CELLS; i++)
		block_free(block[i]);
	free(block);
	if (blocks < 0)
		comparison_free(comparison);
	return blocks < 0 ? blocks : 0;
}

void comparison_free(struct comparison *comparison)
{
	free(comparison->compared);
	free(comparison->all);
	comparison->compared = NULL;
	comparison->all = NULL;
}
