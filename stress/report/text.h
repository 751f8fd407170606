/* SPDX-License-Identifier: MIT */
/*
 * text.h - what the parts of the text report share
 */
#ifndef STRESS_REPORT_TEXT_H
#define STRESS_REPORT_TEXT_H

#include <stddef.h>

#include "report/report.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[m"

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
bool one_sampled_tier(const struct report *report);
/* Why nothing ran in @tier, the first reason of several; NULL: something did. */
const char *tier_obstacle(const struct report *report, enum tier tier);

/* Whether some result is of a tier that runs in slices. */
bool any_sampled(const struct report *report);

/* "  legacy: ", or "  legacy (aim): " where there are several tiers. */
void text_name(const struct report *report, const struct target_result *result, char *head, size_t size);

/* ---- text_table.c ---- */

/* A line for each target: what stepping came to, and what the sampled tiers did. */
void text_tables(const struct report *report, FILE *out, bool color);

/* ---- text_detail.c ---- */

/* Below the table: what was seen, what else happened, and with --verbose everything. */
void text_details(const struct report *report, FILE *out, const struct text_style *style);

/* ---- text_step.c ---- */

/* What stepping has found of results[@at], and the shortest way to it; @all: to each violation. */
void text_stepped(const struct report *report, size_t at, bool all, FILE *out);
/* How a plug-in's code ended, CRASH or HANG, at the program counter @pc; 0: not known. */
void text_end(struct line *line, enum violation kind, uint64_t signal, uint64_t pc);

/* ---- text_kernel.c ---- */

/* The line of the head that tells how the kernel tier ran. */
void text_kernel_tier(const struct report *report, FILE *out);
/* What struck where in the kernel, and what weakens it; @all: each place. */
void text_kernel(const struct report *report, bool all, FILE *out);

/* ---- text_map.c ---- */

/* The boundary map of each target. */
void text_map(const struct report *report, FILE *out);

#endif /* STRESS_REPORT_TEXT_H */
