#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel target on this machine, as root and as nobody: a short run that says what it is worth, and clean refusals.
# Reports case by case (TAP). Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
srcdir=${srcdir:-.}
stress=${NRB_STRESS:-stress/stress}

# ends STATUS...: the last run ended with one of these
ends() { [[ " $* " == *" $got "* ]] || { echo "status $got"; return 1; }; }

go() {
	got=0
	timeout 30 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
}

verdict() { grep -E '^(PASS|INCONCLUSIVE|SKIP|FAIL|ERROR) ' "$tmp/out"; }

# A second is too short for a PASS on most machines, and this may be none where it can run at all.
short_run() {
	go "$stress" kernel --duration=1 --color=never --output=text --output=json:"$tmp/kernel.json"
	ends 0 3 77 || return 1
	[ -n "$(verdict)" ] || return 1
	if [ "$got" = 77 ]; then
		verdict | grep -qE '^SKIP .*(kernel\.perf_event_paranoid|kptr_restrict|perf|CPU|kallsyms)'
	else
		grep -q 'samples/s inside its writes:' "$tmp/out" && grep -qE '^kernel +kernel ' "$tmp/out" &&
			grep -qE '^legacy +timer ' "$tmp/out" && verdict | grep -qE 'kernel|legacy'
	fi
}

ran() { grep -q '"tier": "kernel"' "$tmp/kernel.json" && grep -q '"in_writes": ' "$tmp/kernel.json"; }

valid() { "$python" "$srcdir/tests/json_validate" "$srcdir/doc/nrb-stress.schema.json" "$tmp/kernel.json"; }

listed() { run 0 "$stress" --list && grep -q '^kernel *sound' "$tmp/out"; }

# Only with its target; and it is no tier that can be asked for.
bad_options() {
	run 2 "$stress" --kernel-breakpoints && grep -q 'name the target: kernel' "$tmp/err" &&
		run 2 "$stress" --inject=kernel && grep -q 'step, aim, timer or kick' "$tmp/err"
}

# Where the kernel takes none it says why, and so it does where it cannot be asked; else it strikes.
breakpoints() {
	go "$stress" kernel --duration=1 --kernel-breakpoints --color=never
	ends 0 3 77 || return 1
	if [ "$got" = 77 ]; then
		verdict | grep -qE '^SKIP .*(KPROBES|root|debug registers|hardware breakpoints|paranoid|CPU|kallsyms)'
	else
		grep -q 'breakpoints struck' "$tmp/out"
	fi
}

as_nobody() {
	# Elsewhere: nobody may not look into the build directory.
	cp -L "$stress" "$tmp/stress" && chmod 755 "$tmp" "$tmp/stress" || return 1
	go setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all "$tmp/stress" kernel \
		--duration=1 --color=never
	ends 77 && verdict | grep -qE '^SKIP .*(exclude_kernel|kallsyms|CPU)' && [ "$(wc -l <"$tmp/out")" -lt 12 ] &&
		! grep -q 'KNOWN BAD' "$tmp/out"
}

can_be_nobody() {
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups true
}

check "it is listed" listed
check "what cannot be asked for" bad_options
check "a run of a second ends with a word for what it is worth" short_run
for python in /usr/bin/python3 python3 none; do
	[ "$python" = none ] || ! "$python" -c 'import jsonschema' 2>/dev/null || break
done
if ! ran; then
	skip "its JSON is valid" "the target cannot run here"
elif [ "$python" = none ]; then
	skip "its JSON is valid" "no python3 with jsonschema: install python3-jsonschema"
else
	check "its JSON is valid" valid
fi
check "breakpoints strike, or are refused with the reason" breakpoints
if ! can_be_nobody 2>/dev/null; then
	skip "nobody is told what cannot be seen" "takes root and setpriv"
elif [ "$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo 2)" -lt 2 ]; then
	skip "nobody is told what cannot be seen" "kernel.perf_event_paranoid lets everybody see"
else
	check "nobody is told what cannot be seen" as_nobody
fi
finish
