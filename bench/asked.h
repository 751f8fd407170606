/* SPDX-License-Identifier: MIT */
/*
 * asked.h - the ratios that are asked of libnrb, each of two cells of a run
 */
#ifndef BENCH_ASKED_H
#define BENCH_ASKED_H

#include "summary.h"

struct asked {
	const char *name; /* in reports for programs */
	const char *text; /* for people */
	struct {
		const char *contestant;
		enum bench_mode mode;
		uint64_t data_size; /* 0: that of the run */
		uint32_t writers;   /* 0: 1 */
		uint32_t depth;
	} above, below;
	double factor; /* what the ratio is multiplied by */
	bool of_rates; /* of records a second, and not of times */
};

/* A NULL name ends them. */
extern const struct asked asked_table[];

/*
 * asked_cells - the two cells that @asked is about
 * @payload: bytes
 * @data_size: the run's, for those that name none
 *
 * Return: 0; -ENOENT: one of them was not measured; -EPROTO: there is no such contestant.
 */
int asked_cells(const struct asked *asked, const struct plan *plan, uint32_t payload, uint64_t data_size,
		unsigned *above, unsigned *below);

/* At @place; without a value where nothing was measured there. */
struct estimate asked_estimate(const struct asked *asked, const struct measured *measured, unsigned above,
			       unsigned below, enum place place);

#endif /* BENCH_ASKED_H */
