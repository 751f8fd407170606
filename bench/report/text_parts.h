/* SPDX-License-Identifier: MIT */
/*
 * text_parts.h - what the parts of the report for people share
 */
#ifndef BENCH_REPORT_TEXT_PARTS_H
#define BENCH_REPORT_TEXT_PARTS_H

#include "reports.h"

/* Payloads beside each other; more come in further tables. */
#define COLUMNS 4u

/* "1.23", three digits at least, into @text of @size bytes. */
const char *digits(char *text, size_t size, double value);
/* "1.23 [1.20 1.27]", right-aligned. */
void print_estimate(FILE *out, const struct estimate *estimate, int width);

/* ---- table.c ---- */

void print_tables(const struct bench_report *report, FILE *out);

#endif /* BENCH_REPORT_TEXT_PARTS_H */
