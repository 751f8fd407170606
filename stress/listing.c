/* SPDX-License-Identifier: MIT */
/*
 * listing.c - capstone where it was found at build time; without it, the boundaries that were struck
 */
#define _GNU_SOURCE
#include "config.h"

#include "listing.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

/* Longest instruction of any machine. */
#define LONGEST 16

/* ---- one instruction ---- */

struct decoder;

#if defined(HAVE_CAPSTONE) && (defined(__x86_64__) || defined(__aarch64__))

struct decoder {
	csh handle;
	cs_insn *instruction;
};

static bool decoder_open(struct decoder *decoder)
{
#ifdef __x86_64__
	cs_err error = cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->handle);
#else
	cs_err error = cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &decoder->handle);
#endif
	if (error)
		return false;
#ifdef __x86_64__
	cs_option(decoder->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
#endif
	decoder->instruction = cs_malloc(decoder->handle);
	if (decoder->instruction)
		return true;
	cs_close(&decoder->handle);
	return false;
}

static void decoder_close(struct decoder *decoder)
{
	cs_free(decoder->instruction, 1);
	cs_close(&decoder->handle);
}

/* Of @room bytes at @pc, which count from @base. Return: bytes of the instruction, or 0. */
static unsigned decode(struct decoder *decoder, uint64_t pc, size_t room, uint64_t base, char *text, size_t size)
{
	const uint8_t *code = (const uint8_t *)(uintptr_t)pc;
	uint64_t address = pc - base;

	if (!cs_disasm_iter(decoder->handle, &code, &room, &address, decoder->instruction))
		return 0;
	snprintf(text, size, "%.31s%s%.60s", decoder->instruction->mnemonic, decoder->instruction->op_str[0] ? " " : "",
		 decoder->instruction->op_str);
	return decoder->instruction->size;
}

#else

struct decoder {
	char nothing;
};

static bool decoder_open(struct decoder *decoder)
{
	(void)decoder;
	return false;
}

static void decoder_close(struct decoder *decoder)
{
	(void)decoder;
}

static unsigned decode(struct decoder *decoder, uint64_t pc, size_t room, uint64_t base, char *text, size_t size)
{
	(void)decoder;
	(void)pc;
	(void)room;
	(void)base;
	(void)text;
	(void)size;
	return 0;
}

#endif

/* Where the module that @pc lies in begins; 0: in none, and then nothing may be read there. */
static uint64_t module_base(uint64_t pc)
{
	Dl_info info;

	return dladdr((const void *)(uintptr_t)pc, &info) ? (uintptr_t)info.dli_fbase : 0;
}

int listing_instruction(uint64_t pc, char *text, unsigned size)
{
	uint64_t base = module_base(pc), room = LONGEST;
	struct decoder decoder;
	unsigned length;

	text[0] = '\0';
	if (!base || !decoder_open(&decoder))
		return 0;
	/* The last instruction of a module may end where nothing more is mapped. */
	while (room > 1 && module_base(pc + room - 1) != base)
		room--;
	length = decode(&decoder, pc, room, base, text, size);
	decoder_close(&decoder);
	return (int)length;
}

/* ---- all of them ---- */

static bool in_text(const struct text_range *text, uint64_t pc)
{
	for (; text && text->start; text++)
		if (pc >= (uintptr_t)text->start && pc < (uintptr_t)text->end)
			return true;
	return false;
}

static bool begins_with(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strncmp(text, *words, strlen(*words)))
			return true;
	return false;
}

/* Whether nothing runs on from here to the next instruction; what fills the room up to the next function is no code. */
static bool ends_flow(const char *text)
{
	static const char *const words[] = { "ret", "jmp", "ud2", "hlt", "repz ret", NULL };

	return begins_with(text, words);
}

static bool is_filling(const char *text)
{
	static const char *const words[] = { "nop", "data16", "int3", "xchgw %ax, %ax", NULL };

	return begins_with(text, words);
}

static void list(struct listing *listing, const struct listed *listed)
{
	listing->at[listing->count++] = *listed;
}

/* Instructions of one range. Return: false when some of it is none. */
static bool list_range(struct listing *listing, struct decoder *decoder, const struct text_range *range,
		       const struct boundaries *map)
{
	uint64_t pc = (uintptr_t)range->start, end = (uintptr_t)range->end, base = module_base(pc);
	bool filling = false;

	while (pc < end) {
		struct listed listed = { .pc = pc, .boundary = boundaries_find(map, pc) };
		unsigned length = decode(decoder, pc, end - pc, base, listed.text, sizeof(listed.text));

		if (!length)
			return false;
		listed.length = (uint16_t)length;
		filling = filling && is_filling(listed.text);
		if (!filling || listed.boundary)
			list(listing, &listed);
		filling |= ends_flow(listed.text);
		pc += length;
	}
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->outside != y->outside)
		return x->outside - y->outside;
	return (x->pc > y->pc) - (x->pc < y->pc);
}

/* What the ranges did not give: boundaries elsewhere, and those in the middle of what was taken for something else. */
static void list_others(struct listing *listing, const struct text_range *text, const struct boundaries *map)
{
	unsigned known = listing->count;

	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		struct listed listed = { .pc = map->at[i].pc,
					 .boundary = &map->at[i],
					 .outside = !in_text(text, map->at[i].pc) };

		if (!listed.pc || bsearch(&listed, listing->at, known, sizeof(listed), by_place))
			continue;
		listed.length = (uint16_t)listing_instruction(listed.pc, listed.text, sizeof(listed.text));
		list(listing, &listed);
	}
}

static size_t most_of(const struct text_range *text)
{
	size_t most = BOUNDARIES_MAX;

	for (; text && text->start; text++)
		most += (uintptr_t)text->end - (uintptr_t)text->start;
	return most;
}

struct listing *listing_make(const struct text_range *text, const struct boundaries *map)
{
	struct listing *listing = calloc(1, sizeof(*listing) + most_of(text) * sizeof(listing->at[0]));
	struct decoder decoder;

	if (!listing)
		return NULL;
	if (text && decoder_open(&decoder)) {
		listing->disassembled = true;
		for (const struct text_range *range = text; range->start; range++)
			listing->disassembled &= list_range(listing, &decoder, range, map);
		decoder_close(&decoder);
	}
	/* Ranges come in any order, and the search needs theirs. */
	qsort(listing->at, listing->count, sizeof(listing->at[0]), by_place);
	list_others(listing, text, map);
	qsort(listing->at, listing->count, sizeof(listing->at[0]), by_place);
	for (unsigned i = 0; i < listing->count; i++) {
		listing->within += !listing->at[i].outside;
		listing->reached += listing_strikes(listing->at[i].boundary) > 0;
	}
	return listing;
}

uint64_t listing_strikes(const struct boundary *boundary)
{
	uint64_t sum = 0;

	for (unsigned tier = 0; boundary && tier < TIERS; tier++)
		sum += boundary->strikes[tier];
	return sum;
}
