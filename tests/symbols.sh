#!/bin/sh
# SPDX-License-Identifier: MIT
# What the library shows to the outside: exactly the symbols of libnrb.map, and a header that any C11 and C++ compiler
# takes, by itself.
set -u

library=${NRB_LIBRARY:-src/.libs/libnrb.so}
source=${srcdir:-.}
status=0
work=$(mktemp -d "${TMPDIR:-/tmp}/nrb-symbols.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "FAIL: $*"
	status=1
}

check_exports()
{
	if ! command -v nm >/dev/null || [ ! -e "$library" ]; then
		echo "not checked: exported symbols (no nm, or no shared library)"
		return
	fi
	sed -n '/global:/,/local:/s/^[[:space:]]*\([a-z_0-9]*\);.*/\1/p' "$source/src/libnrb.map" | sort >"$work/map"
	# The version's own name is an absolute symbol (A).
	nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
	# And what the header promises.
	sed -n 's/^[a-z].*[ *]\(nrb_[a-z_]*\)(.*/\1/p' "$source/src/nrb.h" | sort -u >"$work/header"
	[ -s "$work/map" ] || fail "no symbols were found in libnrb.map"
	diff "$work/map" "$work/exported" || fail "exported symbols (>) are not those of libnrb.map (<)"
	diff "$work/header" "$work/exported" || fail "exported symbols (>) are not those of nrb.h (<)"
	echo "$(wc -l <"$work/exported") symbols exported"
}

# try NAME COMPILER OPTION...: compile $work/NAME
try()
{
	name=$1
	shift
	if "$@" -Wall -Wextra -Werror -I "$source/src" -fsyntax-only "$work/$name"; then
		echo "$*: takes nrb.h"
	else
		fail "$*: does not take nrb.h"
	fi
}

check_header()
{
	# Alone, twice, and used.
	cat >"$work/use.c" <<-'EOF'
		#include "nrb.h"
		#include "nrb.h"
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
	# Words may be split: CC may hold options.
	# shellcheck disable=SC2086
	{
		try use.c ${CC:-cc} -std=c11 -pedantic
		try alone.c ${CC:-cc} -std=c11 -pedantic -Wstrict-prototypes -Wmissing-prototypes
		try use.c ${CC:-cc} -std=c99
	}
	if command -v g++ >/dev/null; then
		try use.cc g++ -std=c++20 -pedantic -Wno-missing-field-initializers
		try alone.c g++ -x c++ -std=c++11 -pedantic
	else
		echo "not checked: C++ (no g++)"
	fi
}

check_exports
check_header
exit $status
