#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the library shows to the outside: exactly the symbols of libnrb.map, and headers that any C11 and C++ compiler
# takes, by themselves. Reports case by case (TAP).
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"

library=${NRB_LIBRARY:-src/.libs/libnrb.so}
source=${srcdir:-.}
work=$tmp

check_exports()
{
	if ! command -v nm >/dev/null || [ ! -e "$library" ]; then
		skip "exported symbols" "no nm, or no shared library"
		return
	fi
	sed -n '/global:/,/local:/s/^[[:space:]]*\([a-z_0-9]*\);.*/\1/p' "$source/src/libnrb.map" | sort >"$work/map"
	# The version's own name is an absolute symbol (A).
	nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
	# And what the header promises.
	# Those that are inline are in nobody's library.
	sed -n '/ inline /d; s/^[a-z].*[ *]\(nrb_[a-z_]*\)(.*/\1/p' "$source"/src/nrb.h "$source"/src/nrb_channel.h |
		sort -u >"$work/header"
	check "there are symbols in libnrb.map" test -s "$work/map"
	check "exported symbols (>) are those of libnrb.map (<)" diff "$work/map" "$work/exported"
	check "exported symbols (>) are those of nrb.h and nrb_channel.h (<)" diff "$work/header" "$work/exported"
}

# try FILE COMPILER OPTION...: compile $work/FILE
try()
{
	file=$1
	shift
	check "nrb.h and nrb_channel.h are taken by $*, in $file" \
		"$@" -Wall -Wextra -Werror -I "$source/src" -fsyntax-only "$work/$file"
}

# As its author would write it; linked with the library, and run.
program()
{
	cat >"$work/program.cc" <<-'EOF'
		#include "nrb.h"
		#include <cstring>
		#include <sys/uio.h>
		int main()
		{
			nrb_attr attr = NRB_ATTR_INIT;
			attr.data_size = 65536;
			attr.flags = NRB_OVERWRITE | NRB_WAKE_RECORDS;
			attr.sample_id = NRB_SAMPLE_TIME;
			nrb_ring *ring = nrb_create(&attr);
			nrb_reader *reader = ring ? nrb_reader_open(ring) : nullptr;
			if (!reader)
				return 2;
			char hello[] = "hello";
			const iovec part[] = { { hello, 3 }, { hello + 3, 3 } };
			nrb_record record;
			nrb_sample_id id;
			if (nrb_writev(ring, NRB_RECORD_SAMPLE, part, 2) || nrb_reader_wait(reader, -1, nullptr) <= 0 ||
			    nrb_reader_next(reader, &record) != 1 || nrb_reader_sample_id(reader, &record, &id))
				return 3;
			const bool same = !std::strcmp(static_cast<const char *>(record.payload), hello);
			nrb_reader_close(reader);
			nrb_destroy(ring);
			return same && id.time ? 0 : 4;
		}
	EOF
	g++ -std=c++17 -Wall -Wextra -Werror -pedantic -I "$source/src" "$work/program.cc" "$library" \
		-Wl,-rpath,"$(cd "$(dirname "$library")" && pwd)" -o "$work/program" && timeout 60 "$work/program"
}

check_header()
{
	# Alone, twice, and used.
	cat >"$work/use.c" <<-'EOF'
		#include "nrb_channel.h"
		#include "nrb.h"
		#include "nrb_channel.h"
		struct nrb_ring *make(void);
		struct nrb_ring *make(void)
		{
			struct nrb_attr attr = NRB_ATTR_INIT;

			attr.data_size = 4096;
			return nrb_create(&attr);
		}
	EOF
	cp "$work/use.c" "$work/use.cc"
	printf '#include "nrb.h"\nint nothing;\n' >"$work/alone.c"
	printf '#include "nrb_channel.h"\nint nothing;\n' >"$work/channel.c"
	# Words may be split: CC may hold options.
	# shellcheck disable=SC2086
	{
		try use.c ${CC:-cc} -std=c11 -pedantic
		try alone.c ${CC:-cc} -std=c11 -pedantic -Wstrict-prototypes -Wmissing-prototypes
		try channel.c ${CC:-cc} -std=c11 -pedantic -Wstrict-prototypes -Wmissing-prototypes
		try use.c ${CC:-cc} -std=c99
	}
	if command -v g++ >/dev/null; then
		try use.cc g++ -std=c++17 -pedantic
		try use.cc g++ -std=c++20 -pedantic
		if nm -D --undefined-only "$library" 2>/dev/null | grep -Eq '__(asan|ubsan|tsan)_'; then
			skip "a C++17 program writes and reads" "the library carries a sanitizer"
		elif [ -e "$library" ]; then
			check "a C++17 program writes and reads" program
		else
			skip "a C++17 program writes and reads" "no shared library"
		fi
		try alone.c g++ -x c++ -std=c++11 -pedantic
		try channel.c g++ -x c++ -std=c++11 -pedantic
	else
		skip "nrb.h and nrb_channel.h are taken by C++" "no g++"
	fi
}

check_exports
check_header
finish
