/* SPDX-License-Identifier: MIT */
/*
 * broken.c - sound.c, but for one look: who strikes between the load of "reserved" and the end of the nesting leaves
 * its record to the writer that it interrupted, and that one does not look again. It stays invisible until the next
 * write.
 */
#define NAME "broken"
#define LOOKS_AGAIN 0
#define FLAGS 0
#include "sound.c"
