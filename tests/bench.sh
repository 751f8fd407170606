#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line of the benchmark, as people use and misuse it, and its JSON. Reports case by case (TAP).
# What is measured here is over in milliseconds: that figures come out, and not what they are.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
srcdir=${srcdir:-.}
bench=$(realpath -- "${NRB_BENCH:-bench/bench}")
schema=$srcdir/doc/nrb-bench.schema.json
all_cpus=$(taskset -cp $$ | sed 's/.*: //')
first_cpu=${all_cpus%%[,-]*}
unset NRB_BENCH_SLOW

# tiny OPTION...: next to nothing is measured
patience=100ms
tiny() { timeout 60 "$bench" --processes=2 --repetitions=2 --time=100us --duration="$patience" "$@"; }

# A bad option: status 2, nothing on standard output, and a message that holds the text.
refuses() {
	local text=$1
	shift
	run 2 timeout 20 "$bench" "$@" && [ ! -s "$tmp/out" ] && grep -qF -- "$text" "$tmp/err"
}

# Whether there is what it takes to; asked nothing, it tells its usage.
"$srcdir/tests/json_validate" >/dev/null 2>&1
can_validate=$?

# keep FILE: it is held against the schema in the end, with all others: it is the start of the validator that takes time
keep() { cp "$1" "$tmp/json/${FUNCNAME[1]}-${1##*/}"; }

are_valid() { "$srcdir/tests/json_validate" "$schema" "$tmp"/json/*; }

tells_itself() {
	run 0 "$bench" --help && grep -q 'Exit status' "$tmp/out" &&
		run 0 "$bench" --version && grep -q '^nrb-bench (nrb) [0-9]' "$tmp/out" &&
		run 0 "$bench" --list && grep -q '^  limit-publish ' "$tmp/out" && grep -q '^  polled ' "$tmp/out"
}

# again COMMAND...: others may have had our CPUs all the time, and then nothing that was measured counts; longer, so
again() {
	for patience in 100ms 100ms 2 10; do
		"$@" && break
	done
	local status=$?
	patience=100ms
	return "$status"
}

# The limit is measured beside whatever is named; the table has a row of each, the JSON both payloads.
measures() {
	run 0 tiny --contestant=fixed --mode=alone --payload=8,40 --output=text --output=json:"$tmp/run.json" &&
		keep "$tmp/run.json" && grep -q '^fixed  *[0-9.]* ' "$tmp/out" &&
		grep -q '^limit-publish  *[0-9.]* ' "$tmp/out" &&
		grep -q '^alone, a ring of 1,048,576 bytes' "$tmp/out" && grep -q '"started"' "$tmp/run.json" &&
		[ "$(grep -c '"payload_bytes": 40' "$tmp/run.json")" -ge 2 ]
}

# Each mode that there is, with another ring and payloads of odd sizes.
measures_all_modes() {
	local modes mode
	modes=$("$bench" --list | sed -n '/^modes:/,$s/^  \([a-z]*\) .*/\1/p' | paste -sd,)
	run 0 tiny --processes=1 --repetitions=1 fixed overwrite --mode="$modes" --size=64K --payload=9,4096 \
		--depth=2 --rate=1000000 --output=text --output=json:"$tmp/modes.json" &&
		keep "$tmp/modes.json" || return 1
	for mode in alone overwrite nested writers; do
		grep -q "\"mode\": \"$mode\"" "$tmp/modes.json" || { echo "no $mode"; return 1; }
	done
	grep -q '"depth": 2' "$tmp/modes.json"
}

crosses_cpus() {
	run 0 tiny fixed --mode=polled,latency,lossless --payload=40 --output=json:"$tmp/two.json" &&
		keep "$tmp/two.json" && grep -q '"place": "\(near\|cache\|far\)"' "$tmp/two.json" &&
		grep -q '"p999_ns"' "$tmp/two.json"
}

one_cpu() {
	run 0 taskset -c "$first_cpu" timeout 60 "$bench" --processes=1 --repetitions=1 --time=100us --duration=100ms \
		--payload=8 fixed && grep -q 'one CPU: what takes two is not measured' "$tmp/out" &&
		run 2 taskset -c "$first_cpu" "$bench" fixed --mode=polled && grep -q 'takes two CPUs' "$tmp/err" &&
		run 2 "$bench" --cpus="$first_cpu" fixed --mode=polled && grep -q 'takes two CPUs' "$tmp/err"
}

