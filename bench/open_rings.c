/* SPDX-License-Identifier: MIT */
#include "open_rings.h"

#include <errno.h>

static uint32_t largest_payload(const struct plan *plan)
{
	uint32_t largest = 0;

	for (unsigned i = 0; i < plan->cells; i++)
		if (plan->cell[i].payload > largest)
			largest = plan->cell[i].payload;
	return largest;
}

static struct bench_attr attr_of(const struct plan *plan, const struct cell *cell)
{
	const unsigned traits = contestant_table[cell->contestant]->traits;
	/* Where there is nobody who could consume, nothing but overwriting is left. */
	const bool overwrites = traits & CONTESTANT_KEEPS_NOT || !contestant_table[cell->contestant]->take;

	return (struct bench_attr) {
		.data_size = cell->data_size,
		.payload_max = traits & CONTESTANT_SLOTS ? cell->payload : largest_payload(plan),
		.overwrite = cell->mode == MODE_OVERWRITE || overwrites,
		.stamped = traits & CONTESTANT_STAMPED || (traits & CONTESTANT_STAMPS && plan->stamped),
	};
}

static bool is_alike(const struct bench_attr *a, const struct bench_attr *b)
{
	return a->data_size == b->data_size && a->payload_max == b->payload_max && a->overwrite == b->overwrite &&
	       a->stamped == b->stamped;
}

static void close_one(struct open_ring *open)
{
	if (open->contestant)
		open->contestant->close(open->ring);
	open->contestant = NULL;
}

/* Those that are of no use any more: groups come in the order of their sizes. */
static void close_others(struct open_rings *rings, const struct cell *cell)
{
	for (unsigned i = 0; i < OPEN_RINGS; i++) {
		struct open_ring *open = &rings->open[i];

		if (!open->contestant)
			continue;
		if (open->attr.data_size != cell->data_size ||
		    (open->contestant->traits & CONTESTANT_SLOTS && open->attr.payload_max != cell->payload))
			close_one(open);
	}
}

static int get_one(struct open_rings *rings, const struct contestant *contestant, const struct bench_attr *attr,
		   unsigned number, struct bench_ring **ring)
{
	struct open_ring *vacant = NULL;

	for (unsigned i = 0; i < OPEN_RINGS; i++) {
		struct open_ring *open = &rings->open[i];

		if (!open->contestant)
			vacant = vacant ? vacant : open;
		else if (open->contestant == contestant && open->number == number && is_alike(&open->attr, attr)) {
			*ring = open->ring;
			return 0;
		}
	}
	if (!vacant)
		return -ENOBUFS;
	errno = 0;
	*ring = contestant->open(attr);
	if (!*ring)
		return errno ? -errno : -EIO;
	*vacant = (struct open_ring) { .contestant = contestant, .attr = *attr, .number = number, .ring = *ring };
	return 0;
}

int open_rings_get(struct open_rings *rings, const struct plan *plan, const struct cell *cell, struct bench_ring **ring)
{
	const struct bench_attr attr = attr_of(plan, cell);
	int rc = 0;

	close_others(rings, cell);
	for (unsigned i = 0; i < cell->writers && !rc; i++)
		rc = get_one(rings, contestant_table[cell->contestant], &attr, i, &ring[i]);
	return rc;
}

void open_rings_close(struct open_rings *rings)
{
	for (unsigned i = 0; i < OPEN_RINGS; i++)
		close_one(&rings->open[i]);
}
