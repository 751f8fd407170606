/* SPDX-License-Identifier: MIT */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"

/* Enough that the interval's own error is small beside what it tells. */
#define RESAMPLES 4000u
#define SEED 0x6e72622d62656e63ull

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double median(double *values, unsigned count)
{
	if (!count)
		return NAN;
	qsort(values, count, sizeof(values[0]), ascending);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Those that are numbers. Return: how many. */
static unsigned keep_known(double *known, const double *values, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count && kept < STATISTICS_MAX; i++)
		if (isfinite(values[i]))
			known[kept++] = values[i];
	return kept;
}

/* The median of @count values drawn from @values, each as often as chance will have it. */
static double median_again(const double *values, unsigned count, struct random *random)
{
	double drawn[STATISTICS_MAX];

	for (unsigned i = 0; i < count; i++)
		drawn[i] = values[random_below(random, count)];
	return median(drawn, count);
}

/* What lies between: the middle @confidence of the resampled values. */
static void take_interval(struct estimate *estimate, double *resampled, double confidence)
{
	unsigned outside = (unsigned)(RESAMPLES * (1 - confidence) / 2);

	qsort(resampled, RESAMPLES, sizeof(resampled[0]), ascending);
	estimate->low = resampled[outside];
	estimate->high = resampled[RESAMPLES - 1 - outside];
}

struct estimate estimate_make(const double *values, unsigned count, double confidence)
{
	double known[STATISTICS_MAX], resampled[RESAMPLES];
	unsigned kept = keep_known(known, values, count);
	struct estimate estimate = { .value = median(known, kept), .low = NAN, .high = NAN, .count = kept };
	struct random random = random_stream(SEED, kept);

	if (kept < INTERVAL_MIN)
		return estimate;
	for (unsigned i = 0; i < RESAMPLES; i++)
		resampled[i] = median_again(known, kept, &random);
	take_interval(&estimate, resampled, confidence);
	return estimate;
}

struct estimate estimate_quotient(const double *above, unsigned aboves, const double *below, unsigned belows,
				  double confidence)
{
	double x[STATISTICS_MAX], y[STATISTICS_MAX], resampled[RESAMPLES];
	unsigned xs = keep_known(x, above, aboves), ys = keep_known(y, below, belows);
	struct estimate estimate = {
		.value = median(x, xs) / median(y, ys), .low = NAN, .high = NAN, .count = xs < ys ? xs : ys
	};
	struct random random = random_stream(SEED, xs * STATISTICS_MAX + ys);

	if (estimate.count < INTERVAL_MIN)
		return estimate;
	for (unsigned i = 0; i < RESAMPLES; i++) {
		double drawn = median_again(x, xs, &random);

		resampled[i] = drawn / median_again(y, ys, &random);
	}
	take_interval(&estimate, resampled, confidence);
	return estimate;
}

bool estimate_differs(const struct estimate *quotient, double tolerance)
{
	if (!(quotient->low > 1 + tolerance / 2) && !(quotient->high < 1 - tolerance / 2))
		return false;
	return fabs(quotient->value - 1) > tolerance;
}
