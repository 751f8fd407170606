#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Witnesses: written by a run, told again by the same build, refused by another; and files that are none.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
stress=${NRB_STRESS:-stress/stress}

# Depth 1 is soon done, also without optimisation.
writes() {
	run 0 "$stress" legacy late-inc torn-head --inject=step --depth=1 --witness="$tmp/witness.json" &&
		grep -q '^PASS ' "$tmp/out" && grep -q '"violation": "head_backward"' "$tmp/witness.json"
}

# Two columns: on the left who runs, on the right what a reader sees.
replays() {
	run 0 "${1:-$stress}" --replay="$tmp/witness.json" &&
		grep -q '^legacy, ring state "empty": head_backward$' "$tmp/out" &&
		grep -q '^\*\*\* struck after [0-9]* instructions' "$tmp/out" &&
		grep -q '^    level 1 is done' "$tmp/out" &&
		grep -q ' | data_head 0x.* BACK  <== head_backward' "$tmp/out" &&
		grep -q '^head_backward showed again: ' "$tmp/out" &&
		grep -q '^late-inc, ring state' "$tmp/out" &&
		grep -q '^torn-head, ring state "across 2^32"' "$tmp/out"
}

replays_by_ptrace() { run 0 "$stress" --replay="$tmp/witness.json" --stepper=ptrace && grep -q BACK "$tmp/out"; }
replays_stripped() { cp "$stress" "$tmp/bare" && strip "$tmp/bare" && replays "$tmp/bare"; }

# refuses TEXT: the file $tmp/bad, with a message on standard error
refuses() {
	run 2 "$stress" --replay="$tmp/bad" && [ ! -s "$tmp/out" ] && grep -q "cannot replay $tmp/bad: .*$1" "$tmp/err"
}

# spoil SCRIPT: the witness file, changed by a sed script
spoil() {
	sed "$1" "$tmp/witness.json" >"$tmp/bad" && ! cmp -s "$tmp/bad" "$tmp/witness.json"
}

other_build() { spoil 's/"build_id": "../"build_id": "zz/' && refuses 'another build .*--witness'; }
no_file() { rm -f "$tmp/bad" && refuses 'No such file'; }
a_directory() { rm -f "$tmp/bad" && mkdir "$tmp/bad" && refuses '' && rmdir "$tmp/bad"; }
empty_file() { : >"$tmp/bad" && refuses 'not JSON'; }
cut_off() { head -c 300 "$tmp/witness.json" >"$tmp/bad" && refuses 'not JSON'; }
nobodys() { echo '{"program": "other"}' >"$tmp/bad" && refuses 'no file that --witness wrote'; }
an_array() { echo '[1, 2]' >"$tmp/bad" && refuses 'no file that --witness wrote'; }
unknown_target() { spoil 's/"target": "legacy"/"target": "none"/' && refuses 'witness 1 cannot be understood'; }
unknown_level() { spoil 's/"level": 0/"level": 9/' && refuses 'cannot be understood'; }
negative_boundary() { spoil 's/"boundary": [0-9]*/"boundary": -1/' && refuses 'cannot be understood'; }
other_format() { spoil 's/"format_version": 1/"format_version": 2/' && refuses 'form'; }

# The same file with a strike elsewhere: it must not be taken for the one that it says it is.
astray() {
	spoil '0,/"boundary": [0-9]*/s//"boundary": 3/' &&
		run 2 "$stress" --replay="$tmp/bad" && grep -q 'another instruction stands where' "$tmp/err"
}

missing_directory() {
	run 2 "$stress" --inject=step --witness="$tmp/none/w.json" &&
		grep -q 'none/w.json: .*make the directory' "$tmp/err"
}

without_stepping() {
	run 2 "$stress" --inject=timer --witness="$tmp/w.json" && grep -q 'step' "$tmp/err"
}

"$stress" --list >/dev/null 2>&1 || skip_all "$stress was not built"
[ "$(uname -m)" = x86_64 ] || skip_all "stepping is tried on x86-64"

check "a run writes its witnesses" writes
case " ${CFLAGS-} " in
*" -fsanitize="*)
	# It goes another way where something is called for the first time, which a replay notices.
	skip "--replay tells them as stories" "a sanitizer's code is not the same twice"
	;;
*)
	check "--replay tells them as stories" replays
	check "the same by ptrace" replays_by_ptrace
	if command -v strip >/dev/null; then
		check "a stripped program replays them too" replays_stripped
	else
		skip "a stripped program replays them too" "no strip"
	fi
	;;
esac
check "of another build: refused" other_build
check "no such file" no_file
check "a directory" a_directory
check "an empty file" empty_file
check "one that was cut off" cut_off
check "one that is something else" nobodys
check "one that is no object" an_array
check "a target that there is not" unknown_target
check "a level that there is not" unknown_level
check "a boundary below 0" negative_boundary
check "another format" other_format
check "a strike before another instruction" astray
check "a file that cannot be written: told before the run" missing_directory
check "--witness without the step tier: refused" without_stepping
finish
