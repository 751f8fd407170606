/* SPDX-License-Identifier: MIT */
#include "asked.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "contestant.h"

const struct asked asked_table[] = {
	{ .name = "write_to_memcpy_publish",
	  .text = "write, to memcpy-publish, alone",
	  .above = { .contestant = "write", .mode = MODE_ALONE },
	  .below = { .contestant = "memcpy-publish", .mode = MODE_ALONE } },
	{ .name = "write_to_limit",
	  .text = "write, to limit-publish, alone",
	  .above = { .contestant = "write", .mode = MODE_ALONE },
	  .below = { .contestant = "limit-publish", .mode = MODE_ALONE } },
	{ .name = "write_to_fixed",
	  .text = "write, to fixed, alone",
	  .above = { .contestant = "write", .mode = MODE_ALONE },
	  .below = { .contestant = "fixed", .mode = MODE_ALONE } },
	{ .name = "reserve_commit_to_limit",
	  .text = "reserve-commit, to limit-publish, alone",
	  .above = { .contestant = "reserve-commit", .mode = MODE_ALONE },
	  .below = { .contestant = "limit-publish", .mode = MODE_ALONE } },
	{ .name = "polled_write_to_limit",
	  .text = "write, to limit-publish, both polled",
	  .above = { .contestant = "write", .mode = MODE_POLLED },
	  .below = { .contestant = "limit-publish", .mode = MODE_POLLED } },
	{ .name = "loop_to_polled",
	  .text = "write with the library's loop, to polled",
	  .above = { .contestant = "write", .mode = MODE_LOOP },
	  .below = { .contestant = "write", .mode = MODE_POLLED } },
	{ .name = "loop_to_lossless",
	  .text = "the same, to a tight reader of all records",
	  .above = { .contestant = "write", .mode = MODE_LOOP },
	  .below = { .contestant = "write", .mode = MODE_LOSSLESS } },
	{ .name = "loop_to_alone_4m",
	  .text = "write with its loop, to alone; 4 MiB ring",
	  .above = { .contestant = "write", .mode = MODE_LOOP, .data_size = 4 << 20 },
	  .below = { .contestant = "write", .mode = MODE_ALONE, .data_size = 4 << 20 } },
	{ .name = "lossless_rate_to_limit",
	  .text = "lossless, records/s of write to limit's",
	  .above = { .contestant = "write", .mode = MODE_LOSSLESS },
	  .below = { .contestant = "limit-publish", .mode = MODE_LOSSLESS },
	  .of_rates = true },
	{ .name = "mask_to_write",
	  .text = "mask, to write, alone",
	  .above = { .contestant = "mask", .mode = MODE_ALONE },
	  .below = { .contestant = "write", .mode = MODE_ALONE } },
	{ .name = "lttng_to_write",
	  .text = "lttng without time stamps, to write",
	  .above = { .contestant = "lttng-noclock", .mode = MODE_ALONE },
	  .below = { .contestant = "write", .mode = MODE_ALONE } },
	{ .name = "lttng_to_sample_id",
	  .text = "lttng, to sample-id: both with time stamps",
	  .above = { .contestant = "lttng", .mode = MODE_ALONE },
	  .below = { .contestant = "sample-id", .mode = MODE_ALONE } },
	{ .name = "fixed_to_legacy",
	  .text = "fixed, to legacy, alone",
	  .above = { .contestant = "fixed", .mode = MODE_ALONE },
	  .below = { .contestant = "legacy", .mode = MODE_ALONE } },
	{ .name = "two_writers_rate",
	  .text = "write: two writers' records/s to one's",
	  .above = { .contestant = "write", .mode = MODE_WRITERS, .writers = 2 },
	  .below = { .contestant = "write", .mode = MODE_WRITERS, .writers = 1 },
	  .factor = 2,
	  .of_rates = true },
	{ .name = NULL },
};

/* Return: 0, -ENOENT or -EPROTO. */
static int find(const struct plan *plan, const char *name, struct cell cell, unsigned *index)
{
	int found;

	for (cell.contestant = 0; contestant_table[cell.contestant]; cell.contestant++)
		if (!strcmp(contestant_table[cell.contestant]->name, name))
			break;
	if (!contestant_table[cell.contestant])
		return -EPROTO;
	found = plan_find(plan, &cell);
	*index = (unsigned)found;
	return found < 0 ? -ENOENT : 0;
}

int asked_cells(const struct asked *asked, const struct plan *plan, uint32_t payload, uint64_t data_size,
		unsigned *above, unsigned *below)
{
	int rc = find(plan, asked->above.contestant,
		      (struct cell) { .mode = asked->above.mode,
				      .payload = payload,
				      .writers = asked->above.writers ? asked->above.writers : 1,
				      .depth = asked->above.depth,
				      .data_size = asked->above.data_size ? asked->above.data_size : data_size },
		      above);
	int rc_below = find(plan, asked->below.contestant,
			    (struct cell) { .mode = asked->below.mode,
					    .payload = payload,
					    .writers = asked->below.writers ? asked->below.writers : 1,
					    .depth = asked->below.depth,
					    .data_size = asked->below.data_size ? asked->below.data_size : data_size },
			    below);

	return rc ? rc : rc_below;
}

struct estimate asked_estimate(const struct asked *asked, const struct measured *measured, unsigned above,
			       unsigned below, enum place place)
{
	double factor = asked->factor > 0 ? asked->factor : 1, by_process[STATISTICS_MAX];

	summary_ratio(measured, asked->of_rates ? below : above, asked->of_rates ? above : below, place, by_process);
	for (unsigned p = 0; p < measured->processes; p++)
		by_process[p] *= factor;
	return estimate_make(by_process, measured->processes, CONFIDENCE);
}
