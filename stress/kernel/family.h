/* SPDX-License-Identifier: MIT */
/*
 * family.h - the kernel's functions that a write into a ring goes through, and which of them an address lies in
 */
#ifndef STRESS_KERNEL_FAMILY_H
#define STRESS_KERNEL_FAMILY_H

#include <stdio.h>

#include "kernel/kernel_result.h"

/*
 * family_read - find them in a list of symbols as /proc/kallsyms gives it
 * @list: read to its end
 * @result: receives functions; what is told of hits is all 0
 *
 * Which of them the compiler inlined varies from kernel to kernel, so that all are taken whose names begin with
 * perf_output_. Where none of its own puts the handle, the one does that ends an output.
 *
 * Return: 0; -EACCES: all addresses are hidden; -ENOENT: there is no such function.
 */
int family_read(FILE *list, struct kernel_result *result);

/* The function that @pc lies in, or NULL. */
struct kernel_function *family_find(struct kernel_result *result, uint64_t pc);

#endif /* STRESS_KERNEL_FAMILY_H */
