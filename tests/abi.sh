#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library's binary interface against src/libnrb.abi, which says what programs that were linked before rely on: the
# exported functions and the types of the two headers. Additions pass. Reports case by case (TAP).
#
# By default one compiler and one change; with NRB_CHECK=full both, and a change of each kind.
#
# With the option --renew the description is written anew, for a change that is meant: then the version in
# src/libnrb.map and -version-info in src/local.mk have to be thought of, too.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
source=${srcdir:-.}
described=$source/src/libnrb.abi

# library SOURCES INTO COMPILER: as it would be installed, whatever the options and sanitizers of this build
library() {
	mkdir -p "$2/public" && cp "$1/nrb.h" "$1/nrb_channel.h" "$2/public" || return 1
	# Words may be split: it may hold options.
	# shellcheck disable=SC2086
	$3 -std=gnu11 -O0 -g -fPIC -shared -Wl,--version-script="$1/libnrb.map" \
		-Wl,-soname,libnrb.so.0 -I"$1" "$1"/*.c -o "$2/libnrb.so"
}

# describe DIRECTORY FILE: the library there, and what of it the headers show
describe() {
	abidw --drop-private-types --headers-dir "$1/public" --no-show-locs --no-corpus-path --no-comp-dir-path \
		--out-file "$2" "$1/libnrb.so"
}

# compare DIRECTORY: the library there with the description; status 0: whoever uses it needs no new compilation
compare() {
	describe "$1" "$1/libnrb.abi" && abidiff --no-added-syms "$described" "$1/libnrb.abi" && return
	echo "The binary interface is not what src/libnrb.abi says. If that is meant: tests/abi.sh --renew"
	return 1
}

compatible() {
	library "$source/src" "$tmp/$1" "$1" && compare "$tmp/$1"
}

# changed NAME FILE SED: with that change, and nothing else, it must be refused
changed() {
	local copy=$tmp/changed-$1
	cp -R "$source/src" "$copy" && chmod -R u+w "$copy" || return 1
	sed "$3" "$source/src/$2" >"$copy/$2"
	! cmp -s "$source/src/$2" "$copy/$2" || { echo "$2: nothing was changed"; return 1; }
	library "$copy" "$tmp/$1" "$compiler" || return 1
	! compare "$tmp/$1" || { echo "not noticed"; return 1; }
}

for compiler in gcc clang none; do
	command -v "$compiler" >/dev/null && break
done
[ "$compiler" != none ] || skip_all "neither gcc nor clang"
if ! command -v abidw >/dev/null || ! command -v abidiff >/dev/null; then
	skip_all "no abidw, no abidiff (abigail-tools)"
fi
[ "$(uname -m)" = x86_64 ] || skip_all "the description is that for x86-64"

if [ "${1-}" = --renew ]; then
	# clang tells less of what is behind the interface.
	command -v clang >/dev/null || { echo "renewing takes clang" >&2; exit 2; }
	library "$source/src" "$tmp" clang && describe "$tmp" "$described"
	exit
fi
for compiler in gcc clang; do
	if [ "$compiler" = clang ] && [ ! "$full" ] && command -v gcc >/dev/null; then
		continue
	elif command -v "$compiler" >/dev/null; then
		check "the interface is what it was, by $compiler" compatible "$compiler"
	else
		skip "the interface is what it was, by $compiler" "no $compiler"
	fi
done
command -v gcc >/dev/null && compiler=gcc
check "a field of another type is noticed" changed type nrb.h 's/^\tint32_t clock; /\tint64_t clock; /'
[ "$full" ] || finish
check "an array that shrinks is noticed" changed field nrb.h 's/^\tuint64_t restore\[16\];/\tuint64_t restore[15];/'
check "a function that is gone is noticed" changed function libnrb.map '/nrb_discard;/d'
finish
