/* SPDX-License-Identifier: MIT */
/*
 * text_step.c - what stepping has found, and the shortest way to it
 */
#include "report/text.h"

#include <inttypes.h>
#include <string.h>

#include "number.h"
#include "step/scenario.h"
#include "symbol.h"

void text_end(struct line *line, enum violation kind, uint64_t signal, uint64_t pc)
{
	struct symbol symbol;
	char text[320];

	if (kind == CRASH && signal)
		line_add(line, "signal %d (%s)", (int)signal, strsignal((int)signal));
	else
		line_add(line, kind == CRASH ? "it ended the process, or its thread" : "it did not come back");
	if (!pc)
		return;
	symbol_find(pc, &symbol);
	line_add(line, ", at %s", symbol_print(&symbol, text, sizeof(text)));
}

static void put_witness(const struct witness *witness, FILE *out)
{
	struct line line = { .at = 0 };
	struct symbol symbol;
	char text[320], head[64];

	line_add(&line, "ring state \"%s\"", scenarios[witness->scenario].name);
	for (unsigned i = 0; i < witness->count; i++) {
		const struct witness_strike *strike = &witness->strike[i];

		symbol_find(strike->pc, &symbol);
		if (strike->release)
			line_add(&line, ", the consumer releases after %u instructions of level %u, at %s",
				 strike->boundary, strike->level, symbol_print(&symbol, text, sizeof(text)));
		else
			line_add(&line, ", level %u struck after %u instructions, at %s", strike->level,
				 strike->boundary, symbol_print(&symbol, text, sizeof(text)));
	}
	line_add(&line, "%s: ", witness->count ? "" : ", not struck at all");
	if (VIOLATION_ENDS & VIOLATION_BIT(witness->kind)) {
		if (witness->boundary)
			line_add(&line, "in instruction %u of level %u, ", witness->boundary, witness->level);
		text_end(&line, witness->kind, witness->before, witness->after);
	} else {
		line_add(&line, "seen after instruction %u of level %u, 0x%" PRIx64 ", then 0x%" PRIx64,
			 witness->boundary, witness->level, witness->before, witness->after);
	}
	snprintf(head, sizeof(head), "    %s: ", violation_name(witness->kind));
	line_put(&line, out, head, 6, 1);
}

void text_stepped(const struct report *report, size_t at, bool all, FILE *out)
{
	const struct target_result *result = &report->results[at];
	bool sound = result->claim == CLAIM_SOUND;
	uint32_t known = result->expected | result->allowed;
	struct line line = { .at = 0 };
	char head[64];

	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		uint64_t found = result->step.found[kind];

		if (found)
			line_add(&line, "%s%s in %s state%s", line.at ? ", " : "", violation_name(kind),
				 number_grouped(found).text, plural(found));
	}
	text_name(report, result, head, sizeof(head));
	line_put(&line, out, head, (int)strlen(head), 1);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		bool news = sound || !(known & VIOLATION_BIT(kind)) || result->expected & VIOLATION_BIT(kind);

		if (result->step.witness[kind].known && (all || news))
			put_witness(&result->step.witness[kind], out);
	}
	if (sound)
		fprintf(out, "    (--witness=FILE keeps these ways, --replay=FILE tells them step by step)\n");
}
