/* SPDX-License-Identifier: MIT */
#include "placement.h"

#include <errno.h>
#include <string.h>

const char *const placement_policies[] = {
	[PLACEMENT_NEAR] = "near", [PLACEMENT_FAR] = "far", [PLACEMENT_SMT] = "smt", NULL
};

const char *placement_policy_name(enum placement_policy policy)
{
	return placement_policies[policy];
}

unsigned topology_distance(const struct topology_cpu *a, const struct topology_cpu *b)
{
	if (a->cpu == b->cpu)
		return 0;
	if (a->core == b->core)
		return 1;
	if (a->cache == b->cache)
		return 2;
	return a->package == b->package ? 3 : 4;
}

/* What is being placed, and how many threads, and of these writers, each CPU of the topology has already. */
struct plan {
	const struct topology *topology;
	enum placement_policy policy;
	unsigned load[PLACEMENT_MAX];
	unsigned writers[PLACEMENT_MAX];
};

static unsigned count_cores(const struct topology *topology)
{
	unsigned cores = 0;

	for (unsigned i = 0; i < topology->cpus; i++) {
		unsigned j = 0;

		while (j < i && topology->cpu[j].core != topology->cpu[i].core)
			j++;
		cores += j == i;
	}
	return cores;
}

static unsigned core_load(const struct plan *plan, unsigned index)
{
	unsigned load = 0;

	for (unsigned i = 0; i < plan->topology->cpus; i++)
		if (plan->topology->cpu[i].core == plan->topology->cpu[index].core)
			load += plan->load[i];
	return load;
}

static bool has_sibling(const struct topology *topology, unsigned index)
{
	for (unsigned i = 0; i < topology->cpus; i++)
		if (topology_distance(&topology->cpu[i], &topology->cpu[index]) == 1)
			return true;
	return false;
}

