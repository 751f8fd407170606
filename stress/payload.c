/* SPDX-License-Identifier: MIT */
#include "payload.h"

#include <string.h>

#include "words.h"

/* A mixer of 64 bits: every bit of the input reaches every bit of the output (Stafford's variant 13). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* Distinct for what is distinct here: sequence numbers stay far below 2^40, so the two never meet. */
static uint64_t key_of(uint32_t stream, unsigned lane, uint64_t sequence, size_t size)
{
	uint64_t which = (uint64_t)stream << 32 | (uint64_t)lane << 24 | size;

	return mix(sequence + which * 0x9e3779b97f4a7c15ull);
}

/* Word 0: the sequence number. Word 1: lane, and the key's upper part as a check. Then a pattern from the key. */
static uint64_t second_word(uint64_t key, unsigned lane)
{
	return (key & ~(uint64_t)0xff) | lane;
}

static uint64_t pattern(uint64_t key, size_t word)
{
	return key + word * 0x9e3779b97f4a7c15ull;
}

void payload_fill(void *payload, size_t size, uint32_t stream, unsigned lane, uint64_t sequence)
{
	uint64_t key = key_of(stream, lane, sequence, size);
	unsigned char *out = payload;
	uint64_t word = second_word(key, lane);

	memcpy(out, &sequence, 8);
	memcpy(out + 8, &word, 8);
	for (size_t i = 2; i < size / 8; i++) {
		word = pattern(key, i);
		memcpy(out + 8 * i, &word, 8);
	}
}

bool payload_verify(const void *payload, size_t size, uint32_t stream, unsigned *lane, uint64_t *sequence)
{
	const unsigned char *in = payload;
	uint64_t number, word, key;

	if (size < PAYLOAD_MIN || size % 8)
		return false;
	memcpy(&number, in, 8);
	memcpy(&word, in + 8, 8);
	if ((word & 0xff) >= LANES)
		return false;
	*lane = (unsigned)(word & 0xff);
	*sequence = number;
	key = key_of(stream, *lane, number, size);
	if (word != second_word(key, *lane))
		return false;
	for (size_t i = 2; i < size / 8; i++) {
		memcpy(&word, in + 8 * i, 8);
		if (word != pattern(key, i))
			return false;
	}
	return true;
}
