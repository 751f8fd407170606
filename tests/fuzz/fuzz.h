/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what fuzz targets have in common: an input that is taken byte by byte, and a check that ends the process
 *
 * A target is one file with LLVMFuzzerTestOneInput(). libFuzzer calls it, or replay.c with the inputs that are kept.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The folder of inputs that are kept, in tests/fuzz/corpus/. */
extern const char fuzz_name[];

struct input {
	const uint8_t *at;
	size_t left;
};

/* The next @bytes as a number, the lowest first; zeros where the input has ended. */
static inline uint64_t input_take(struct input *input, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && input->left; i++, input->at++, input->left--)
		value |= (uint64_t)*input->at << 8 * i;
	return value;
}

/* libFuzzer keeps the input that led here. */
#define fuzz_require(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #condition);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#endif /* TESTS_FUZZ_FUZZ_H */
