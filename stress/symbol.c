/* SPDX-License-Identifier: MIT */
/*
 * symbol.c - libdw where it was found at build time; without it, or where it knows nothing, /proc/self/maps
 *
 * An interrupt's program counter is the next instruction to run, so it is looked up as it is; a return address would
 * have to be looked up one byte before.
 */
#define _GNU_SOURCE
#include "config.h"

#include "symbol.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#endif

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "stress+0x4a1c", or the bare address when nothing is mapped there. */
static void find_in_maps(uint64_t pc, struct symbol *symbol)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096 + 128];

	snprintf(symbol->function, sizeof(symbol->function), "0x%" PRIx64, pc);
	while (maps && fgets(line, sizeof(line), maps)) {
		uint64_t start, end, offset;
		int name = 0;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n", &start, &end, &offset, &name) <
		    3)
			continue;
		if (pc < start || pc >= end)
			continue;
		line[strcspn(line, "\n")] = '\0';
		/* Anonymous memory has no name, and an address there says more than an offset. */
		if (name && line[name])
			snprintf(symbol->function, sizeof(symbol->function), "%.72s+0x%" PRIx64, base_name(line + name),
				 pc - start + offset);
		break;
	}
	if (maps)
		fclose(maps);
}

#ifdef HAVE_LIBDW

static struct {
	bool tried; /* begun, whether that went well or not */
	Dwfl *dwfl; /* NULL: it did not */
	/* The compilation unit that was last searched for, and where it was found. */
	Dwfl_Module *module;
	Dwarf_Die *unit;
	Dwarf_Addr bias;
} loaded;

/* Where our own directories begin in @path; else its last two components. */
static const char *trim_path(const char *path)
{
	static const char *const roots[] = { "src/", "stress/", "bench/", "tests/" };
	const char *best = NULL, *first = path, *second = path;

	for (const char *at = path; *at; at++) {
		if (at != path && at[-1] != '/')
			continue;
		for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
			if (!strncmp(at, roots[i], strlen(roots[i])))
				best = at;
		first = second;
		second = at;
	}
	return best ? best : first;
}

static Dwfl *load(void)
{
	static char *debuginfo_path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &debuginfo_path,
	};

	if (loaded.tried)
		return loaded.dwfl;
	loaded.tried = true;
	/* A report must not wait for a debuginfod server to send it the C library's lines. */
	unsetenv("DEBUGINFOD_URLS");
	loaded.dwfl = dwfl_begin(&callbacks);
	if (!loaded.dwfl)
		return NULL;
	if (dwfl_linux_proc_report(loaded.dwfl, getpid()) || dwfl_report_end(loaded.dwfl, NULL, NULL)) {
		dwfl_end(loaded.dwfl);
		loaded.dwfl = NULL;
	}
	return loaded.dwfl;
}

/* The compilation unit of @pc. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, pc, bias);

	if (unit)
		return unit;
	/* Most lookups of a map come in the order of addresses, and the search below takes its time in libc. */
	if (loaded.unit && loaded.module == module && dwarf_haspc(loaded.unit, pc - loaded.bias) == 1) {
		*bias = loaded.bias;
		return loaded.unit;
	}
	/* clang writes no .debug_aranges, and then libdw before 0.189 finds no unit by address. */
	while ((unit = dwfl_module_nextcu(module, unit, bias)))
		if (dwarf_haspc(unit, pc - *bias) == 1)
			break;
	loaded.module = module;
	loaded.unit = unit;
	loaded.bias = *bias;
	return unit;
}

static void find_inlined(Dwarf_Die *unit, Dwarf_Addr address, struct symbol *symbol)
{
	Dwarf_Die *scopes = NULL;
	int count = dwarf_getscopes(unit, address, &scopes);

	/* The innermost scope comes first. */
	for (int i = 0; i < count; i++) {
		const char *name;

		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
			break;
		if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			continue;
		name = dwarf_diename(&scopes[i]);
		snprintf(symbol->inlined, sizeof(symbol->inlined), "%s", name ? name : "");
		break;
	}
	free(scopes);
}

static void find_place(Dwarf_Die *unit, Dwarf_Addr address, struct symbol *symbol)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);
	const char *path = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	if (!path)
		return;
	path = trim_path(path);
	if (!dwarf_lineno(line, &number) && number)
		snprintf(symbol->place, sizeof(symbol->place), "%.112s:%d", path, number);
	else
		snprintf(symbol->place, sizeof(symbol->place), "%.112s", path);
}

/* The symbol that @pc lies in. The linker's marks at the bounds of a section are none: a function begins there too. */
static const char *find_function(Dwfl_Module *module, uint64_t pc, GElf_Off *offset)
{
	GElf_Sym sym;
	const char *name = dwfl_module_addrinfo(module, pc, offset, &sym, NULL, NULL, NULL);

	if (!name || *offset || (strncmp(name, "__start_", 8) && strncmp(name, "__stop_", 7)))
		return name;
	/* One byte on, only a symbol that has a size goes by it. */
	name = dwfl_module_addrinfo(module, pc + 1, offset, &sym, NULL, NULL, NULL);
	if (*offset)
		--*offset;
	return name;
}

/* Return: whether @symbol has a function now, or module and offset. */
static bool find_in_dwarf(uint64_t pc, struct symbol *symbol)
{
	Dwfl *dwfl = load();
	Dwfl_Module *module = dwfl ? dwfl_addrmodule(dwfl, pc) : NULL;
	Dwarf_Addr start = 0, bias = 0;
	GElf_Off offset = 0;
	const char *name;
	Dwarf_Die *unit;

	if (!module)
		return false;
	name = find_function(module, pc, &offset);
	if (!name) {
		name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
		offset = pc - start;
	}
	if (!name)
		return false;
	name = base_name(name);
	/* The vdso goes by "[vdso: 1234]"; the process number is of no interest. */
	if (name[0] == '[')
		snprintf(symbol->function, sizeof(symbol->function), "%.*s]+0x%" PRIx64, (int)strcspn(name, ":]"), name,
			 offset);
	else
		snprintf(symbol->function, sizeof(symbol->function), "%.72s+0x%" PRIx64, name, offset);
	unit = find_unit(module, pc, &bias);
	if (unit) {
		find_inlined(unit, pc - bias, symbol);
		find_place(unit, pc - bias, symbol);
	}
	return true;
}

void symbol_close(void)
{
	if (loaded.dwfl)
		dwfl_end(loaded.dwfl);
	memset(&loaded, 0, sizeof(loaded));
}

#else /* !HAVE_LIBDW */

static bool find_in_dwarf(uint64_t pc, struct symbol *symbol)
{
	(void)pc;
	(void)symbol;
	return false;
}

void symbol_close(void)
{
}

#endif

void symbol_find(uint64_t pc, struct symbol *symbol)
{
	memset(symbol, 0, sizeof(*symbol));
	if (!find_in_dwarf(pc, symbol))
		find_in_maps(pc, symbol);
}

const char *symbol_print(const struct symbol *symbol, char *text, unsigned size)
{
	const char *separator = symbol->inlined[0] && symbol->place[0] ? ", " : "";

	if (symbol->inlined[0] || symbol->place[0])
		snprintf(text, size, "%s (%s%s%s)", symbol->function, symbol->inlined, separator, symbol->place);
	else
		snprintf(text, size, "%s", symbol->function);
	return text;
}
