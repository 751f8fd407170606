#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Instructions of one record: by callgrind, under which there are no restartable sequences, so that it counts the nest
# path; by single steps, the sequences; and by the processor's own counter, where there is one, what runs. Figures that
# no load changes, and bounds that another compiler does not reach: they are for what makes each write half as long
# again. A case for each way and size (TAP).
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"

# Bounds by size for nrb_write(), and for nrb_reserve(), memcpy() and nrb_commit(): half as much again as gcc 12's.
declare -A bound=(
	[write 8]=160 [write 40]=160 [write 120]=160 [write 248]=165
	[reserve 8]=190 [reserve 40]=190 [reserve 120]=190 [reserve 248]=195
	[section write 8]=90 [section write 40]=95 [section write 120]=100 [section write 248]=120
	[section reserve 8]=145 [section reserve 40]=145 [section reserve 120]=145 [section reserve 248]=155
)
sizes="8 40 120 248"

case " ${CFLAGS-} " in
*" -fsanitize="* | *" --coverage "*) skip_all "a sanitizer's or a counter's instructions would be counted" ;;
*" -O0 "*) skip_all "-O0 is not what anybody runs" ;;
*" -O"*) ;;
*) skip_all "no -O in CFLAGS" ;;
esac

# within BOUND COUNT: the figure is told, and is one, and not more than it may be
within() {
	echo "# $1 bytes: $2 instructions, at most ${bound[$1]} wanted" >&3
	awk -v count="$2" -v most="${bound[$1]}" 'BEGIN { exit !(count > 20 && count <= most) }' ||
		{ echo "$2 instructions, not 20 to ${bound[$1]}"; return 1; }
}

# counted FILE WHAT [KIND]: a case for each line "WAY SIZE COUNT" that there must be in there, by the bounds of a kind
counted() {
	local way size count kind=${3:+$3 }

	for way in write reserve; do
		for size in $sizes; do
			count=$(awk -v way="$way" -v size="$size" '$1 == way && $2 == size { print $3 }' "$1")
			check "$2: $way of $size bytes" within "$kind$way $size" "${count:-0}"
		done
	done
}

exec 3>&1

if [ "$(uname -m)" != x86_64 ]; then
	skip_all "the bounds are x86-64's"
fi
# Without what a debugger is told of it: of some compilers valgrind cannot read that, and gives up.
if ! command -v valgrind >/dev/null; then
	skip "by callgrind" "valgrind is not installed"
elif ! strip --strip-debug -o "$tmp/instructions" tests/instructions; then
	skip "by callgrind" "strip is not installed (binutils)"
elif check "callgrind runs it" timeout 60 valgrind -q --tool=callgrind --callgrind-out-file="$tmp/callgrind" \
	"$tmp/instructions"; then
	# What a function took in all, with those that it called. 1000: RECORDS in instructions.c.
	callgrind_annotate --inclusive=yes --auto=no --threshold=100 --show-percs=no "$tmp/callgrind" 2>"$tmp/err" |
		sed -n 's/^ *\([0-9,]*\) .*:count_\([a-z]*\)_\([0-9]*\)\( .*\)\{0,1\}$/\2 \3 \1/p' | tr -d , |
		awk '{ printf "%s %s %.1f\n", $1, $2, $3 / 1000 }' >"$tmp/counts"
	counted "$tmp/counts" "nest path"
fi
status=0
timeout 60 tests/instructions --steps >"$tmp/counts" 2>"$tmp/err" || status=$?
if [ "$status" = 77 ]; then
	skip "by single steps" "there are no restartable sequences here"
elif check "it steps through the sequences" test "$status" = 0; then
	counted "$tmp/counts" "sequences" section
fi
status=0
timeout 60 tests/instructions --pmu >"$tmp/counts" 2>"$tmp/err" || status=$?
if [ "$status" = 77 ]; then
	skip "by the processor's counter" "there is none, or no leave to use it"
elif check "the processor counts" test "$status" = 0; then
	counted "$tmp/counts" "as it runs"
fi
finish
