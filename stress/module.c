/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "module.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

struct search {
	uint64_t pc;
	const char *name; /* NULL: the module that @pc lies in */
	struct module_place *place;
	uint64_t base;
	bool found;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Notes are words: lengths of name and content, a type, the name and the content, each padded. */
static void read_notes(const char *at, uint64_t size, char build_id[MODULE_ID_SIZE])
{
	ElfW(Nhdr) note;

	while (size >= sizeof(note)) {
		uint64_t name, length;

		memcpy(&note, at, sizeof(note));
		name = (note.n_namesz + 3ull) & ~3ull;
		length = sizeof(note) + name + ((note.n_descsz + 3ull) & ~3ull);
		if (length > size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(at + sizeof(note), "GNU", 4)) {
			const unsigned char *id = (const unsigned char *)at + sizeof(note) + name;

			for (unsigned i = 0; i < note.n_descsz && 2 * i + 2 < MODULE_ID_SIZE; i++)
				snprintf(build_id + 2ul * i, 3, "%02x", id[i]);
			return;
		}
		at += length;
		size -= length;
	}
}

static bool lies_in(const struct dl_phdr_info *info, uint64_t pc)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && pc - info->dlpi_addr - header->p_vaddr < header->p_memsz)
			return true;
	}
	return false;
}

static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct search *search = argument;
	const char *name = base_name(info->dlpi_name);

	(void)size;
	if (search->name ? strcmp(name, search->name) != 0 : !lies_in(info, search->pc))
		return 0;
	search->found = true;
	search->base = info->dlpi_addr;
	snprintf(search->place->module, sizeof(search->place->module), "%.63s", name);
	search->place->build_id[0] = '\0';
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_NOTE && !search->place->build_id[0])
			read_notes((const char *)(info->dlpi_addr + header->p_vaddr), header->p_memsz,
				   search->place->build_id);
	}
	return 1;
}

bool module_find(uint64_t pc, struct module_place *place)
{
	struct search search = { .pc = pc, .place = place };

	memset(place, 0, sizeof(*place));
	dl_iterate_phdr(visit, &search);
	place->offset = pc - search.base;
	return search.found;
}

uint64_t module_address(const struct module_place *place)
{
	struct module_place found;
	struct search search = { .name = place->module, .place = &found };

	dl_iterate_phdr(visit, &search);
	return search.found ? search.base + place->offset : 0;
}

void module_program_id(char build_id[MODULE_ID_SIZE])
{
	struct module_place place;

	/* Any address of the program's own. */
	module_find((uint64_t)(uintptr_t)&module_program_id, &place);
	memcpy(build_id, place.build_id, MODULE_ID_SIZE);
}
