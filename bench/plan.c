/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <string.h>

#include "contestant.h"

static bool is_same(const struct cell *a, const struct cell *b)
{
	return a->contestant == b->contestant && a->mode == b->mode && a->payload == b->payload &&
	       a->writers == b->writers && a->depth == b->depth && a->data_size == b->data_size;
}

int plan_find(const struct plan *plan, const struct cell *wanted)
{
	for (unsigned i = 0; i < plan->cells; i++)
		if (is_same(&plan->cell[i], wanted))
			return (int)i;
	return -1;
}

/* Whether the contestant can take part at all; that it cannot be opened so shows when it is tried. */
static bool is_possible(const struct plan *plan, const struct cell *cell)
{
	const struct contestant *contestant = contestant_table[cell->contestant];

	if (contestant->absent && contestant->absent())
		return false;
	if (cell_crosses(cell) && plan->cpus < (cell->writers > 1 ? cell->writers : 2))
		return false;
	switch ((enum bench_mode)cell->mode) {
	case MODE_POLLED:
	case MODE_PACED: return contestant->take && !(contestant->traits & CONTESTANT_KEEPS_NOT);
	case MODE_LOOP: return contestant->loop && !(contestant->traits & CONTESTANT_KEEPS_NOT);
	case MODE_LOSSLESS:
	case MODE_DROPPING:
	case MODE_LATENCY: return contestant->next && !(contestant->traits & CONTESTANT_KEEPS_NOT);
	case MODE_OVERWRITE: return contestant->traits & CONTESTANT_OVERWRITES;
	case MODE_NESTED: return contestant->write_around;
	default: return contestant->take || contestant->traits & (CONTESTANT_OVERWRITES | CONTESTANT_KEEPS_NOT);
	}
}

/* Return: its index, -ENOENT: it cannot be, or -E2BIG. */
static int add_cell(struct plan *plan, const struct cell *cell)
{
	int found = plan_find(plan, cell);

	if (found >= 0)
		return found;
	if (!is_possible(plan, cell))
		return -ENOENT;
	if (plan->cells == PLAN_CELLS)
		return -E2BIG;
	plan->cell[plan->cells] = *cell;
	return (int)plan->cells++;
}

static uint32_t reference_contestant(void)
{
	for (uint32_t i = 0; contestant_table[i]; i++)
		if (!strcmp(contestant_table[i]->name, PLAN_REFERENCE))
			return i;
	return 0;
}

/* What a cell's ratio is to: the limit under the same conditions, as far as the limit can have them. */
static struct cell reference_of(const struct cell *cell)
{
	struct cell reference = *cell;

	switch ((enum bench_mode)cell->mode) {
	case MODE_WRITERS: reference.writers = 1; return reference;
	case MODE_LOOP: reference.mode = MODE_POLLED; break;
	case MODE_OVERWRITE:
	case MODE_NESTED:
		reference.mode = MODE_ALONE;
		reference.depth = 0;
		break;
	default: break;
	}
	reference.contestant = reference_contestant();
	return reference;
}

static int add_with_reference(struct plan *plan, const struct cell *cell)
{
	const struct cell reference = reference_of(cell);
	int index = add_cell(plan, cell);

	if (index >= 0)
		index = add_cell(plan, &reference);
	return index == -E2BIG ? index : 0;
}

/* One contestant in one mode, with all numbers of writers or depths that were wished. */
static int add_mode(struct plan *plan, const struct plan_wish *wish, struct cell cell)
{
	uint32_t last = 1;
	int rc = 0;

	cell.writers = 1;
	cell.depth = 0;
	if (cell.mode == MODE_NESTED) {
		for (; cell.depth <= wish->depth && !rc; cell.depth++)
			rc = add_with_reference(plan, &cell);
		return rc;
	}
	if (cell.mode == MODE_WRITERS)
		last = wish->writers < plan->cpus ? wish->writers : plan->cpus;
	for (; cell.writers < last && !rc; cell.writers *= 2)
		rc = add_with_reference(plan, &cell);
	cell.writers = last;
	return rc ? rc : add_with_reference(plan, &cell);
}

/* Cells that were added in whatever order find their groups and references. */
static void link_cells(struct plan *plan)
{
	plan->groups = 0;
	for (unsigned i = 0; i < plan->cells; i++) {
		struct cell *cell = &plan->cell[i];
		const struct cell wanted = reference_of(cell);
		int reference = plan_find(plan, &wanted);

		cell->reference = reference < 0 ? (int32_t)i : reference;
		cell->group = UINT32_MAX;
		for (unsigned before = 0; before < i && cell->group == UINT32_MAX; before++)
			if (plan->cell[before].payload == cell->payload &&
			    plan->cell[before].data_size == cell->data_size)
				cell->group = plan->cell[before].group;
		if (cell->group == UINT32_MAX)
			cell->group = plan->groups++;
	}
}

int plan_fill(struct plan *plan, const struct plan_wish *wish)
{
	int rc = 0;

	for (unsigned s = 0; s < wish->sizes; s++)
		for (unsigned p = 0; p < wish->payloads; p++)
			for (unsigned m = 0; m < wish->modes; m++)
				for (unsigned c = 0; c < wish->contestants && !rc; c++)
					rc = add_mode(plan, wish,
						      (struct cell) { .contestant = wish->contestant[c],
								      .mode = wish->mode[m],
								      .payload = wish->payload[p],
								      .data_size = wish->size[s] });
	link_cells(plan);
	return rc;
}

/* Some modes, of those contestants alone that are named, as far as they are wished. */
static int fill_part(struct plan *plan, const struct plan_wish *wish, const enum bench_mode *mode, unsigned modes,
		     const char *const *names)
{
	struct plan_wish part = *wish;

	part.contestants = 0;
	for (unsigned c = 0; c < wish->contestants; c++) {
		bool named = !names;

		for (const char *const *name = names; name && *name; name++)
			named |= !strcmp(contestant_table[wish->contestant[c]]->name, *name);
		if (named)
			part.contestant[part.contestants++] = wish->contestant[c];
	}
	part.modes = modes;
	for (unsigned m = 0; m < modes; m++)
		part.mode[m] = mode[m];
	return plan_fill(plan, &part);
}

int plan_fill_default(struct plan *plan, const struct plan_wish *wish)
{
	static const enum bench_mode most[] = { MODE_ALONE, MODE_POLLED, MODE_LOOP };
	static const enum bench_mode some[] = { MODE_LOSSLESS, MODE_WRITERS };
	static const enum bench_mode large[] = { MODE_ALONE, MODE_LOOP };
	static const enum bench_mode few[] = { MODE_NESTED, MODE_LATENCY };
	static const char *const chosen[] = { PLAN_REFERENCE, "write", "fixed", NULL };
	static const char *const own[] = { PLAN_REFERENCE, "write", NULL };
	struct plan_wish part = *wish;
	int rc;

	part.sizes = 1;
	rc = fill_part(plan, &part, most, 3, NULL);
	if (!rc)
		rc = fill_part(plan, &part, some, 2, chosen);
	/* What depends on the payload little, with one of them. */
	part.payloads = 1;
	part.payload[0] = 40;
	if (!rc)
		rc = fill_part(plan, &part, few, 2, chosen);
	part = *wish;
	part.sizes = 1;
	part.size[0] = 4 << 20;
	return rc ? rc : fill_part(plan, &part, large, 2, own);
}