/* Whether reasons @a, in the order of their weight, speak more for a CPU than @b do: the smaller wins. */
static bool better(const unsigned *a, const unsigned *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

/* The CPU for a writer: one whose core and then itself has least to do. */
static unsigned choose_writer(const struct plan *plan)
{
	unsigned best = 0, best_reasons[4] = { UINT32_MAX };

	for (unsigned i = 0; i < plan->topology->cpus; i++) {
		unsigned reasons[4] = { plan->policy == PLACEMENT_SMT && !has_sibling(plan->topology, i),
					core_load(plan, i), plan->load[i], plan->writers[i] };

		if (!better(reasons, best_reasons, 4))
			continue;
		best = i;
		memcpy(best_reasons, reasons, sizeof(reasons));
	}
	return best;
}

/* How unwelcome a distance is; the least wins. A reader on its writer's own CPU sees nothing while the writer runs. */
static unsigned dislike(enum placement_policy policy, unsigned distance)
{
	static const unsigned near[] = { 9, 4, 0, 1, 2 }, far[] = { 9, 4, 2, 1, 0 }, smt[] = { 9, 0, 1, 2, 3 };

	switch (policy) {
	case PLACEMENT_FAR: return far[distance];
	case PLACEMENT_SMT: return smt[distance];
	default: return near[distance];
	}
}

/*
 * The CPU for a reader of the writer on topology index @writer: one that has nothing to do, of these one whose core has
 * nothing to do (unless the sibling is wanted), and of these the one that the policy likes.
 */
static unsigned choose_reader(const struct plan *plan, unsigned writer)
{
	const struct topology *topology = plan->topology;
	unsigned best = writer, best_reasons[4] = { UINT32_MAX };

	for (unsigned i = 0; i < topology->cpus; i++) {
		unsigned reasons[4] = {
			i == writer, plan->load[i], plan->policy == PLACEMENT_SMT ? 0 : core_load(plan, i),
			dislike(plan->policy, topology_distance(&topology->cpu[writer], &topology->cpu[i]))
		};

		if (!better(reasons, best_reasons, 4))
			continue;
		best = i;
		memcpy(best_reasons, reasons, sizeof(reasons));
	}
	return best;
}

static void place_reader(struct plan *plan, struct placement *placement, unsigned index,
			 const struct placed_reader *reader)
{
	plan->load[index]++;
	placement->reader[placement->readers] = *reader;
	placement->reader[placement->readers].cpu = plan->topology->cpu[index].cpu;
	placement->readers++;
}

/* Pollers on what is left of the cores that write or read, near their writer. */
static void place_free_siblings(struct plan *plan, struct placement *placement, const unsigned *writer_at)
{
	for (unsigned i = 0; i < plan->topology->cpus && placement->readers < PLACEMENT_MAX; i++) {
		unsigned nearest = 0;

		if (plan->load[i] || !core_load(plan, i))
			continue;
		for (unsigned w = 1; w < placement->writers; w++)
			if (topology_distance(&plan->topology->cpu[i], &plan->topology->cpu[writer_at[w]]) <
			    topology_distance(&plan->topology->cpu[i], &plan->topology->cpu[writer_at[nearest]]))
				nearest = w;
		place_reader(plan, placement, i, &(struct placed_reader) { .first_ring = nearest, .stride = 1 });
	}
}

/*
 * The CPU for a thread that interrupts the writer on topology index @writer: one where nobody writes, with least to do,
 * and not the writer's core. It sleeps most of the time, so it counts for little, and comes last.
 */
static unsigned choose_kicker(const struct plan *plan, const unsigned *kickers, unsigned writer)
{
	const struct topology *topology = plan->topology;
	unsigned best = writer, best_reasons[5] = { UINT32_MAX };

	for (unsigned i = 0; i < topology->cpus; i++) {
		unsigned distance = topology_distance(&topology->cpu[writer], &topology->cpu[i]);
		unsigned reasons[5] = { i == writer, plan->writers[i], distance == 1, plan->load[i] + kickers[i],
					dislike(PLACEMENT_NEAR, distance) };

		if (!better(reasons, best_reasons, 5))
			continue;
		best = i;
		memcpy(best_reasons, reasons, sizeof(reasons));
	}
	return best;
}

static void place_kickers(const struct plan *plan, struct placement *placement, const unsigned *writer_at)
{
	unsigned kickers[PLACEMENT_MAX] = { 0 };

	for (unsigned w = 0; w < placement->writers; w++) {
		unsigned at = choose_kicker(plan, kickers, writer_at[w]);

		kickers[at]++;
		placement->writer[w].kicker_cpu = plan->topology->cpu[at].cpu;
	}
}

int placement_make(struct placement *placement, const struct topology *topology, enum placement_policy policy,
		   unsigned writers, unsigned readers)
{
	struct plan plan = { .topology = topology, .policy = policy };
	unsigned writer_at[PLACEMENT_MAX];
	unsigned consumers;

	memset(placement, 0, sizeof(*placement));
	if (topology->cpus < 2)
		return -ENODEV;
	if (writers > PLACEMENT_MAX || readers > PLACEMENT_MAX)
		return -ERANGE;
	if (!writers) {
		/* Two siblings of one core: one writes, the other reads. */
		writers = count_cores(topology) / 2;
		writers = writers ? writers : 1;
	}
	placement->writers = writers;
	consumers = readers && readers < writers ? readers : writers;
	/* Each writer with its consumer, so that those who come later do not take the nearest place from it. */
	for (unsigned w = 0; w < writers; w++) {
		writer_at[w] = choose_writer(&plan);
		if (policy == PLACEMENT_SMT && !has_sibling(topology, writer_at[w]))
			return -ENOENT;
		plan.load[writer_at[w]]++;
		plan.writers[writer_at[w]]++;
		placement->writer[w].cpu = topology->cpu[writer_at[w]].cpu;
		if (w < consumers)
			place_reader(
				&plan, placement, choose_reader(&plan, writer_at[w]),
				&(struct placed_reader) { .first_ring = w, .stride = consumers, .consumer = true });
	}
	for (unsigned r = consumers; r < readers; r++)
		place_reader(&plan, placement, choose_reader(&plan, writer_at[r % writers]),
			     &(struct placed_reader) { .first_ring = r % writers, .stride = 1 });
	if (!readers)
		place_free_siblings(&plan, placement, writer_at);
	place_kickers(&plan, placement, writer_at);
	for (unsigned i = 0; i < topology->cpus; i++)
		placement->oversubscribed |= plan.load[i] > 1;
	return 0;
}
