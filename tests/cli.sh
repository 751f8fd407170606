#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line of the harness, as people use and misuse it. Reports case by case (TAP).
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
stress=${NRB_STRESS:-stress/stress}
cpus=$(nproc)

# A bad option: status 2, nothing on standard output, and a message that holds the text.
refuses() {
	local text=$1
	shift
	run 2 "$stress" "$@" && [ ! -s "$tmp/out" ] && grep -qF -- "$text" "$tmp/err"
}

# What chance decides on a busy machine is no failure; a violation, an error or a hang is.
ends_well() {
	local got=0
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
	[ "$got" = 0 ] || [ "$got" = 3 ] || { echo "status $got: $*"; return 1; }
}

lists_targets() {
	run 0 "$stress" --list && grep -q '^legacy *control' "$tmp/out" && grep -q '^fixed *sound' "$tmp/out"
}

tells_help() { run 0 "$stress" --help && grep -q 'Exit status' "$tmp/out"; }
tells_version() { run 0 "$stress" --version && grep -q '^nrb-stress (nrb) [0-9]' "$tmp/out"; }

one_cpu_skips() {
	run 77 taskset -c "$first_cpu" "$stress" && grep -q '^SKIP .*CPU' "$tmp/out" &&
		run 5 taskset -c "$first_cpu" "$stress" --skip-status=5 &&
		run 77 "$stress" --cpus="$first_cpu" &&
		run 77 taskset -c "$first_cpu" "$stress" --output=json:"$tmp/json/skip.json" &&
		grep -q '"verdict": "SKIP"' "$tmp/json/skip.json"
}

foreign_cpu() { run 2 "$stress" --cpus=4095 --duration=1 && grep -q '^ERROR .*4095' "$tmp/out"; }

missing_directory() {
	run 2 "$stress" --duration=30 --output=json:"$tmp/none/run.json" && grep -q 'none/run.json' "$tmp/err"
}

full_disk() {
	run 2 "$stress" legacy --inject=timer --duration=200ms --output=text:/dev/full && grep -q '/dev/full' "$tmp/err"
}

full_stdout() {
	local got=0
	"$stress" --list >/dev/full 2>"$tmp/err" || got=$?
	[ "$got" = 2 ]
}

# All at once, whole, and nothing else left beside them.
reports() {
	mkdir "$tmp/reports" &&
		ends_well "$stress" --duration=300ms --inject=timer,step --inject=timer --output=ktap \
			--output=json:"$tmp/reports/run.json" --output=text:"$tmp/reports/run.txt" &&
		grep -q '^KTAP version 1' "$tmp/out" && grep -q '"head_backward"' "$tmp/reports/run.json" &&
		grep -q '^legacy ' "$tmp/reports/run.txt" && [ "$(find "$tmp/reports" -type f | wc -l)" = 2 ] &&
		cp "$tmp/reports/run.json" "$tmp/json"
}

# Each once, in the order given.
tiers_in_order() { tr -d ' \n' <"$tmp/reports/run.json" | grep -qF '"inject":["timer","step"]'; }

