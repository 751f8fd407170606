/* SPDX-License-Identifier: MIT */
/*
 * symbol.h - program counters as function, file and line
 *
 * Used after a run, by the process that ran it: addresses are those of this process and of the children it forked.
 */
#ifndef STRESS_SYMBOL_H
#define STRESS_SYMBOL_H

#include <stdint.h>

struct symbol {
	char function[96]; /* "legacy_write+0x9c"; without symbols "stress+0x4a1c", module and offset */
	char inlined[64];  /* the innermost function inlined there, e.g. "publish_legacy"; may be empty */
	char place[128];   /* "stress/targets/legacy.c:41"; empty without debug information */
};

/* Look up @pc; always fills @symbol with something printable. */
void symbol_find(uint64_t pc, struct symbol *symbol);

/* "legacy_write+0x9c (publish_legacy, stress/targets/legacy.c:41)" */
const char *symbol_print(const struct symbol *symbol, char *text, unsigned size);

/* Free what lookups have loaded. */
void symbol_close(void);

#endif /* STRESS_SYMBOL_H */
