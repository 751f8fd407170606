/* SPDX-License-Identifier: MIT */
#include "change.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "random.h"

#define RESAMPLES 300u
#define SEED 0x6368616e67650000ull
/* From a median of distances to a standard deviation, of what is normally distributed. */
#define DEVIATION 1.4826
/* What slows down all does so unevenly: so much of it may be no other's. */
#define UNEVEN 0.2
/* One process in so many is faster than what is taken of them. */
#define FASTER 10u
#define KEPT (STATISTICS_MAX / FASTER + 1)

enum { THEN, NOW, RUNS };

struct drawing {
	unsigned process[RUNS][STATISTICS_MAX];
	double *logs;   /* [row][column]: logarithm of now over then */
	double *others; /* rows: room for a median */
};

/*
 * Neighbours only ever slow a process down, by a different amount in each run: the median is theirs when more than half
 * of the processes met them. The fastest ones tell the code; the very fastest may have been lucky.
 */
static double fast(const double *ns, const unsigned *process, unsigned processes)
{
	double lowest[KEPT];
	unsigned known = 0, kept = 0, wanted;

	for (unsigned i = 0; i < processes; i++)
		known += isfinite(ns[process[i]]);
	if (!known)
		return NAN;
	wanted = known / FASTER + 1;
	for (unsigned i = 0; i < processes; i++) {
		double value = ns[process[i]];
		unsigned at;

		if (!isfinite(value) || (kept == wanted && value >= lowest[kept - 1]))
			continue;
		at = kept < wanted ? kept++ : kept - 1;
		for (; at && lowest[at - 1] > value; at--)
			lowest[at] = lowest[at - 1];
		lowest[at] = value;
	}
	return lowest[wanted - 1];
}

static void take_logs(const struct change_block *block, unsigned from, unsigned until, struct drawing *drawing)
{
	for (unsigned row = 0; row < block->rows; row++) {
		for (unsigned column = from; column < until; column++) {
			size_t cell = (size_t)row * block->columns + column;
			double ns[RUNS];

			for (unsigned run = THEN; run < RUNS; run++)
				ns[run] = fast(&block->ns[run][cell * block->processes[run]], drawing->process[run],
					       block->processes[run]);
			drawing->logs[cell] = log(ns[NOW] / ns[THEN]);
		}
	}
}

/* The median change in @column, without row @but. Return: of how many rows. */
static unsigned median_of_others(const struct change_block *block, const struct drawing *drawing, unsigned column,
				 unsigned but, double *value)
{
	unsigned others = 0;

	for (unsigned row = 0; row < block->rows; row++) {
		double change = drawing->logs[(size_t)row * block->columns + column];

		if (row != but && isfinite(change))
			drawing->others[others++] = change;
	}
	*value = median(drawing->others, others);
	return others;
}

/* The mean, over columns, of how far @row changed more than the rows without @but did; NaN: it cannot be told. */
static double distance(const struct change_block *block, const struct drawing *drawing, unsigned from, unsigned until,
		       unsigned row, unsigned but)
{
	double sum = 0;
	unsigned columns = 0;

	for (unsigned column = from; column < until; column++) {
		double change = drawing->logs[(size_t)row * block->columns + column], common;

		if (!isfinite(change) || median_of_others(block, drawing, column, but, &common) < CHANGE_OTHERS)
			continue;
		sum += change - common;
		columns++;
	}
	return columns ? sum / columns : NAN;
}

/* The mean, over columns, of the median change of all rows. */
static double common_change(const struct change_block *block, const struct drawing *drawing, unsigned from,
			    unsigned until)
{
	double sum = 0, change;
	unsigned columns = 0;

	for (unsigned column = from; column < until; column++) {
		if (median_of_others(block, drawing, column, block->rows, &change) <= CHANGE_OTHERS)
			continue;
		sum += change;
		columns++;
	}
	return columns ? sum / columns : NAN;
}

