/* SPDX-License-Identifier: MIT */
#include "kernel/breakpoints.h"

/* Bytes of one function that are gone through. */
static unsigned length_of(const struct kernel_function *function)
{
	uint64_t length = function->end - function->start;

	if (!function->handle)
		return 0;
	return length < KERNEL_OFFSETS ? (unsigned)length : KERNEL_OFFSETS;
}

unsigned kernel_sweep_length(const struct kernel_result *sum)
{
	unsigned length = 0;

	for (unsigned i = 0; i < sum->functions; i++)
		length += length_of(&sum->function[i]);
	return length;
}

/* Which function byte @at is of; *@at receives its offset there. */
static const struct kernel_function *locate(const struct kernel_result *sum, unsigned *at)
{
	for (unsigned i = 0; i < sum->functions; i++) {
		unsigned length = length_of(&sum->function[i]);

		if (*at < length)
			return &sum->function[i];
		*at -= length;
	}
	return NULL;
}

uint64_t kernel_sweep_address(const struct kernel_result *sum, unsigned at)
{
	const struct kernel_function *function = locate(sum, &at);

	return function ? function->start + at : 0;
}

/* The next instruction behind @at that is known to be one, or 0. *@at moves there. */
static uint64_t next_known(const struct kernel_result *sum, unsigned *at)
{
	unsigned length = kernel_sweep_length(sum);

	while (++*at < length) {
		unsigned offset = *at;
		const struct kernel_function *function = locate(sum, &offset);

		if (function && function->swept[offset])
			return function->start + offset;
	}
	return 0;
}

int kernel_sweep_begin(struct kernel_sweep *sweep, struct kernel_events *events, struct kernel_result *sum)
{
	uint64_t address = kernel_sweep_address(sum, sum->sweep_at);

	*sweep = (struct kernel_sweep) { .events = events, .sum = sum };
	sweep->strike = kernel_events_add_breakpoint(events, address, true);
	/* Fewer debug registers than that are no reason to do without. */
	for (unsigned i = 0; i < KERNEL_DELAYS; i++)
		sweep->delay[i] = sweep->strike < 0 ? -1 : kernel_events_add_breakpoint(events, address, false);
	return sweep->strike < 0 ? sweep->strike : 0;
}

void kernel_sweep_next(struct kernel_sweep *sweep)
{
	struct kernel_result *sum = sweep->sum;
	unsigned length = kernel_sweep_length(sum), at;
	uint64_t address = 0;

	if (sweep->strike < 0 || !length)
		return;
	if (++sum->sweep_at >= length) {
		sum->sweep_at = 0;
		sum->sweeps++;
	}
	/* Once all instructions are known, nothing is tried in between. */
	at = sum->sweep_at;
	if (sum->sweeps) {
		at--;
		address = next_known(sum, &at);
		if (!address) {
			at = (unsigned)-1;
			address = next_known(sum, &at);
			sum->sweeps += address != 0;
		}
		if (!address)
			return;
		sum->sweep_at = at;
	} else {
		address = kernel_sweep_address(sum, at);
	}
	/* Where the kernel refuses (an instruction that it patches itself) nothing strikes. */
	kernel_events_move_breakpoint(sweep->events, (unsigned)sweep->strike, address, true);
	for (unsigned i = 0; i < KERNEL_DELAYS && sweep->delay[i] >= 0; i++) {
		address = next_known(sum, &at);
		if (address)
			kernel_events_move_breakpoint(sweep->events, (unsigned)sweep->delay[i], address, false);
	}
}

unsigned kernel_sweep_instructions(const struct kernel_result *sum, uint64_t *mean)
{
	unsigned instructions = 0;
	uint64_t hits = 0;

	for (unsigned i = 0; i < sum->functions; i++) {
		for (unsigned offset = 0; offset < length_of(&sum->function[i]); offset++) {
			instructions += sum->function[i].swept[offset] != 0;
			hits += sum->function[i].swept[offset];
		}
	}
	*mean = instructions ? hits / instructions : 0;
	return instructions;
}
