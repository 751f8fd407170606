/* SPDX-License-Identifier: MIT */
/*
 * statics.c - a shared object's own variables and code, as the dynamic linker tells them
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/plugin.h"

struct search {
	struct plugin_statics *statics;
	uintptr_t address;
	bool found;
};

static bool lies_in(const struct dl_phdr_info *info, uintptr_t address)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && address - info->dlpi_addr - header->p_vaddr < header->p_memsz)
			return true;
	}
	return false;
}

/* Where what is read only once it is relocated ends; 0: there is none. */
static uintptr_t relro_end(const struct dl_phdr_info *info)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			return (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz) &
			       ~(page - 1);
	return 0;
}

static void add_variables(struct plugin_statics *statics, uintptr_t start, uintptr_t end, uintptr_t constant)
{
	start = start < constant && constant <= end ? constant : start;
	start = (start + 7) & ~(uintptr_t)7;
	/* The last word's rest lies on the same page. */
	end = (end + 7) & ~(uintptr_t)7;
	if (start < end && statics->count < PLUGIN_STATICS)
		statics->at[statics->count++] =
			(struct target_region) { .address = (void *)start, .size = end - start };
}

static void add_text(struct plugin_statics *statics, uintptr_t start, uintptr_t size)
{
	if (statics->texts < PLUGIN_TEXTS && size)
		statics->text[statics->texts++] =
			(struct text_range) { .start = (const void *)start, .end = (const void *)(start + size) };
}

/* All that can be run, with the linker's own stubs, which are no whole instructions: where sections are not told. */
static void add_segments(struct plugin_statics *statics, const struct dl_phdr_info *info)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
			add_text(statics, info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, info->dlpi_phdr[i].p_memsz);
}

/* Return: whether @size bytes at @offset of @file were read into @into. */
static bool read_at(FILE *file, uint64_t offset, void *into, size_t size)
{
	return !fseek(file, (long)offset, SEEK_SET) && fread(into, 1, size, file) == size;
}

/* The sections of compiled code: of the others that can be run, such as the linker's stubs, names begin otherwise. */
static bool read_sections(struct plugin_statics *statics, const char *path, uintptr_t base)
{
	FILE *file = fopen(path, "re");
	ElfW(Shdr) names, section;
	ElfW(Ehdr) header;
	char name[6];

	if (!file)
		return false;
	if (read_at(file, 0, &header, sizeof(header)) && header.e_shentsize == sizeof(section) &&
	    read_at(file, header.e_shoff + header.e_shstrndx * sizeof(names), &names, sizeof(names))) {
		for (unsigned i = 0; i < header.e_shnum; i++) {
			if (!read_at(file, header.e_shoff + i * sizeof(section), &section, sizeof(section)))
				break;
			if (section.sh_flags & SHF_EXECINSTR &&
			    read_at(file, names.sh_offset + section.sh_name, name, 5) && !memcmp(name, ".text", 5))
				add_text(statics, base + section.sh_addr, section.sh_size);
		}
	}
	fclose(file);
	return statics->texts;
}

static int visit(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct search *search = argument;
	struct plugin_statics *statics = search->statics;

	(void)size;
	if (!lies_in(info, search->address))
		return 0;
	search->found = true;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		if (header->p_flags & PF_W)
			add_variables(statics, start, start + header->p_memsz, relro_end(info));
	}
	if (!read_sections(statics, info->dlpi_name, info->dlpi_addr))
		add_segments(statics, info);
	return 1;
}

int statics_find(struct plugin_statics *statics, const void *address)
{
	struct search search = { .statics = statics, .address = (uintptr_t)address };

	memset(statics, 0, sizeof(*statics));
	dl_iterate_phdr(visit, &search);
	for (unsigned i = 0; i < statics->count; i++) {
		statics->pristine[i] = malloc(statics->at[i].size);
		if (!statics->pristine[i])
			return -ENOMEM;
		memcpy(statics->pristine[i], statics->at[i].address, statics->at[i].size);
	}
	return search.found ? 0 : -ENOENT;
}

/* Whole pages, with what else there is on them; where it cannot be done, only ptrace misses it. */
static void share(const struct target_region *region)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)region->address & ~(page - 1);
	size_t size = ((uintptr_t)region->address + region->size - start + page - 1) & ~(page - 1);
	void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return;
	memcpy(copy, (void *)start, size);
	if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) == MAP_FAILED)
		munmap(copy, size);
}

void statics_begin(struct plugin_statics *statics)
{
	if (statics->open++)
		return;
	for (unsigned i = 0; i < statics->count; i++) {
		if (statics->shared_by != getpid())
			share(&statics->at[i]);
		memcpy(statics->at[i].address, statics->pristine[i], statics->at[i].size);
	}
	statics->shared_by = getpid();
}