steady() {
	run 0 "$bench" --steady=5ms --contestant=fixed --mode=alone --payload=8 &&
		grep -q '^fixed, alone, 8 B: [0-9.]* ns a record$' "$tmp/out"
}

# Eleven times as slow stands out on any machine; that nothing is found where there is nothing is check_bench's.
finds_what_is_planted() {
	local measure=(timeout 60 "$bench" --processes=5 --repetitions=3 --time=100us --duration=100ms fixed
		--mode=alone --payload=8)
	run 0 "${measure[@]}" --output=json:"$tmp/then.json" &&
		run 0 env NRB_BENCH_SLOW=fixed:1000 "${measure[@]}" --compare="$tmp/then.json" --output=text \
			--output=json:"$tmp/now.json" && keep "$tmp/now.json" &&
		grep -q 'NRB_BENCH_SLOW: fixed is slowed down by 1000 %' "$tmp/out" &&
		grep -q '^  fixed, alone, 8 B: +' "$tmp/out" && grep -q '"change": {' "$tmp/now.json" &&
		grep -q '^  fewer than 4 contestants.*: alone$' "$tmp/out"
}

# Held against the others, who did not change.
finds_it_among_others() {
	local measure=(timeout 60 "$bench" --processes=5 --repetitions=3 --time=100us --duration=200ms fixed legacy
		write memcpy-publish --mode=alone "--payload=8,40")
	run 0 "${measure[@]}" --output=json:"$tmp/then.json" &&
		run 0 env NRB_BENCH_SLOW=fixed:1000 "${measure[@]}" --compare="$tmp/then.json" --output=text \
			--output=json:"$tmp/now.json" && keep "$tmp/now.json" &&
		grep -q '^  fixed, alone, .*: +' "$tmp/out" && ! grep -q 'fewer than 4' "$tmp/out" &&
		grep -q '"apart_from_others": true' "$tmp/now.json"
}

refuses_plants() {
	run 2 env NRB_BENCH_SLOW=nobody:10 "$bench" && grep -q 'CONTESTANT:PERCENT' "$tmp/err" &&
		run 2 env NRB_BENCH_SLOW=fixed:much "$bench" && grep -q 'CONTESTANT:PERCENT' "$tmp/err"
}

refuses_to_compare() {
	echo '{"program": "nrb-stress"}' >"$tmp/other.json"
	echo 'no JSON' >"$tmp/none.json"
	refuses 'no report of nrb-bench' --compare="$tmp/other.json" &&
		refuses 'none.json' --compare="$tmp/none.json" && refuses 'missing.json' --compare="$tmp/missing.json"
}

missing_directory() {
	local start=$SECONDS
	refuses 'make the directory first' --output=json:"$tmp/none/run.json" && [ $((SECONDS - start)) -le 5 ]
}

full_disk() {
	run 2 tiny fixed --mode=alone --payload=8 --output=text:/dev/full && grep -q '/dev/full' "$tmp/err"
}

into_head() {
	tiny fixed --mode=alone --payload=8 --output=text --output=json:"$tmp/head.json" 2>"$tmp/err" | true
	[ "${PIPESTATUS[0]}" = 0 ] && keep "$tmp/head.json"
}

no_gnuplot() {
	mkdir -p "$tmp/nothing" && run 2 env PATH="$tmp/nothing" "$bench" --output=svg:"$tmp/chart.svg" &&
		grep -q 'install gnuplot' "$tmp/err" && [ ! -e "$tmp/chart.svg" ]
}

draws() {
	run 0 tiny fixed --mode=alone --payload=8,40 --output=svg:"$tmp/chart.svg" &&
		grep -q '<svg' "$tmp/chart.svg" && grep -q '>limit-publish<' "$tmp/chart.svg"
}

