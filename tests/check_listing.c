/* SPDX-License-Identifier: MIT */
/*
 * check_listing.c - listings of a write path that is known byte by byte
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "suite.h"

#ifdef __x86_64__
#define MISSING NULL
/* Two functions, with filling behind each, and a nop that is none. */
__asm__(".pushsection nrb_path_listed, \"ax\", @progbits\n"
	"	nop\n"
	"	movq %rax, 8(%rdx)\n"
	"	jmp 1f\n"
	"	nopl 0x0(%rax)\n"
	"1:	ret\n"
	"	nop\n"
	"	int3\n"
	"	cmpxchgq %rcx, (%rdx)\n"
	"	je 1b\n"
	"	ret\n"
	".popsection\n");
extern const char __start_nrb_path_listed[], __stop_nrb_path_listed[];
#else
#define MISSING "the instructions of this test are x86-64's"
static const char __start_nrb_path_listed[32], __stop_nrb_path_listed[1];
#endif

#ifdef HAVE_CAPSTONE
#define DISASSEMBLED 1
#else
#define DISASSEMBLED 0
#endif

static const struct {
	unsigned offset;
	const char *text;
	bool filling;
} known[] = {
	{ 0, "nop", false },   { 1, "movq %rax, 8(%rdx)", false },
	{ 5, "jmp ", false },  { 7, "nopl (%rax)", true },
	{ 10, "retq", false }, { 11, "nop", true },
	{ 12, "int3", true },  { 13, "cmpxchgq %rcx, (%rdx)", false },
	{ 17, "je ", false },  { 19, "retq", false },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))
#define FILLINGS 3

static const struct text_range text[] = { { __start_nrb_path_listed, __stop_nrb_path_listed }, { NULL, NULL } };
static struct boundaries map;

static void clear(void)
{
	memset(&map, 0, sizeof(map));
}

static uint64_t at(unsigned offset)
{
	return (uint64_t)(uintptr_t)__start_nrb_path_listed + offset;
}

static struct listing *make(const struct text_range *of)
{
	struct listing *listing = listing_make(of, &map);

	ck_assert_ptr_nonnull(listing);
	ck_assert(listing->disassembled == (DISASSEMBLED && of));
	for (unsigned i = 1; i < listing->count; i++)
		ck_assert(listing->at[i].outside > listing->at[i - 1].outside ||
			  (listing->at[i].outside == listing->at[i - 1].outside &&
			   listing->at[i].pc > listing->at[i - 1].pc));
	return listing;
}

START_TEST(untouched)
{
	struct listing *listing = make(text);
	unsigned i = 0;

	ck_assert_uint_eq(listing->count, DISASSEMBLED ? KNOWN - FILLINGS : 0);
	ck_assert_uint_eq(listing->within, listing->count);
	ck_assert_uint_eq(listing->reached, 0);
	for (unsigned k = 0; k < KNOWN && DISASSEMBLED; k++) {
		if (known[k].filling)
			continue;
		ck_assert_uint_eq(listing->at[i].pc, at(known[k].offset));
		ck_assert_msg(!strncmp(listing->at[i].text, known[k].text, strlen(known[k].text)), "%s in place of %s",
			      listing->at[i].text, known[k].text);
		ck_assert_ptr_null(listing->at[i].boundary);
		i++;
	}
	free(listing);
}
END_TEST

START_TEST(struck)
{
	struct listing *listing;
	unsigned filling = 0, middle = 0;

	/* Where it should be, in what seemed to be no code, in the middle of an instruction, in the C library, and
	 * where there is nothing. */
	boundaries_strike(&map, at(1), TIER_TIMER);
	boundaries_strike(&map, at(11), TIER_STEP);
	boundaries_strike(&map, at(2), TIER_KICK);
	boundaries_strike(&map, (uint64_t)(uintptr_t)&qsort, TIER_TIMER);
	boundaries_strike(&map, 8, TIER_TIMER);
	boundaries_get(&map, at(13))->exposed = true;
	listing = make(text);
	ck_assert_uint_eq(listing->reached, 5);
	ck_assert_uint_eq(listing->count - listing->within, 2);
	ck_assert_uint_eq(listing->within, DISASSEMBLED ? KNOWN - FILLINGS + 2 : 4);
	for (unsigned i = 0; i < listing->count; i++) {
		const struct listed *listed = &listing->at[i];

		filling += listed->pc == at(11);
		middle += listed->pc == at(2);
		ck_assert(listed->outside == (i >= listing->within));
		if (listed->pc == at(1))
			ck_assert(listed->boundary && listed->boundary->strikes[TIER_TIMER] == 1);
		if (listed->pc == at(13))
			ck_assert(listed->boundary && listed->boundary->exposed && !listing_strikes(listed->boundary));
	}
	ck_assert(filling == 1 && middle == 1);
	ck_assert_uint_eq(listing->at[listing->within].pc, 8);
	ck_assert_str_eq(listing->at[listing->within].text, "");
	ck_assert((listing->at[listing->within + 1].text[0] != 0) == DISASSEMBLED);
	free(listing);
}
END_TEST

START_TEST(without_ranges)
{
	struct listing *listing;

	boundaries_strike(&map, at(1), TIER_TIMER);
	listing = make(NULL);
	ck_assert_uint_eq(listing->count, 1);
	ck_assert_uint_eq(listing->within, 0);
	ck_assert(listing->at[0].outside);
	free(listing);
}
END_TEST

START_TEST(one_instruction)
{
	char line[64], tiny[4];

	for (unsigned k = 0; k < KNOWN; k++) {
		int length = listing_instruction(at(known[k].offset), line, sizeof(line));

		if (!DISASSEMBLED) {
			ck_assert(length == 0 && !line[0]);
			continue;
		}
		ck_assert_msg(!strncmp(line, known[k].text, strlen(known[k].text)), "%s", line);
		ck_assert(k == KNOWN - 1 || length == (int)(known[k + 1].offset - known[k].offset));
	}
	listing_instruction(at(1), tiny, sizeof(tiny));
	ck_assert_uint_lt(strlen(tiny), sizeof(tiny));
	ck_assert_int_eq(listing_instruction(8, line, sizeof(line)), 0);
	ck_assert_str_eq(line, "");
	ck_assert_int_eq(listing_instruction(0, line, sizeof(line)), 0);
	ck_assert_int_eq(listing_instruction(UINT64_MAX, line, sizeof(line)), 0);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("listing");
	TCase *tcase = suite_case(suite, "listing");

	tcase_add_checked_fixture(tcase, clear, NULL);
	suite_add(tcase, untouched, MISSING);
	suite_add(tcase, struck, MISSING);
	suite_add(tcase, without_ranges, MISSING);
	suite_add(tcase, one_instruction, MISSING);
	return suite;
}
