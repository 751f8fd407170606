/* SPDX-License-Identifier: MIT */
/*
 * module.h - the program and the libraries that it runs with: which build they are, and where an address lies in them
 */
#ifndef STRESS_MODULE_H
#define STRESS_MODULE_H

#include <stdbool.h>
#include <stdint.h>

/* A build-id is a SHA-1 sum in most cases; longer ones are cut. */
#define MODULE_ID_SIZE 65

struct module_place {
	char module[64];               /* the file's name without its directory; the program's own is "" */
	uint64_t offset;               /* as addresses in that file count */
	char build_id[MODULE_ID_SIZE]; /* hexadecimal; empty: it has none */
};

/* Return: false when @pc lies in no module. */
bool module_find(uint64_t pc, struct module_place *place);

/* The address of place->offset in place->module, in this process. Return: 0 when there is no such module. */
uint64_t module_address(const struct module_place *place);

/* The program's own build-id; empty: it has none. */
void module_program_id(char build_id[MODULE_ID_SIZE]);

#endif /* STRESS_MODULE_H */
