/* SPDX-License-Identifier: MIT */
/*
 * check_number.c - numbers as people read and type them
 */
#include <errno.h>
#include <stdlib.h>

#include "number.h"
#include "suite.h"

START_TEST(grouped)
{
	ck_assert_str_eq(number_grouped(0).text, "0");
	ck_assert_str_eq(number_grouped(999).text, "999");
	ck_assert_str_eq(number_grouped(1000).text, "1,000");
	ck_assert_str_eq(number_grouped(123456).text, "123,456");
	ck_assert_str_eq(number_grouped(1234567).text, "1,234,567");
	ck_assert_str_eq(number_grouped(UINT64_MAX).text, "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(short_form)
{
	ck_assert_str_eq(number_short(0).text, "0");
	ck_assert_str_eq(number_short(57120).text, "57,120");
	ck_assert_str_eq(number_short(99999).text, "99,999");
	ck_assert_str_eq(number_short(100000).text, "100 k");
	ck_assert_str_eq(number_short(61234567).text, "61.2 M");
	ck_assert_str_eq(number_short(612345678).text, "612 M");
	ck_assert_str_eq(number_short(61234567890).text, "61.2 G");
	ck_assert_str_eq(number_short(61234567890123).text, "61.2 T");
}
END_TEST

START_TEST(duration)
{
	ck_assert_str_eq(number_duration(0).text, "0 ns");
	ck_assert_str_eq(number_duration(999).text, "999 ns");
	ck_assert_str_eq(number_duration(1500).text, "1.5 us");
	ck_assert_str_eq(number_duration(3112000).text, "3.1 ms");
	ck_assert_str_eq(number_duration(250000000).text, "250 ms");
	ck_assert_str_eq(number_duration(10000000000).text, "10.0 s");
	ck_assert_str_eq(number_duration(3600000000000).text, "3600 s");
}
END_TEST

/* Rounding up reaches the next unit, not a fourth digit. */
START_TEST(rounded_up)
{
	ck_assert_str_eq(number_short(999400).text, "999 k");
	ck_assert_str_eq(number_short(999999).text, "1.0 M");
	ck_assert_str_eq(number_short(999999999).text, "1.0 G");
	ck_assert_str_eq(number_short(99960000).text, "100 M");
	ck_assert_str_eq(number_duration(999400).text, "999 us");
	ck_assert_str_eq(number_duration(999999).text, "1.0 ms");
	ck_assert_str_eq(number_duration(999999999).text, "1.0 s");
}
END_TEST

START_TEST(percent)
{
	ck_assert_str_eq(number_percent(0).text, "0 %");
	ck_assert_str_eq(number_percent(1).text, "100 %");
	ck_assert_str_eq(number_percent(0.961).text, "96 %");
	ck_assert_str_eq(number_percent(0.0012).text, "0.12 %");
	/* Never "all" and never "none" for what is only nearly so. */
	ck_assert_str_eq(number_percent(0.99999).text, "99.9 %");
	ck_assert_str_ne(number_percent(1e-9).text, "0 %");
}
END_TEST

/* What is expected of a text: a status and, where that is 0, a value. */
struct parsed {
	const char *text;
	int rc;
	uint64_t value;
};

#define CHECK_TABLE(table, call)                                                                                       \
	for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++) {                                              \
		const struct parsed *t = &(table)[i];                                                                  \
		uint64_t value = 42;                                                                                   \
                                                                                                                       \
		ck_assert_msg((call) == t->rc, "\"%s\": another status than %d", t->text, t->rc);                      \
		ck_assert_msg(t->rc || value == t->value, "\"%s\": %llu", t->text, (unsigned long long)value);         \
	}

START_TEST(parse_ns)
{
	static const struct parsed table[] = {
		{ "0", 0, 0 },
		{ "2", 0, 2000000000 },
		{ "2s", 0, 2000000000 },
		{ "1.5ms", 0, 1500000 },
		{ ".5s", 0, 500000000 },
		{ "250us", 0, 250000 },
		{ "7ns", 0, 7 },
		{ "10m", 0, 600000000000 },
		{ "10min", 0, 600000000000 },
		{ "1h", 0, 3600000000000 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "1s1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1..5s", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 }, /* number.h: digits, an optional fraction, a unit */
		{ "99999999999999999999h", -ERANGE, 0 },
		{ "20000000000s", -ERANGE, 0 },
	};

	CHECK_TABLE(table, number_parse_ns(t->text, &value));
}
END_TEST

START_TEST(parse_whole)
{
	static const struct parsed table[] = {
		{ "3", 0, 3 },        { "100", 0, 100 },     { "0x40", 0, 64 },
		{ "0X40", 0, 64 },    { "010", 0, 10 }, /* decimal: nobody means octal */
		{ "2", -ERANGE, 0 },  { "101", -ERANGE, 0 }, { "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },   { "0x", -EINVAL, 0 },  { "-3", -EINVAL, 0 },
		{ "+3", -EINVAL, 0 }, { " 3", -EINVAL, 0 },  { "3 ", -EINVAL, 0 },
		{ "3x", -EINVAL, 0 }, { "3.0", -EINVAL, 0 },
	};
	uint64_t most;

	CHECK_TABLE(table, number_parse(t->text, 3, 100, &value));
	ck_assert_int_eq(number_parse("18446744073709551615", 0, UINT64_MAX, &most), 0);
	ck_assert(most == UINT64_MAX);
	/* An errno left over from something else is not an error of this. */
	errno = ERANGE;
	ck_assert_int_eq(number_parse("3", 0, 10, &most), 0);
}
END_TEST

START_TEST(parse_share)
{
	static const struct {
		const char *text;
		int rc;
		double share;
	} table[] = {
		{ "0", 0, 0 },          { "1", 0, 1 },          { "0.5", 0, 0.5 },     { ".25", 0, 0.25 },
		{ "50%", 0, 0.5 },      { "100%", 0, 1 },       { "12.5%", 0, 0.125 }, { "1.01", -ERANGE, 0 },
		{ "101%", -ERANGE, 0 }, { "50", -ERANGE, 0 },   { "", -EINVAL, 0 },    { "%", -EINVAL, 0 },
		{ "-0.1", -EINVAL, 0 }, { "0.5x", -EINVAL, 0 }, { "5%%", -EINVAL, 0 }, { "nan", -EINVAL, 0 },
		{ "half", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		double share = 42;

		ck_assert_msg(number_parse_share(table[i].text, &share) == table[i].rc,
			      "\"%s\": another status than %d", table[i].text, table[i].rc);
		ck_assert_msg(table[i].rc || share == table[i].share, "\"%s\": %g", table[i].text, share);
	}
}
END_TEST

START_TEST(parse_size)
{
	static const struct parsed table[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "64K", 0, 65536 },
		{ "64k", 0, 65536 },
		{ "64KiB", 0, 65536 },
		{ "64KB", 0, 65536 },
		{ "1M", 0, 1048576 },
		{ "2G", 0, 2147483648 },
		{ "17179869183G", 0, 17179869183ull << 30 },
		{ "17179869184G", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1KiBs", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "1.5K", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	CHECK_TABLE(table, number_parse_size(t->text, &value));
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("number");
	TCase *print = suite_case(suite, "print");
	TCase *parse = suite_case(suite, "parse");

	tcase_add_test(print, grouped);
	tcase_add_test(print, short_form);
	tcase_add_test(print, duration);
	tcase_add_test(print, rounded_up);
	tcase_add_test(print, percent);
	tcase_add_test(parse, parse_ns);
	tcase_add_test(parse, parse_whole);
	tcase_add_test(parse, parse_share);
	tcase_add_test(parse, parse_size);
	return suite;
}
