# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What shell tests share; they source it. Cases are reported one by one (TAP), with output where one failed.
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP INT TERM
number=0 failed=0
# Whether everything is to be tried: NRB_CHECK=full. What is misspelt would pass unnoticed, as less than was asked for.
full=
# Whoever sources this may read it.
# shellcheck disable=SC2034
case ${NRB_CHECK-} in
full) full=yes ;;
'') ;;
*) echo "Bail out! NRB_CHECK=$NRB_CHECK: full, or nothing" && exit 99 ;;
esac

# check NAME COMMAND...: a case; what it prints is told if it fails, and so are $tmp/out and $tmp/err
check() {
	local name=$1
	shift
	number=$((number + 1))
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		failed=1
		sed 's/^/# /' "$tmp/log" "$tmp/out" "$tmp/err" 2>/dev/null | head -60
		return 1
	fi
}

# skip NAME REASON
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# skip_all REASON: nothing here can be tried
skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

# run STATUS COMMAND...: succeeds when it ends with that status; its output goes to $tmp/out and $tmp/err
run() {
	local want=$1 got=0
	shift
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
	[ "$got" = "$want" ] || { echo "status $got, not $want: $*"; return 1; }
}

# The plan, and the status: the last line of a test.
finish() {
	echo "1..$number"
	exit "$failed"
}