/* How far the others of @row lie from what is common to them: robustly, since another one may have changed too. */
static double deviation_of_others(const struct change_block *block, const struct drawing *drawing, unsigned from,
				  unsigned until, unsigned row, double *far)
{
	unsigned others = 0;

	for (unsigned other = 0; other < block->rows; other++) {
		double apart = other == row ? NAN : distance(block, drawing, from, until, other, row);

		if (isfinite(apart))
			far[others++] = fabs(apart);
	}
	return DEVIATION * median(far, others);
}

struct moments {
	double sum, squares;
	unsigned count;
};

static void moments_add(struct moments *moments, double value)
{
	if (!isfinite(value))
		return;
	moments->sum += value;
	moments->squares += value * value;
	moments->count++;
}

/* The standard deviation; NaN: of too few. */
static double moments_deviation(const struct moments *moments)
{
	double mean = moments->sum / moments->count, variance = moments->squares / moments->count - mean * mean;

	if (moments->count < RESAMPLES / 2)
		return NAN;
	return variance > 0 ? sqrt(variance) : 0;
}

/* NaN if either is. */
static double larger(double a, double b)
{
	return isnan(a) || a > b ? a : b;
}

/* Processes are drawn for all cells alike: what a process met, all of its cells did. */
static void bootstrap(const struct change_block *block, unsigned from, unsigned until, struct drawing *drawing,
		      struct moments *moments)
{
	struct random random = random_stream(SEED, block->rows);

	for (unsigned i = 0; i < RESAMPLES; i++) {
		for (unsigned run = THEN; run < RUNS; run++)
			for (unsigned p = 0; p < block->processes[run]; p++)
				drawing->process[run][p] = random_below(&random, block->processes[run]);
		take_logs(block, from, until, drawing);
		for (unsigned row = 0; row < block->rows; row++)
			moments_add(&moments[row], distance(block, drawing, from, until, row, row));
		moments_add(&moments[block->rows], common_change(block, drawing, from, until));
	}
}

int change_apart(const struct change_block *block, unsigned from, unsigned until, struct change *apart,
		 struct change *common)
{
	unsigned rows = block->rows;
	struct moments *moments = calloc(rows + 1, sizeof(*moments));
	struct drawing drawing = { .logs = calloc((size_t)rows * block->columns, sizeof(double)),
				   .others = calloc(rows, sizeof(double)) };
	double *far = calloc(rows, sizeof(double));
	int rc = moments && drawing.logs && drawing.others && far ? 0 : -ENOMEM;

	if (rc)
		goto out;
	for (unsigned run = THEN; run < RUNS; run++)
		for (unsigned p = 0; p < block->processes[run]; p++)
			drawing.process[run][p] = p;
	take_logs(block, from, until, &drawing);
	for (unsigned row = 0; row < rows; row++) {
		apart[row].value = distance(block, &drawing, from, until, row, row);
		apart[row].error = deviation_of_others(block, &drawing, from, until, row, far);
	}
	common->value = common_change(block, &drawing, from, until);
	bootstrap(block, from, until, &drawing, moments);
	for (unsigned row = 0; row < rows; row++)
		apart[row].error =
			hypot(larger(apart[row].error, moments_deviation(&moments[row])), UNEVEN * common->value);
	common->error = moments_deviation(&moments[rows]);
out:
	free(far);
	free(drawing.others);
	free(drawing.logs);
	free(moments);
	return rc;
}

/* How many standard deviations to either side hold @confidence of what is normally distributed. */
static double deviations(double confidence)
{
	double low = 0, high = 10;

	for (unsigned i = 0; i < 50; i++) {
		double middle = (low + high) / 2;

		if (erfc(middle / sqrt(2)) > 1 - confidence)
			low = middle;
		else
			high = middle;
	}
	return high;
}

struct estimate change_estimate(const struct change *change, unsigned count, double confidence)
{
	double width = deviations(confidence) * (count < INTERVAL_MIN ? NAN : change->error);

	return (struct estimate) {
		.value = exp(change->value),
		.low = exp(change->value - width),
		.high = exp(change->value + width),
		.count = count,
	};
}
