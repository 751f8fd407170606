/* SPDX-License-Identifier: MIT */
/*
 * payload.h - payloads that verify themselves: who wrote them, in which order, and every byte (pure)
 */
#ifndef STRESS_PAYLOAD_H
#define STRESS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MIN 16u /* bytes; sizes are multiples of 8 */

/* Fill @size bytes at @payload, as record number @sequence of @lane into the ring named @stream. */
void payload_fill(void *payload, size_t size, uint32_t stream, unsigned lane, uint64_t sequence);

/* Whether the payload is whole and of this ring; if so tell whose it is. Reads @size bytes, trusts none. */
bool payload_verify(const void *payload, size_t size, uint32_t stream, unsigned *lane, uint64_t *sequence);

#endif /* STRESS_PAYLOAD_H */
