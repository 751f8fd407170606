/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct number number_grouped(uint64_t value)
{
	char digits[24];
	struct number out;
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out.text[at++] = ',';
		out.text[at++] = digits[i];
	}
	out.text[at] = '\0';
	return out;
}

/* A unit that numbers are told in. */
struct unit {
	double size;
	const char *name;
};

/* @value in the first of @units that it comes to one of; what rounds up to a thousand is told in the next larger. */
static struct number in_units(double value, const struct unit *units, size_t count, struct number fallback)
{
	struct number out = fallback;

	for (size_t i = 0; i < count; i++) {
		double scaled = value / units[i].size;

		if (scaled < 0.9995)
			continue;
		snprintf(out.text, sizeof(out.text), scaled < 99.95 ? "%.1f %s" : "%.0f %s", scaled, units[i].name);
		break;
	}
	return out;
}

struct number number_short(uint64_t value)
{
	static const struct unit units[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };

	if (value < 100000)
		return number_grouped(value);
	return in_units((double)value, units, sizeof(units) / sizeof(units[0]), number_grouped(value));
}

struct number number_duration(uint64_t ns)
{
	static const struct unit units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
	struct number exact;

	snprintf(exact.text, sizeof(exact.text), "%" PRIu64 " ns", ns);
	return in_units((double)ns, units, sizeof(units) / sizeof(units[0]), exact);
}

struct number number_percent(double share)
{
	double percent = share * 100;
	struct number out;

	/* Never "100 %" or "0 %" for what is only nearly so. */
	if (percent > 99 && percent < 100)
		snprintf(out.text, sizeof(out.text), "%.1f %%", floor(percent * 10) / 10);
	else
		snprintf(out.text, sizeof(out.text), percent >= 10 ? "%.0f %%" : "%.2g %%", percent);
	return out;
}

/* A decimal number without sign, so that "-1", "nan" and "inf" are refused. */
static int parse_decimal(const char *text, double *value, char **end)
{
	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return -EINVAL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return -EINVAL;
	*value = strtod(text, end);
	/* Nor an exponent. */
	return *end == text || strspn(text, "0123456789.") != (size_t)(*end - text) || !isfinite(*value) ? -EINVAL : 0;
}

int number_parse_ns(const char *text, uint64_t *ns)
{
	static const struct unit units[] = { { 1e9, "" }, { 1e9, "s" },  { 1e6, "ms" },   { 1e3, "us" },
					     { 1, "ns" }, { 60e9, "m" }, { 60e9, "min" }, { 3600e9, "h" } };
	double value;
	char *end;

	if (parse_decimal(text, &value, &end))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		value *= units[i].size;
		if (value >= 9.2e18)
			return -ERANGE;
		*ns = (uint64_t)llround(value);
		return 0;
	}
	return -EINVAL;
}

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	if (*end)
		return -EINVAL;
	return errno == ERANGE || *value < min || *value > max ? -ERANGE : 0;
}

int number_parse_share(const char *text, double *share)
{
	char *end;

	if (parse_decimal(text, share, &end))
		return -EINVAL;
	if (!strcmp(end, "%"))
		*share /= 100;
	else if (*end)
		return -EINVAL;
	return *share > 1 ? -ERANGE : 0;
}

int number_parse_size(const char *text, uint64_t *bytes)
{
	unsigned shift = 0;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	switch (*end) {
	case 'K':
	case 'k': shift = 10; break;
	case 'M':
	case 'm': shift = 20; break;
	case 'G':
	case 'g': shift = 30; break;
	case '\0': return 0;
	default: return -EINVAL;
	}
	if (end[1] && strcmp(end + 1, "iB") && strcmp(end + 1, "B"))
		return -EINVAL;
	if (*bytes > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes <<= shift;
	return 0;
}