# start: a run that takes a minute; $pid is its number, and $child that of a process that measures
start() {
	rm -rf "$tmp/run" && mkdir "$tmp/run" || return 1
	# A job in the background ignores SIGINT, unless a shell of its own says otherwise.
	env --default-signal=INT,TERM "$bench" --processes=60 --duration=60 --repetitions=1000 fixed --mode=alone \
		--payload=8 --output=text --output=json:"$tmp/run/run.json" >"$tmp/out" 2>"$tmp/err" </dev/null &
	pid=$!
	for _ in $(seq 200); do
		child=$(pgrep -P "$pid" | head -n 1)
		# It has executed itself anew.
		[ -n "$child" ] && tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null | grep -q ' --process=' && return 0
		sleep 0.01
	done
	return 1
}

# is_gone PROCESS: a zombie that nobody has collected yet runs no more
is_gone() {
	for _ in $(seq 200); do
		[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && return 0
		sleep 0.01
	done
	return 1
}

# stopped SIGNAL STATUS: what was measured until then is told, and nothing is left
stopped() {
	local got=0
	start || return 1
	# A round or two.
	sleep 0.2
	kill -s "$1" "$pid"
	wait "$pid" || got=$?
	[ "$got" = "$2" ] || { echo "status $got, not $2"; return 1; }
	grep -q "^interrupted by SIG$1" "$tmp/out" && grep -q "\"interrupted_by\": \"SIG$1\"" "$tmp/run/run.json" &&
		keep "$tmp/run/run.json" && [ "$(find "$tmp/run" -type f | wc -l)" = 1 ] && is_gone "$child"
}

# Killed outright: the process that measures goes with it.
killed() {
	start || return 1
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	is_gone "$child"
}

# One that dies is told of, and the others go on.
survives_a_crash() {
	local got=0
	start || return 1
	kill -KILL "$child"
	is_gone "$child" && sleep 0.2 && kill -s INT "$pid"
	wait "$pid" || got=$?
	[ "$got" = 130 ] && grep -q 'failed: it crashed with signal 9' "$tmp/out" &&
		grep -q '"processes_failed": 1' "$tmp/run/run.json"
}

mkdir "$tmp/json" || exit 99
check "tells its options, contestants and modes" tells_itself
check "refuses an unknown contestant" refuses "no contestant 'nobody'" nobody
check "refuses an unknown mode" refuses "no mode 'idle'" --mode=alone,idle
check "refuses an empty name" refuses "no contestant ''" --contestant=fixed,
check "refuses a payload that is too large" refuses "8 to 4096" --payload=8,4097
check "refuses a ring that is no power of two" refuses "powers of two" --size=100K
check "refuses a repetition of nothing" refuses "--time=0" --time=0
check "refuses no processes" refuses "--processes=0" --processes=0
check "refuses a number of repetitions that is none" refuses "not understood" --repetitions=many
check "refuses an unknown form of output" refuses "text, json or svg" --output=xml
check "refuses an empty file name" refuses "--output=json:" --output=json:
check "refuses a CPU that it may not use" refuses "4095" --cpus=4095
check "refuses to be steady in several modes" refuses "name one" --steady=1 fixed --mode=alone,polled
check "refuses --process" refuses "for its own use" --process=0
check "refuses what cannot be planted" refuses_plants
check "refuses to compare with what is no report of its own" refuses_to_compare
check "finds a missing directory before it measures" missing_directory
check "measures, with the limit beside it" again measures
check "measures in every mode" again measures_all_modes
if [ "$(nproc)" -lt 2 ]; then
	skip "tells where CPUs were to each other" "two CPUs are needed"
else
	check "tells where CPUs were to each other" again crosses_cpus
fi
check "one CPU: what takes two is left out, or refused" one_cpu
check "--steady is one line" steady
check "--compare finds what is planted" again finds_what_is_planted
check "--compare finds it among others" again finds_it_among_others
check "tells a full disk" full_disk
check "a closed pipe does not cost the file" into_head
check "without gnuplot: no chart, and the remedy" no_gnuplot
if command -v gnuplot >/dev/null; then
	check "draws a chart" draws
else
	skip "draws a chart" "no gnuplot: install gnuplot-nox"
fi
check "Ctrl-C: what was measured until then" stopped INT 130
check "SIGTERM: the same" stopped TERM 143
check "SIGKILL leaves nothing running" killed
check "a process that crashes is told of" survives_a_crash
if [ "$can_validate" = 2 ]; then
	check "the JSON of these runs is valid" are_valid
else
	skip "the JSON of these runs is valid" "no python3 with jsonschema"
fi
finish
