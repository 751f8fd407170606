/* SPDX-License-Identifier: MIT */
#include "kernel/breakpoints.h"

#include <errno.h>

/* Writes that may be struck at one byte before the next has its turn; and those after which one that none was struck at
 * is taken for no instruction, or for one that is not reached. */
#define TRIES 16
#define TRIES_IN_VAIN 3

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

/* Where to go on. Return: the address, or 0: there is nowhere to go. */
static uint64_t advance(struct kernel_result *sum)
{
	unsigned length = kernel_sweep_length(sum), at = sum->sweep_at;
	uint64_t address;

	if (!sum->sweeps) {
		if (++sum->sweep_at < length)
			return kernel_sweep_address(sum, sum->sweep_at);
		sum->sweeps = 1;
		at = length;
	}
	/* Once all instructions are known, nothing is tried in between. */
	address = next_known(sum, &at);
	if (!address) {
		sum->sweeps++;
		at = (unsigned)-1;
		address = next_known(sum, &at);
	}
	sum->sweep_at = address ? at : 0;
	return address;
}

static void go_on(struct kernel_sweep *sweep)
{
	uint64_t address = advance(sweep->sum);
	unsigned at = sweep->sum->sweep_at;

	if (!address)
		return;
	/* Where the kernel refuses (an instruction that it patches itself) nothing strikes. Before 4.17 none moves. */
	if (kernel_events_move_breakpoint(sweep->events, (unsigned)sweep->strike, address, true) == -ENOTTY) {
		sweep->strike = -1;
		return;
	}
	sweep->moved = true;
	for (unsigned i = 0; i < KERNEL_DELAYS && sweep->delay[i] >= 0; i++) {
		address = next_known(sweep->sum, &at);
		if (address)
			kernel_events_move_breakpoint(sweep->events, (unsigned)sweep->delay[i], address, false);
	}
}

void kernel_sweep_tend(struct kernel_sweep *sweep)
{
	uint64_t strikes;

	if (sweep->tries == TRIES || (sweep->tries == TRIES_IN_VAIN && sweep->strikes == sweep->began)) {
		go_on(sweep);
		sweep->tries = 0;
		sweep->began = sweep->strikes;
	}
	if (sweep->strike < 0)
		return;
	sweep->tries++;
	/* What has not struck has its one strike left: another would add to it, for a byte where all strike at once. */
	strikes = kernel_events_strikes(sweep->events, (unsigned)sweep->strike);
	if (strikes != sweep->strikes || !sweep->armed)
		kernel_events_arm(sweep->events, (unsigned)sweep->strike, 1);
	else if (sweep->moved)
		kernel_events_arm(sweep->events, (unsigned)sweep->strike, 0);
	sweep->strikes = strikes;
	sweep->armed = true;
	sweep->moved = false;
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
