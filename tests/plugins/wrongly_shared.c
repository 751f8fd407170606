/* SPDX-License-Identifier: MIT */
/*
 * wrongly_shared.c - examples/plugins/sound.c, with a claim that is not true: that threads may share its writing side.
 * Its nesting count is good between a thread and its handlers only.
 */
#define NAME "wrongly-shared"
#define LOOKS_AGAIN 1
#define FLAGS NRB_PLUGIN_SHARED_WRITERS
#include "../../examples/plugins/sound.c"
