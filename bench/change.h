/* SPDX-License-Identifier: MIT */
/*
 * change.h - what changed from one run to the next, beyond what changed for all (pure)
 *
 * Between two runs a shared machine becomes faster or slower, for some contestants more than for others. So a
 * contestant is held against the others of its block, which met the same: its change is told apart from the median of
 * theirs, and its interval knows how far they were apart, which is what this pair of runs is worth.
 */
#ifndef BENCH_CHANGE_H
#define BENCH_CHANGE_H

#include "statistics.h"

/* Fewer others are no measure of what changed for all. */
#define CHANGE_OTHERS 3u

/* Contestants (rows) of one mode, ring and place, with sizes of payload (columns), in two runs. */
struct change_block {
	unsigned rows, columns;
	unsigned processes[2]; /* then, now */
	double *ns[2];         /* ns a record: [row][column][process]; NaN: not measured */
};

/* One contestant, or all of them. Logarithms of now over then. */
struct change {
	double value; /* NaN: none */
	double error; /* standard error; NaN: too few processes */
};

/*
 * change_apart - how each row changed, apart from the others
 * @from, @until: the columns that are taken together: the mean of what each of them shows
 * @apart: receives one for each row; NaN where fewer than CHANGE_OTHERS others have a column that it has
 * @common: receives the median change of all rows
 *
 * The error is the larger of how far processes disagree, bootstrapped, and how far the others disagree, which contains
 * how far their processes do; and a fifth of what is common, which does not meet all alike.
 * Return: 0 or -ENOMEM.
 */
int change_apart(const struct change_block *block, unsigned from, unsigned until, struct change *apart,
		 struct change *common);

/* As a quotient with the interval that holds it with @confidence; @count processes gave it. */
struct estimate change_estimate(const struct change *change, unsigned count, double confidence);

#endif /* BENCH_CHANGE_H */
