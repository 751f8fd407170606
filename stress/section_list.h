/* SPDX-License-Identifier: MIT */
/*
 * section_list.h - the restartable sequences that are linked into this program
 */
#ifndef STRESS_SECTION_LIST_H
#define STRESS_SECTION_LIST_H

#include <stdint.h>

#include "targets/target.h"

/* Call @tell with the address at which @target's write goes on when a strike into one of its sequences has come. */
void section_list_aborts(const struct target *target, void (*tell)(void *context, uint64_t pc), void *context);

#endif /* STRESS_SECTION_LIST_H */
