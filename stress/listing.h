/* SPDX-License-Identifier: MIT */
/*
 * listing.h - the instructions of a target's write path, each with what is known of the boundary before it
 *
 * Used after a run, by the process that ran it: machine code is read where it lies in memory.
 */
#ifndef STRESS_LISTING_H
#define STRESS_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "boundary.h"
#include "targets/target.h"

struct listed {
	uint64_t pc;
	const struct boundary *boundary; /* NULL: nothing ever struck there, and nothing is known of it */
	uint16_t length;                 /* bytes of the instruction; 0: not known */
	bool outside;                    /* in none of the target's ranges: something that it calls */
	char text[96];                   /* "movq %rax, 8(%rdx)"; empty: not known */
};

struct listing {
	bool disassembled; /* all instructions are there; else only boundaries of which something is known */
	unsigned count;
	unsigned reached; /* of these, struck in any tier */
	unsigned within;  /* of these, within the target's ranges: they come first, and both parts by address */
	struct listed at[];
};

/*
 * listing_make - list the instructions in @text and all boundaries of @map
 * @text: NULL: not known, then everything lies outside
 * @map: must live as long as the listing
 *
 * Filling between functions is left out, unless something struck there. Free it with free().
 *
 * Return: NULL when there is no memory.
 */
struct listing *listing_make(const struct text_range *text, const struct boundaries *map);

/* All strikes at a boundary, of all tiers; NULL: none. */
uint64_t listing_strikes(const struct boundary *boundary);

/*
 * listing_instruction - the instruction at @pc as text
 * @text: empty when it cannot be told: no disassembler, an address that is not mapped, or no instruction
 *
 * In AT&T syntax; the targets of jumps are told as offsets in their module, as objdump does.
 *
 * Return: its bytes, or 0.
 */
int listing_instruction(uint64_t pc, char *text, unsigned size);

#endif /* STRESS_LISTING_H */
