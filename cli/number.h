/* SPDX-License-Identifier: MIT */
/*
 * number.h - numbers as people read and type them (pure)
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdint.h>

/* A number as text, held by value, so that several stand in one call. */
struct number {
	char text[40];
};

/* 1234567 -> "1,234,567" */
struct number number_grouped(uint64_t value);

/* 61234567 -> "61.2 M"; three digits at least, exact below 100,000 ("57,120") */
struct number number_short(uint64_t value);

/* 3112000 -> "3.1 ms" */
struct number number_duration(uint64_t ns);

/* 0.961 -> "96 %"; 0.0012 -> "0.12 %" */
struct number number_percent(double share);

/*
 * number_parse_ns - a time: digits with an optional fraction and unit (ns, us, ms, s, m, h; without one: s)
 *
 * Return: 0, or -EINVAL when it is none, -ERANGE when it does not fit into 64 bits of nanoseconds.
 */
int number_parse_ns(const char *text, uint64_t *ns);

/* A whole number in [@min, @max], decimal or 0x. Return: 0, -EINVAL or -ERANGE. */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* A share from 0 to 1, or with a percent sign. Return: 0, -EINVAL or -ERANGE. */
int number_parse_share(const char *text, double *share);

/* Bytes, with an optional K, M or G (powers of 1024). Return: 0, -EINVAL or -ERANGE. */
int number_parse_size(const char *text, uint64_t *bytes);

#endif /* CLI_NUMBER_H */
