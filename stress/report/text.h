/* SPDX-License-Identifier: MIT */
/*
 * text.h - what the parts of the text report share
 */
#ifndef STRESS_REPORT_TEXT_H
#define STRESS_REPORT_TEXT_H

#include <stddef.h>

#include "report/report.h"

/* ---- text_line.c ---- */

/* A text being put together; too long a one is cut. */
struct line {
	char text[4096];
	size_t at;
};

__attribute__((format(printf, 2, 3))) void line_add(struct line *line, const char *format, ...);

/*
 * line_put - print @line in lines of some 100 columns, and empty it
 * @head: what the first line begins with; takes @indent columns at least
 * @indent: blanks that the other lines begin with
 * @gap: a line is broken only where so many blanks stand
 */
void line_put(struct line *line, FILE *out, const char *head, int indent, int gap);

/* "" or "s" */
const char *plural(uint64_t count);
uint64_t per_second(uint64_t count, uint64_t ns);
/* @part / @whole, 0 of nothing. */
double share_of(uint64_t part, uint64_t whole);
/* All interrupts, of all classes. */
uint64_t strikes_of(const struct counts *counts);

/* Whether all results are of one tier: then the line above the table names it, and no other place need. */
bool one_tier(const struct report *report);
/* Why nothing ran in @tier, when one and the same reason kept all its targets from it; else NULL. */
const char *tier_obstacle(const struct report *report, enum tier tier);

/* ---- text_detail.c ---- */

/* Below the table: what was seen, what else happened, and with --verbose everything. */
void text_details(const struct report *report, FILE *out, const struct text_style *style);

/* ---- text_map.c ---- */

/* The boundary map of each target. */
void text_map(const struct report *report, FILE *out);

#endif /* STRESS_REPORT_TEXT_H */
