#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples do what they say: the profiler on programs, read by perf; the flight recorder, killed at any moment. And
# the guide's code compiles.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
source=${srcdir:-.}
profiler=${NRB_PROFILER:-$PWD/examples/.libs/libnrb-profiler.so}
recorder=${NRB_RECORDER:-$PWD/examples/flight_recorder}
burn=${NRB_BURN:-$PWD/tests/burn}
data=$tmp/perf.data
# The wrapper of that name looks for one that suits the running kernel.
perf=$(command -v perf_6.1 || command -v perf)

# ---- the profiler ----

# profile COMMAND...: with NAME=VALUE before it
profile() {
	rm -f "$data"
	timeout 60 env LD_PRELOAD="$profiler" NRB_PROFILE="$data" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# told WORD: the number before it in the profiler's last line
told() {
	sed -n "s/^nrb-profiler: .*\<\([0-9]*\) $1.*/\1/p" "$tmp/err"
}

# What perf says to a question about $data; it finds no symbols of the kernel, and says so.
ask_perf() {
	"$perf" script -i "$data" "$@" 2>"$tmp/perf.err"
}

# Kernel ticks are 10 ms at most, so each thread has at least so much of its CPU time in periods; never more than all.
burns() {
	profile "$burn" 100 && cp "$data" "$tmp/burn.data" && cp "$tmp/err" "$tmp/burn.err" &&
		[ "$(told lost)" = 0 ] && [ "$(told threads)" = 11 ] && [ "$(told samples)" -gt 0 ] &&
		[ "$(told periods)" -ge 150 ] && [ "$(told periods)" -le $(($(cat "$tmp/out") + 11)) ]
}

recall() { cp "$tmp/burn.data" "$data" && cp "$tmp/burn.err" "$tmp/err"; }

all_samples() {
	recall && ask_perf -F tid,period >"$tmp/out" && cat "$tmp/perf.err" &&
		[ "$(wc -l <"$tmp/out")" = "$(told samples)" ] &&
		[ "$(awk '{ n += $2 } END { print n / 1000000 }' "$tmp/out")" = "$(told periods)" ] &&
		[ "$(told 'samples')" -gt 0 ]
}

# Most go from burn_inner up to where the thread began, or main did; and no child is among them.
call_chains() {
	local samples

	recall && samples=$(told samples) && ask_perf -F comm,pid,ip,sym >"$tmp/out" &&
		[ "$(grep -cw 'burn_inner$' "$tmp/out")" -gt $((samples * 2 / 3)) ] &&
		[ "$(grep -cw 'burn_outer$' "$tmp/out")" -gt $((samples * 2 / 3)) ] &&
		grep -qw 'thread_main$' "$tmp/out" && grep -qw 'main$' "$tmp/out" &&
		[ "$(sed -n 's/^burn *\([0-9]*\) .*/\1/p' "$tmp/out" | sort -u | wc -l)" = 1 ]
}

# In order, and from callers to callees, without a stranger between.
whole_chain() {
	recall && ask_perf -F ip,sym >"$tmp/out" &&
		awk '{ print $2 }' "$tmp/out" | paste -s -d ' ' | grep -q 'burn_inner burn_outer thread_main '
}

no_gaps_told() { recall && ! ask_perf --show-lost-events | grep -q PERF_RECORD_LOST; }

# At 1 kHz by the wall clock xz's threads, which block all signals, are interrupted wherever they are.
compresses() {
	local xz=(xz -0 -T2 --block-size=400KiB -c "$tmp/in")

	# More than two blocks, for two threads; and no binary in the log.
	cat "$BASH" "$BASH" >"$tmp/in" && "${xz[@]}" >"$tmp/plain.xz" || return
	profile NRB_PROFILE_CLOCK=wall "${xz[@]}" && mv "$tmp/out" "$tmp/xz" && cmp "$tmp/xz" "$tmp/plain.xz" &&
		[ "$(told lost)" = 0 ] && [ "$(told threads)" -ge 2 ] && [ "$(told samples)" -gt 0 ]
}

compressed_samples() {
	[ "$(ask_perf -F tid | wc -l)" = "$(told samples)" ] && [ "$(told samples)" -gt 0 ]
}

# is_plain TEXT NAME=VALUE...: a mistake: told, and the program runs all the same
is_plain() {
	local text=$1

	shift
	profile "$@" "$burn" 1 && [ -s "$tmp/out" ] && grep -q "^nrb-profiler: not profiled: $text" "$tmp/err"
}

bad_rate() { is_plain 'NRB_PROFILE_HZ: give a number from 1 to 10000' NRB_PROFILE_HZ="$1" && [ ! -e "$data" ]; }
bad_clock() { is_plain 'NRB_PROFILE_CLOCK: give cpu or wall' NRB_PROFILE_CLOCK=sun && [ ! -e "$data" ]; }
no_directory() { is_plain 'cannot write .*/none/x: No such file' NRB_PROFILE="$tmp/none/x"; }
full_disk() { profile NRB_PROFILE=/dev/full "$burn" 1 && grep -q '/dev/full: No space left' "$tmp/err"; }
unasked() { timeout 60 env LD_PRELOAD="$profiler" "$burn" 1 >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/err" ]; }

# A program that the program runs is none of its business, and leaves the file alone.
runs_others() {
	profile bash -c "'$burn' 20; exit" && [ "$(grep -c samples "$tmp/err")" = 1 ] && [ "$(told threads)" = 1 ]
}

try_profiler() {
	case " ${CFLAGS-} " in
	*" -fsanitize="*)
		skip "the profiler" "a sanitizer is to be loaded before anything else"
		return
		;;
	esac
	check "the profiler: threads that come and go, nothing lost" burns
	if "$perf" --version >/dev/null 2>&1; then
		check "perf script: all samples, all periods" all_samples
		check "perf script: the functions that burn the time, of this process alone" call_chains
		check "perf script: call chains from callee to caller" whole_chain
		check "perf script: no lost events" no_gaps_told
	else
		skip "what perf script tells" "no perf: install linux-perf"
	fi
	if command -v xz >/dev/null; then
		check "a program with all signals blocked, by the wall clock" compresses
		if "$perf" --version >/dev/null 2>&1; then
			check "perf script: all samples of that" compressed_samples
		fi
	else
		skip "a program with all signals blocked" "no xz: install xz-utils"
	fi
	check "programs that are run by the program" runs_others
	check "not asked for a profile: nothing said" unasked
	check "a rate of 0" bad_rate 0
	check "a rate that is none" bad_rate 1k
	check "a clock that there is not" bad_clock
	check "a directory that there is not" no_directory
	check "a disk that is full" full_disk
}

# ---- the flight recorder ----

# read_back [LAST]: to $tmp/out
read_back() { run 0 "$recorder" --read "$tmp/flight" "$@"; }

# Steps are consecutive, so are ticks, their times never go back, and there are at least so many. (One that is
# interrupted may have taken its time before or after the other.)
in_order() {
	awk -v least="$1" '
		$1 < time[$6] || ($6 in last && $7 != last[$6] + 1) { print "out of order: " $0; exit bad = 1 }
		{ time[$6] = $1; last[$6] = $7 }
		END { exit bad || NR < least }' "$tmp/out"
}

# dies HOW STATUS RECORDS: 137 is by SIGKILL
dies() {
	rm -f "$tmp/flight" "$tmp/flight.writer"
	{ run "$2" timeout --foreground 20 "$recorder" "$tmp/flight" "$1" "$3"; } 2>/dev/null
}

# Nothing is missing up to the very last record.
killed() {
	dies kill 137 20000 && read_back && in_order 1000 && tail -n 20 "$tmp/out" | grep -q ' step 19999 ' &&
		! grep -q CRASH "$tmp/out"
}

# And what it died of comes last.
crashed() {
	rm -f "$tmp/flight" "$tmp/flight.writer"
	# The shell tells of who was killed.
	{ timeout --foreground 20 "$recorder" "$tmp/flight" "$1" 20000; } >/dev/null 2>&1
	read_back && tail -n 1 "$tmp/out" | grep -q " CRASH $2 0x0$" && sed -i '$d' "$tmp/out" && in_order 1000 &&
		tail -n 20 "$tmp/out" | grep -q ' step 19999 '
}

# Somebody else kills it, some milliseconds after it has begun; and it was read while it ran.
killed_at_random() {
	local pid tries=0 status

	rm -f "$tmp/flight" "$tmp/flight.writer"
	"$recorder" "$tmp/flight" run &
	pid=$!
	until "$recorder" --read "$tmp/flight" >"$tmp/out" 2>/dev/null && in_order 200; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || break
		sleep 0.01
	done
	sleep "0.00$((RANDOM % 10))"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	status=$?
	[ "$tries" -lt 1000 ] && [ "$status" = 137 ] && read_back && in_order 1000
}

only_the_last() {
	dies kill 137 20000 && read_back 5 && [ "$(wc -l <"$tmp/out")" = 5 ] && grep -q ' step 19999 ' "$tmp/out"
}

flies_twice() {
	run 2 "$recorder" "$tmp/flight" kill && grep -q 'File exists (read it, then remove' "$tmp/err" && read_back
}

reads_nothing() { run 2 "$recorder" --read "$tmp/none" && grep -q "cannot read $tmp/none: No such file" "$tmp/err"; }
reads_no_ring() { run 2 "$recorder" --read "$0" && grep -q "cannot read" "$tmp/err"; }
unused() { run 2 "$recorder" && grep -q '^Usage: ' "$tmp/err" && run 2 "$recorder" "$tmp/flight" walk; }

try_recorder() {
	local i

	check "the flight recorder: killed, and the last record is there" killed
	check "its last records alone" only_the_last
	check "a second flight: the first one's records are kept" flies_twice
	case " ${CFLAGS-} " in
	*" -fsanitize="*) skip "SIGSEGV: the last record tells" "a sanitizer takes that signal for itself" ;;
	*) check "SIGSEGV: the last record tells" crashed segv 11 ;;
	esac
	check "abort: the last record tells" crashed abort 6
	for i in 1 2 3 4 5; do
		check "killed at random, $i" killed_at_random
	done
	check "no such recording" reads_nothing
	check "what is no recording" reads_no_ring
	check "used wrongly" unused
}

# ---- the guide ----

# Each of its pieces of C, by itself.
try_guide() {
	local guide=$source/doc/embedding.md piece

	awk -v piece="$tmp/guide-" '
		/^```c$/ { on = 1; n++; next }
		/^```$/ { on = 0 }
		on { print >(piece n ".c") }' "$guide"
	check "the guide has code" test -e "$tmp/guide-1.c"
	for piece in "$tmp"/guide-*.c; do
		# shellcheck disable=SC2086
		check "doc/embedding.md: ${piece##*/} compiles" ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror \
			-Wno-unused-function -I "$source/src" -fsyntax-only "$piece"
	done
}

[ -x "$recorder" ] || skip_all "$recorder was not built"
[ -e "$profiler" ] || skip_all "$profiler was not built"
try_profiler
try_recorder
try_guide
finish