# Of all runs that left theirs, in one go: it is the start of the validator that takes its time.
json_is_valid() { "$srcdir/tests/json_validate" "$srcdir/doc/nrb-stress.schema.json" "$tmp"/json/*; }

# can_validate: whether there is what it takes to; asked nothing, it tells its usage
can_validate() {
	local got=0
	"$srcdir/tests/json_validate" >/dev/null 2>&1 || got=$?
	[ "$got" = 2 ]
}

# Stepping needs no second CPU: it ends by itself, catches the control, and its report is as valid as any.
steps_on_one_cpu() {
	run 0 timeout 100 taskset -c "$first_cpu" "$stress" --inject=step --depth=1 --strikes=1 --output=text \
		--output=json:"$tmp/json/step.json" &&
		grep -q '^PASS .*fixed: 0 violations, struck at all' "$tmp/out" &&
		grep -q 'KNOWN BAD, caught' "$tmp/out" && grep -q '"duration_ns": null' "$tmp/json/step.json" &&
		grep -q '"scenario": "' "$tmp/json/step.json"
}

# started THREAD COMMAND...: start it, and wait until it is in the middle of what it does, on a slow machine too: $pid
# is its number, $child that of its process in which there is such a thread, $task; any process, when THREAD is empty.
started() {
	local thread=$1 entry
	shift
	# A job in the background ignores SIGINT, unless a shell of its own says otherwise.
	env --default-signal=INT,TERM "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	pid=$!
	for _ in $(seq 500); do
		child=$(pgrep -P "$pid" | head -n 1)
		[ -z "$child" ] || [ "$thread" ] || return 0
		for entry in /proc/"${child:-none}"/task/*/comm; do
			task=${entry%/comm} task=${task##*/}
			{ [ "$(<"$entry")" = "$thread" ] && return; } 2>/dev/null
		done
		sleep 0.02
	done
	echo "no thread '$thread' in any process of $pid, $*"
	kill -KILL "$pid"
	wait "$pid"
	return 1
}

# ended STATUS: with that
ended() {
	local got=0
	wait "$pid" || got=$?
	[ "$got" = "$1" ] || { echo "status $got, not $1"; return 1; }
}

# gone PROCESS: a zombie that nobody has collected yet runs no more
gone() {
	for _ in $(seq 200); do
		[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && return 0
		sleep 0.01
	done
	return 1
}

# Ctrl-C on a terminal goes to all processes of the run, the one that steps as well.
stopped_while_stepping() {
	started "" setsid "$stress" --inject=step --depth=3 fixed || return 1
	sleep 0.1
	kill -s INT -- "-$pid"
	ended 130 && grep -q '^INCONCLUSIVE .*interrupted by SIGINT' "$tmp/out"
}

# What a pipe received from a run whose seed was given.
prints_the_seed() { grep -q 'seed 0x1234' "$tmp/elsewhere"; }
no_escapes_in_a_pipe() { ! grep -q "$(printf '\033')" "$tmp/elsewhere"; }

one_line() {
	ends_well "$stress" legacy --quiet --inject=timer --duration=200ms && [ "$(wc -l <"$tmp/out")" = 1 ]
}

adds_a_control() { grep -q '^legacy ' "$tmp/elsewhere" && grep -q '^fixed ' "$tmp/elsewhere"; }

# One that this machine cannot have is a SKIP, and is told; the others run all the same.
every_tier() {
	local got=0
	"$stress" --duration=400ms --inject=step,aim,timer,kick --output=text --output=json:"$tmp/json/every.json" \
		>"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
	[ "$got" = 0 ] || [ "$got" = 3 ] || [ "$got" = 77 ] || { echo "status $got"; return 1; }
	grep -q '^timer  .*cpu' "$tmp/out" && grep -q '^kick  .*cpu' "$tmp/out" &&
		grep -q '^aim  ' "$tmp/out" && grep -q '^fixed  *kick ' "$tmp/out"
}

# An absurd rate ends on time, and says what it was cut to.
absurd_rate() {
	local start=$SECONDS
	ends_well timeout 20 "$stress" legacy --duration=300ms --rate=1000000 && [ $((SECONDS - start)) -le 4 ] &&
		grep -q '16,666' "$tmp/out" &&
		ends_well timeout 20 "$stress" legacy --duration=200ms --rate=1000000 --inject=kick
}

no_timers() {
	local tier
	for tier in timer kick; do
		(ulimit -i 0 && run 2 "$stress" legacy --inject="$tier" --duration=1) &&
			grep -q '^ERROR .*ulimit -i' "$tmp/out" || return 1
	done
}

# displaced THREAD: one that is not where it was pinned to any more, as when its CPU goes offline
displaced() {
	started "$1" "$stress" legacy --inject=timer --duration=4 || return 1
	# In another slice, should this one be over by now.
	for _ in $(seq 300); do
		taskset -cp "$all_cpus" "${task:-none}" >/dev/null 2>&1 && break
		sleep 0.01
		child=$(pgrep -P "$pid" | head -n 1)
		task=$(grep -lx "$1" /proc/"${child:-none}"/task/*/comm 2>/dev/null | sed 's,/comm$,,; s,.*/,,')
	done
	ended 2 && grep -q '^ERROR .*taken away.*--cpus' "$tmp/out"
}

# stopped SIGNAL STATUS: in the middle of a run, by a signal; what there is is printed and written, and nothing is left
stopped() {
	rm -rf "$tmp/stopped" && mkdir "$tmp/stopped" &&
		started writer0 "$stress" legacy --inject=timer --duration=60 --output=text \
			--output=json:"$tmp/stopped/run.json" || return 1
	kill -s "$1" "$pid"
	ended "$2" && grep -q '^INCONCLUSIVE .*interrupted' "$tmp/out" &&
		grep -q '"verdict": "INCONCLUSIVE"' "$tmp/stopped/run.json" &&
		[ "$(find "$tmp/stopped" -type f | wc -l)" = 1 ] && gone "$child" && ! pgrep -P "$pid" >/dev/null &&
		cp "$tmp/stopped/run.json" "$tmp/json/stopped.json"
}

# Killed outright: its children go with it.
killed() {
	started writer0 "$stress" legacy --inject=timer --duration=60 || return 1
	kill -KILL "$pid"
	ended 137 2>/dev/null && gone "$child"
}

into_head() {
	"$stress" legacy --inject=timer --duration=200ms --output=text --output=json:"$tmp/head.json" |
		head -1 >/dev/null
	[ -s "$tmp/head.json" ]
}

oversubscribed() {
	ends_well "$stress" --inject=timer --duration=300ms --writers=2 --readers=2 && ! grep -q '^FAIL' "$tmp/out"
}

drops() { ends_well "$stress" --inject=timer --duration=300ms --drop --size=4K && ! grep -q '^FAIL' "$tmp/out"; }

# Of the tiers there are without --inject, too.
without_slow_motion() {
	ends_well "$stress" legacy --duration=300ms --slow-motion=0 --output=json &&
		grep -q '"slow_motion"' "$tmp/out" &&
		tr -d ' \n' <"$tmp/out" | grep -qF '"inject":["step","timer"]'
}

from_elsewhere() {
	local program
	program=$(realpath "$stress")
	(cd / && ends_well "$program" fixed --inject=timer --duration=200ms --seed=0x1234) &&
		mv "$tmp/out" "$tmp/elsewhere"
}

# Where the older head is stored over the newer one is exposed, and some exposed boundary is struck: by chance, so that
# it is tried a few times.
maps() {
	local duration store='mov[lq]* %[a-z0-9]*, [-0-9a-fx]*(%[a-z0-9]*) .*exposed, decreasing'
	# Longer, where others leave this machine little time.
	for duration in 300ms 300ms 1 3 10; do
		ends_well "$1" legacy --duration="$duration" --map || return 1
		grep -q '^map of legacy: [1-9]' "$tmp/out" || return 1
		if grep -q '^    source .*instruction' "$tmp/out"; then
			grep -q "$store" "$tmp/out" && grep -q 'not reached$' "$tmp/out" || return 1
		fi
		grep -q ' [1-9][0-9,]*  exposed' "$tmp/out" && return 0
	done
	return 1
}

# Offsets in the module, in place of functions and lines.
maps_stripped() {
	cp "$stress" "$tmp/bare" && strip "$tmp/bare" && maps "$tmp/bare" && grep -q '^  bare$' "$tmp/out" &&
		grep -q '^  *+0x[0-9a-f]* .* exposed' "$tmp/out" && ! grep -q '^    legacy\.c' "$tmp/out"
}

srcdir=${srcdir:-.}
mkdir "$tmp/json" || exit 99
all_cpus=$(taskset -cp $$ | sed 's/.*: //')
first_cpu=${all_cpus%%[,-]*}

check "lists targets" lists_targets
check "tells its options" tells_help
check "tells its version" tells_version
check "refuses an unknown option" refuses "--nonsense" --nonsense
check "refuses an unknown target" refuses "no target 'nobody'" nobody
check "refuses a duration of nothing" refuses "--duration=0" --duration=0
check "refuses a negative duration" refuses "not understood" --duration=-1
check "refuses a duration that is no number" refuses "not understood" --duration=soon
check "refuses a share above 1" refuses "--slow-motion=2" --slow-motion=2
check "refuses to leave the writer nothing" refuses "--progress=0" --progress=0
check "refuses a ring that is no power of two" refuses "power of two" --size=5000
check "refuses no writers" refuses "--writers=0" --writers=0
check "refuses an unknown tier, and lists those there are" refuses "step, aim, timer or kick" --inject=steps
check "refuses an empty tier" refuses "--inject=timer,:" --inject=timer,
check "refuses a depth of nothing" refuses "--depth=0" --depth=0
check "refuses a depth beyond the levels" refuses "1, 2 or 3" --depth=4
check "refuses a depth that is no number" refuses "not understood" --depth=deep
check "refuses three strikes" refuses "--strikes=3" --strikes=3
check "refuses no strikes" refuses "1 or 2" --strikes=0
check "refuses an unknown stepper, and lists those there are" refuses "trap or ptrace" --stepper=tarp
check "refuses an unknown format" refuses "--output=xml" --output=xml
check "refuses an empty file name" refuses "--output=json:" --output=json:
check "refuses a list of CPUs that is none" run 2 "$stress" --cpus=all
check "refuses a CPU that it may not use" foreign_cpu
check "finds a missing directory before it runs" missing_directory
check "tells a full standard output" full_stdout
check "one CPU: SKIP, with a reason" one_cpu_skips
if [ "$(uname -m)" != x86_64 ]; then
	skip "one CPU is enough to step" "what can be stepped elsewhere is not known"
else
	check "one CPU is enough to step" steps_on_one_cpu
	check "Ctrl-C while it steps: partial results" stopped_while_stepping
fi
if [ "$cpus" -lt 2 ]; then
	skip "runs of the harness" "two CPUs are needed"
else
	check "writes several reports at once" reports
	check "tiers in the order given, each once" tiers_in_order
	check "tells a full disk" full_disk
	check "from another directory" from_elsewhere
	check "prints the seed it was given" prints_the_seed
	check "no escape sequences in a pipe" no_escapes_in_a_pipe
	check "adds a control by itself" adds_a_control
	check "--quiet is one line" one_line
	check "every tier in one run" every_tier
	check "an absurd rate ends on time" absurd_rate
	check "no timers or signals to be had: ERROR, with the remedy" no_timers
	check "a writer whose CPU was taken away: ERROR, with the remedy" displaced writer0
	check "a reader whose CPU was taken away: the same" displaced reader0
	check "Ctrl-C: partial results, and its own exit" stopped INT 130
	check "SIGTERM: the same" stopped TERM 143
	check "SIGKILL leaves nothing running" killed
	check "a closed pipe does not cost the file" into_head
	check "two writers, two readers on the CPUs there are" oversubscribed
	check "--drop loses records, and accounts for them" drops
	check "without slow motion" without_slow_motion
	if [ "$(uname -m)" != x86_64 ]; then
		skip "boundary maps" "which boundaries are exposed is found out on x86-64"
	elif [[ " ${CFLAGS-} " == *" -fsanitize="* ]]; then
		skip "boundary maps" "so slow a build is struck where it matters by chance alone"
	else
		check "--map tells the window, and what struck there" maps "$stress"
		if command -v strip >/dev/null; then
			check "--map of a stripped program tells offsets" maps_stripped
		else
			skip "--map of a stripped program tells offsets" "no strip"
		fi
	fi
fi
if can_validate; then
	check "the JSON of these runs is valid" json_is_valid
else
	skip "the JSON of these runs is valid" "no python3 with jsonschema"
fi
finish
