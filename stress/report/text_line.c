/* SPDX-License-Identifier: MIT */
/*
 * text_line.c - putting together what the text report prints
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <string.h>

#include "report/text.h"

/* Lines are broken before this column, so that a terminal need not. */
#define WIDTH 112

void line_add(struct line *line, const char *format, ...)
{
	size_t room = sizeof(line->text) - line->at;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->at, room, format, args);
	va_end(args);
	if (length > 0)
		line->at += (size_t)length < room ? (size_t)length : room - 1;
}

/* Length of @text up to the next @gap blanks. */
static int piece_length(const char *text, int gap)
{
	int blanks = 0;

	for (int i = 0; text[i]; i++) {
		blanks = text[i] == ' ' ? blanks + 1 : 0;
		if (blanks == gap)
			return i + 1 - gap;
	}
	return (int)strlen(text);
}

void line_put(struct line *line, FILE *out, const char *head, int indent, int gap)
{
	int column = fprintf(out, "%-*s", indent, head);
	const char *text = line->text;

	line->text[line->at] = '\0';
	while (text[strspn(text, " ")]) {
		int blanks = (int)strspn(text, " ");
		int length = piece_length(text + blanks, gap);

		text += blanks;
		if (column > indent && column + blanks + length > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			blanks = 0;
		}
		column += fprintf(out, "%*s%.*s", blanks, "", length, text);
		text += length;
	}
	fputc('\n', out);
	line->at = 0;
}

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

uint64_t per_second(uint64_t count, uint64_t ns)
{
	return ns ? (uint64_t)((double)count * 1e9 / (double)ns) : 0;
}

double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

uint64_t strikes_of(const struct counts *counts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < STRIKE_CLASSES; i++)
		sum += counts->by_class[i].strikes;
	return sum;
}

bool one_sampled_tier(const struct report *report)
{
	unsigned tiers = 0;

	for (size_t i = 0; i < report->count; i++)
		if (report->results[i].tier != TIER_STEP)
			tiers |= 1u << report->results[i].tier;
	return !(tiers & (tiers - 1));
}

const char *tier_obstacle(const struct report *report, enum tier tier)
{
	const char *reason = NULL;

	for (size_t i = 0; i < report->count; i++) {
		const struct target_result *result = &report->results[i];

		if (result->tier != tier)
			continue;
		if (!result->skipped)
			return NULL;
		reason = reason ? reason : result->message;
	}
	return reason;
}

bool any_sampled(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->results[i].tier != TIER_STEP)
			return true;
	return false;
}

void text_name(const struct report *report, const struct target_result *result, char *head, size_t size)
{
	snprintf(head, size, "  %.40s%s: ", result->name, report->run->sight[result->tier].note);
}
