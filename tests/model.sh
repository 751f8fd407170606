#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Spin models in tests/model: the sound protocol is verified exhaustively, every variant refuted by the violation it
# is known for. A case each (TAP). With KEEP=DIRECTORY the trails stay there.
#
# By default the nest protocol goes two strikes deep, the sections one, and of the variants there is one for each
# violation. With NRB_CHECK=full both go three deep, and every variant is refuted.
set -u
models=$(cd "$(dirname "$0")/model" && pwd) || exit 99
jobs=2
full=
case ${NRB_CHECK-} in
full) full=yes ;;
'') ;;
*) echo "Bail out! NRB_CHECK=$NRB_CHECK: full, or nothing" && exit 99 ;;
esac

skip() {
	echo "1..0 # SKIP $*"
	exit 77
}

command -v spin >/dev/null || skip "spin is not installed"
# pan runs here, whatever the project is compiled for; CC may be a cross compiler.
for compiler in cc gcc clang none; do
	command -v "$compiler" >/dev/null && break
done
[ "$compiler" != none ] || skip "no C compiler (cc, gcc or clang), which spin needs"

if [ -n "${KEEP-}" ]; then
	mkdir -p "$KEEP" && tmp=$(cd "$KEEP" && pwd) || exit 99
else
	tmp=$(mktemp -d) || exit 99
	trap 'rm -rf "$tmp"' EXIT
fi

# Everything that pan said, in place of the line that it should have led to.
broken() {
	printf 'not ok %2d - %-8s %-17s NOT AS EXPECTED (%s): %s\n' "$number" "$model" "$name" "$want" "$1"
	sed 's/^/# /' log | tail -30
	return 1
}

# explore MODEL NAME WANT [-DBOUND=N...]: WANT is "verified", or the name of the violation that refutes it.
# Breadth first where a violation is wanted, so that the first trail is a shortest one.
explore() {
	local model=$1 name=$2 want=$3 search=-DBFS hash=-w20 states seconds steps
	shift 3
	mkdir -p "$tmp/$model.$name" && cd "$tmp/$model.$name" && cp "$models/$model.pml" . || return 1
	# Where states are not millions, optimising takes longer than searching.
	local optimise=-O0
	[ "$want" != verified ] || search=-DNOFAIR
	case "$full $model $want" in
	"yes ring verified" | "yes section verified") optimise=-O2 hash=-w24 ;;
	esac
	{
		spin "-P$compiler -E -x c" -a "-DPROTOCOL=${name//-/_}" "$@" "$model.pml" &&
			"$compiler" -w "$optimise" -DSAFETY -DNOREDUCE -DMEMLIM=2000 "$search" -o pan pan.c &&
			timeout 120 ./pan -m10000 "$hash"
	} >log 2>&1 || { broken "spin, compiler or pan failed"; return 1; }

	states=$(sed -n 's/^ *\([0-9][0-9.e+]*\) states, stored.*/\1/p' log)
	seconds=$(sed -n 's/^pan: elapsed time \([0-9.e+-]*\).*/\1/p' log)
	if [ "$want" = verified ]; then
		grep -q 'errors: 0$' log || { broken "errors"; return 1; }
		! grep -q 'Search not completed\|too small\|out of memory' log || { broken "not exhaustive"; return 1; }
		# A statement that no state reaches would make this verdict hollow.
		[ "$(grep -A 1 '^unreached in proctype \(writer\|reader\)' log | grep -c '(0 of ')" = 2 ] ||
			{ broken "unreached statements"; return 1; }
		steps=$(sed -n 's/.*depth reached \([0-9]*\),.*/\1/p' log)
		printf 'ok %2d - %-8s %-17s verified                %9s states %6s s  depth %4s\n' \
			"$number" "$model" "$name" "$states" "$seconds" "$steps"
	else
		grep -q "assertion violated.*||$want)" log || { broken "another violation, or none"; return 1; }
		spin "-P$compiler -E -x c" -t -p "-DPROTOCOL=${name//-/_}" "$@" "$model.pml" >story ||
			{ broken "no trail"; return 1; }
		# Without the steps that prepare the initial state.
		steps=$(grep -c 'proc *[0-9]* (\(writer\|reader\|interrupts\|memory\):' story)
		printf 'ok %2d - %-8s %-17s refuted: %-14s %9s states %6s s  trail %4s\n' \
			"$number" "$model" "$name" "$want" "$states" "$seconds" "$steps"
	fi
}

number=0
# later ARGUMENTS...: explore them beside the others, at most $jobs at once.
later() {
	number=$((number + 1))
	while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	(explore "$@" && touch "$tmp/$number.passed") >"$tmp/$(printf %02d "$number").line" 2>&1 &
}

rm -f "$tmp"/*.passed "$tmp"/*.line
# The bounds: WRITES by the base level, STRIKES at any level up to DEPTH. What one strike refutes, more would as well.
later order all verified -DRECORDS=3
later snapshot all verified
later wakeup watermark verified -DWRITES=1 -DSTRIKES=3 -DDEPTH=3
later ring legacy head_backward -DSTRIKES=1
later ring no-recheck stuck_head -DSTRIKES=1
later ring no-nest torn_record -DSTRIKES=1
later ring no-tail-check overrun -DSTRIKES=1
later ring lost-race lost_mismatch -DSTRIKES=1
later order without-B torn_record
later snapshot without-F torn_record
later wakeup late-wakeup missed_wakeup -DSTRIKES=1
later section rseq-unregistered torn_record -DSTRIKES=1
if [ ! "$full" ]; then
	later ring fixed verified -DWRITES=1 -DSTRIKES=2 -DDEPTH=2
	# Two strikes, since a section gives up when it is struck twice.
	later section rseq verified -DWRITES=1 -DSTRIKES=2 -DDEPTH=1
else
	later ring fixed verified -DWRITES=1 -DSTRIKES=3 -DDEPTH=3
	# In a smaller ring, which has half the states; the README tells of the other.
	later section rseq verified -DWRITES=1 -DSTRIKES=3 -DDEPTH=3 -DUNITS=3
	later section rseq-publish head_backward -DSTRIKES=1
	later section rseq-early-commit torn_record -DSTRIKES=1
	later section rseq-no-check torn_record -DSTRIKES=1
	later section rseq-silent stuck_head -DSTRIKES=1
	later ring late-inc head_backward -DSTRIKES=2 -DDEPTH=1
	later ring early-check stuck_head -DSTRIKES=1
	later ring publish-first torn_record -DSTRIKES=1
	later ring hoisted-space overrun -DSTRIKES=1
	later ring plain-reserve overrun -DSTRIKES=1
	later ring torn-head head_backward -DSTRIKES=1
	later ring plain-nest-reload torn_record -DSTRIKES=1
	later order without-A overrun
	later order without-C torn_record
	later order without-D overrun
	later snapshot without-B torn_record
	later snapshot without-C torn_record
	later snapshot without-E torn_record
	later wakeup own-wakeup missed_wakeup -DSTRIKES=1
	later wakeup early-wakeup missed_wakeup -DWRITES=3 -DSTRIKES=0
fi
wait
cat "$tmp"/*.line
echo "1..$number"
passed=$(find "$tmp" -maxdepth 1 -name '*.passed' | wc -l)
[ "$passed" = "$number" ]
