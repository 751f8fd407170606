#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rings of others, as shared objects: the examples, those that misbehave, and those that cannot be loaded. With
# NRB_PLUGINS_LONG set, also all tiers, all misbehaviours, and the guide word for word.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
srcdir=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
stress=${NRB_STRESS:-$PWD/stress/stress}
cc=${CC:-cc}
long=${NRB_PLUGINS_LONG-}

# make_plugin OUT SOURCE [OPTION]...: without what the programs of this build are instrumented with
make_plugin() {
	local out=$1 source=$2
	shift 2
	$cc -std=gnu11 -O2 -g -fPIC -shared -Wall -Wextra -Werror -I"$srcdir/stress/plugin" "$srcdir/$source" \
		-o "$tmp/$out.so" "$@"
}

# misbehaving WHAT
misbehaving() { make_plugin "$1" tests/plugins/misbehaves.c -DMISBEHAVIOUR="$1" -pthread; }

# steps STATUS PLUGIN [OPTION]...: stepped through soon
steps() {
	local status=$1 plugin=$2
	shift 2
	run "$status" timeout 60 "$stress" --inject=step --depth=1 --strikes=1 "$@" "$tmp/$plugin.so"
}

says() { grep -qE -- "$1" "$tmp/out" || { echo "no '$1' in what it says"; return 1; }; }
complains() { grep -qE -- "$1" "$tmp/err" || { echo "no '$1' on standard error"; return 1; }; }

sound() {
	make_plugin sound examples/plugins/sound.c && steps 0 sound &&
		says '^PASS   sound: 0 violations, struck at all'
}

# The line that it shows at is its own, and the way there is told again.
broken() {
	make_plugin broken examples/plugins/broken.c && steps 1 broken --witness="$tmp/ways" &&
		says '^FAIL   broken, which claims to be sound, showed violations' && says 'stuck_head' &&
		grep -q '"file": ".*/broken.so"' "$tmp/ways"
}

replayed() {
	run 0 timeout 60 "$stress" --replay="$tmp/ways" && says '^broken, ring state "empty": stuck_head' &&
		says '^stuck_head showed again: ' && says 'publish, '
}

# What was built anew has its instructions elsewhere.
replay_of_another() {
	cp "$tmp/broken.so" "$tmp/kept.so" && cp "$tmp/sound.so" "$tmp/broken.so" &&
		run 2 "$stress" --replay="$tmp/ways" && complains 'is another one than it was, or gone.*--witness'
	local status=$?
	cp "$tmp/kept.so" "$tmp/broken.so"
	return "$status"
}

ck_ring() {
	make_plugin ck_ring examples/plugins/ck_ring.c && steps 0 ck_ring && says 'KNOWN BAD, caught' &&
		says 'stuck_head: ring state .*level 0 struck'
}

ck_ring_mpsc() {
	make_plugin ck_ring_mpsc examples/plugins/ck_ring.c -DMPSC && steps 1 ck_ring_mpsc &&
		says 'hang: ring state "empty", level 0 struck after [0-9]+ instructions'
}

ck_fifo() {
	make_plugin ck_fifo examples/plugins/ck_fifo.c && steps 0 ck_fifo &&
		says '^PASS   ck_fifo: 0 violations, struck at all'
}

wfcqueue() {
	make_plugin wfcqueue examples/plugins/wfcqueue.c -lurcu-common && steps 0 wfcqueue &&
		says '^PASS   wfcqueue: 0 violations, struck at all'
}

cxx() {
	c++ -O2 -g -fPIC -shared -Wall -Wextra -Werror -I"$srcdir/stress/plugin" \
		"$srcdir/examples/plugins/spinlock.cc" -o "$tmp/spinlock.so" && steps 1 spinlock &&
		says '  spinlock: hang in' && says 'hang: ring state "empty", level 0 struck'
}

# A write that crashes when it is nested: with what was interrupted, how deep, and the line; told again.
crash_nested() {
	misbehaving NESTED_NULL && steps 1 NESTED_NULL --witness="$tmp/crash" && says '  misbehaves: crash in' &&
		says 'crash: ring state "empty", level 0 struck after [0-9]+ instructions, at' &&
		run 0 timeout 60 "$stress" --replay="$tmp/crash" && says '^crash showed again: signal 11 '
}

deadlock() { misbehaving MUTEX && steps 1 MUTEX && says 'hang: ring state "empty", level 0 struck after'; }
null_pointer() { misbehaving NULL_POINTER && steps 1 NULL_POINTER && says 'crash: .*not struck at all: signal 11'; }
exits() { misbehaving EXIT && steps 1 EXIT && says 'crash: .*it ended the process'; }
# Nothing is ever wrong with a ring that takes nothing; and nothing has been tried of it.
refuses_all() {
	misbehaving REFUSES && steps 3 REFUSES && says '^INCONCLUSIVE   misbehaves is clean, but it refused every'
}

aborts() { misbehaving ABORT && steps 1 ABORT && says 'crash: .*signal 6'; }
overflows() { misbehaving STACK && steps 1 STACK && says 'crash: .*signal 11'; }
crashes_open() { misbehaving OPEN_CRASH && steps 1 OPEN_CRASH && says 'crash: .*signal 11'; }
loops() { misbehaving LOOP && steps 1 LOOP && says 'hang: .*it did not come back, at'; }
read_loops() { misbehaving READ_LOOP && steps 1 READ_LOOP && says 'hang: .*it did not come back, at'; }
mallocs() {
	misbehaving MALLOC && run 1 timeout 60 "$stress" --inject=step --duration=8 "$tmp/MALLOC.so" &&
		says '(crash|torn_record): ring state "empty", level 0 struck after'
}

# timed STATUS PLUGIN WHAT [SECONDS]: for three seconds at full speed, or for so many
timed() {
	run "$1" timeout 60 "$stress" --inject=timer --duration="${4-3}" --writers=1 "$tmp/$2.so" && says "$3"
}

# Threads share its writing side, as it claims they may; and they did meet.
shared() {
	timed 0 wfcqueue '^PASS   wfcqueue: 0 violations' &&
		# However the lines are broken.
		tr -s ' \n' ' ' <"$tmp/out" |
		grep -E 'wrote into each ring: [1-9].* [1-9][0-9,]* interrupts found both in a write' >/dev/null
}

# A ring without a position that readers see has nothing that is exposed: then all of a write is aimed at.
aimed() {
	local got=0
	timeout 60 "$stress" --inject=aim --duration=4 "$tmp/wfcqueue.so" >"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
	[ "$got" = 77 ] && says '^SKIP   aim: .*breakpoint' && return
	[ "$got" = 0 ] && says '^PASS   wfcqueue: 0 violations at [1-9]'
}

# Its writes are long: in the time of a test a part of one state is gone through.
lttng_ust() {
	local plugins=$srcdir/examples/plugins
	make_plugin lttng_ust examples/plugins/lttng_ust.c "$plugins/lttng_session.c" "$plugins/lttng_channel.c" \
		-llttng-ust-ctl -llttng-ust-common -lurcu &&
		run 3 timeout 60 "$stress" --inject=step --duration=5 "$tmp/lttng_ust.so" &&
		says '^INCONCLUSIVE   lttng-ust is clean, but not even all' &&
		says '^lttng-ust +[1-9][0-9]* \([0-9]+/17\)'
}

# Records do come, whether or not enough was struck.
lttng_ust_at_full_speed() {
	local got=0
	timeout 60 "$stress" --inject=timer --duration=4 --writers=1 "$tmp/lttng_ust.so" >"$tmp/out" 2>"$tmp/err" \
		</dev/null || got=$?
	[ "$got" = 0 ] || [ "$got" = 3 ] || return 1
	says '^lttng-ust +[1-9][0-9.,]*( [kM])? .* (sound, clean|clean, INCONCLUSIVE)$'
}

# One that claims it, and is good for one thread and its handlers.
wrongly_shared() {
	make_plugin wrongly_shared tests/plugins/wrongly_shared.c &&
		timed 1 wrongly_shared '^FAIL   wrongly-shared, which claims to be sound'
}

# full_speed PLUGIN: its exit status. Writers do not wait for room, so that threads refuse at the same time.
full_speed() {
	local got=0
	timeout 60 "$stress" --inject=timer --duration=1 --writers=1 --drop "$tmp/$1.so" >"$tmp/out" 2>"$tmp/err" \
		</dev/null || got=$?
	echo "$got"
}

# Two threads, and all that can be told of them: nothing is, of one that is sound, on a busy machine either.
shared_sound() {
	make_plugin many_writers tests/plugins/many_writers.c "$@" || return 1
	case $(full_speed many_writers) in
	0 | 3) says 'two threads' ;;
	*) cat "$tmp/out" "$tmp/err" && return 1 ;;
	esac
}

# And what is good for one thread and its handlers is found out, sooner or later.
shared_fault() {
	make_plugin "$1" tests/plugins/many_writers.c -DFAULT="$1" || return 1
	for _ in 1 2 3 4 5 6 7 8; do
		[ "$(full_speed "$1")" = 1 ] && says "$2" && return
	done
	cat "$tmp/out"
	return 1
}

# The second thread alone goes wrong, or both at once: each is told for what it is.
second() {
	misbehaving "$2" && run "$1" timeout 60 "$stress" --inject=timer --duration=1 --writers=1 "$tmp/$2.so" &&
		says "$3"
}

# All that a table may have, and memory that the harness does not know: our own ring by a way around. Each way takes a
# process of its own, so the states that can be tried in the time are few.
perf_layout() {
	make_plugin perf_layout tests/plugins/perf_layout.c -I"$srcdir/src" -DDEPTH=3 -L"$PWD/src/.libs" -lnrb \
		-Wl,-rpath,"$PWD/src/.libs" &&
		run 3 timeout 60 "$stress" --inject=step --duration=5 "$tmp/perf_layout.so" &&
		says '^INCONCLUSIVE   perf-layout is clean, but not even all single strikes could be tried: [1-9]'
}

# Three writes nest at most: no signal of level 3 strikes.
depth() { timed 0 perf_layout '^PASS   perf-layout: 0 violations'; }

# refused TEXT PLUGIN
refused() { run 2 "$stress" "$tmp/$2" && complains "cannot use .*$1" && [ ! -s "$tmp/out" ]; }
wrong_version() { misbehaving VERSION && refused 'made for version 99 .*and this is 1' VERSION.so; }
wrong_size() { misbehaving SIZE && refused 'table is of 8 bytes.*struct_size' SIZE.so; }
no_write() { misbehaving NO_WRITE && refused 'no write\(\), which is mandatory' NO_WRITE.so; }
bad_name() { misbehaving NAME_BAD && refused 'its name is "not a name"' NAME_BAD.so; }
constructor() {
	misbehaving CONSTRUCTOR_CRASH && refused 'loading it ended with signal 11.*constructors' CONSTRUCTOR_CRASH.so
}
no_file() { refused 'No such file' none.so; }
not_elf() { echo 'int x;' >"$tmp/text.so" && refused '(invalid ELF|file too short).*cc -shared' text.so; }
a_directory() { mkdir -p "$tmp/dir.so" && refused '' dir.so; }
no_symbol() { echo 'int x;' | $cc -shared -fPIC -x c - -o "$tmp/empty.so" && refused 'no symbol nrb_plugin' empty.so; }
unresolved() {
	echo 'int none(void); int (*x)(void) = none;' | $cc -shared -fPIC -x c - -o "$tmp/lacking.so" &&
		refused 'undefined symbol: none.*link' lacking.so
}
twice() { run 2 "$stress" "$tmp/sound.so" "$tmp/sound.so" && complains 'two targets of the name sound'; }

# Strikes in its own code alone are fewer; the map tells of its lines.
own_code() {
	steps 0 sound --map && says '^map of sound: .*; [1-9][0-9]* struck in what it calls' && says 'sound.c:[0-9]+' &&
		steps 0 sound --map --own-code && says '^map of sound: .*; 0 struck in what it calls'
}

# The guide, in an empty directory, against what is installed.
guide() {
	local root=$tmp/root empty=$tmp/empty line
	make -s install DESTDIR="$root" >/dev/null 2>&1 && mkdir -p "$empty" && cd "$empty" || return 1
	PATH=$(dirname -- "$(find "$root" -name nrb-stress)"):$PATH
	CPATH=$(dirname -- "$(find "$root" -name nrb_plugin.h)")
	export PATH CPATH
	awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code' "$srcdir/doc/plugins.md" >my-ring.c
	find "$root" -path '*plugins*' -name '*.c*' -exec cp {} . \;
	sed -n 's/^    \(\(cc\|c++\|nrb-stress\) .*\)/\1/p' "$srcdir/doc/plugins.md" >commands
	while read -r line; do
		# shellcheck disable=SC2086
		timeout 120 $line >"$tmp/out" 2>"$tmp/err" </dev/null
		echo "$? $line"
	done <commands | tee status
	grep -qx '1 nrb-stress ./my-ring.so --inject=step --witness=ways' status &&
		grep -qx '0 nrb-stress --replay=ways' status &&
		grep -qx '0 nrb-stress ./sound.so --duration=10' status &&
		grep -qx '1 nrb-stress ./broken.so --duration=4' status && ! grep -vE '^[01] ' status
}

"$stress" --list >/dev/null 2>&1 || skip_all "$stress was not built"
[ "$(uname -m)" = x86_64 ] || skip_all "stepping is tried on x86-64"
case " ${CFLAGS-} " in
*" -fsanitize="*) skip_all "what a sanitizer wants to be loaded first is not ours to say" ;;
esac

check "a sound one" sound
check "one that is broken" broken
check "its way is told again" replayed
check "not when it was built anew" replay_of_another
check "one that crashes when it is nested" crash_nested
check "one that takes a mutex" deadlock
check "one that refuses every record" refuses_all
check "of another version" wrong_version
check "a table of another size" wrong_size
check "without a write" no_write
check "a name that is none" bad_name
check "a constructor that crashes" constructor
check "no such file" no_file
check "not an object" not_elf
check "a directory" a_directory
check "an object without the symbol" no_symbol
check "an unresolved symbol" unresolved
check "two of a name" twice
if [ -z "$long" ]; then
	skip "all else" "NRB_PLUGINS_LONG is not set"
	finish
fi
check "its own code alone, and its map" own_code
if echo '#include <ck_ring.h>' | $cc -E - >/dev/null 2>&1; then
	check "ck_ring, which must not be nested into" ck_ring
	check "the same for several producers" ck_ring_mpsc
	check "ck_fifo, which is lock-free" ck_fifo
else
	skip "ck_ring, the same for several producers, and ck_fifo" "no libck-dev"
fi
check "liburcu's queue" wfcqueue
# What LTTng-UST leaves for a daemon that comes later.
shm=(/dev/shm/lttng-ust-wait-8 "/dev/shm/lttng-ust-wait-8-$(id -u)")
for i in 0 1; do
	[ ! -e "${shm[i]}" ] || unset "shm[$i]"
done
if echo '#include <lttng/ust-ctl.h>' | $cc -E - >/dev/null 2>&1; then
	check "LTTng-UST's ring buffer" lttng_ust
	[ "$(nproc)" = 1 ] || check "timer: LTTng-UST's ring buffer" lttng_ust_at_full_speed
else
	skip "LTTng-UST's ring buffer" "no liblttng-ust-dev"
fi
rm -f "${shm[@]}"
check "a spin lock in C++" cxx
check "a null pointer" null_pointer
check "exit()" exits
check "abort()" aborts
check "a stack that overflows" overflows
check "open() crashes" crashes_open
check "an endless loop" loops
check "an endless loop in read()" read_loops
check "malloc()" mallocs
check "perf's layout, and memory that is not known" perf_layout
if [ "$(nproc)" -gt 1 ]; then
	check "timer: a sound one" timed 0 sound '^PASS'
	check "timer: all that a table may have" depth
	check "timer: two threads" shared
	check "aim: all of a write" aimed
	check "timer: two threads, where one may write" wrongly_shared
	check "timer: two threads, positions in records" shared_sound
	check "timer: two threads, positions in bytes" shared_sound -DUNIT=128
	check "timer: two threads reserve one slot" shared_fault PLAIN_RESERVE \
		'gaps? in the sequence|torn record|repeated'
	check "timer: two threads count what is lost" shared_fault PLAIN_LOST 'lost records did not add up'
	check "timer: the second thread crashes" second 1 SECOND_NULL 'crashed [0-9]+ time'
	check "timer: both threads crash" second 1 BOTH_NULL 'crashed [0-9]+ times?: signal 11'
	check "timer: the second thread loops" second 1 SECOND_LOOP 'hung [0-9]+ time'
	check "timer: the second thread ends itself" second 1 SECOND_GONE 'crashed [0-9]+ times?: it ended'
	check "timer: a reader ends itself" second 1 READ_GONE 'crashed [0-9]+ times?: it ended'
	check "timer: the second thread is refused" second 2 SECOND_REFUSED 'attach\(\) refused one of two'
	check "timer: the second thread loops in attach()" second 1 SECOND_ATTACH_LOOP 'hung [0-9]+ time'
	check "timer: broken" timed 1 broken 'stuck'
	check "timer: a mutex" timed 1 MUTEX 'hung [0-9]+ time' 1
	check "timer: an endless loop" timed 1 LOOP 'hung [0-9]+ time' 1
	check "timer: an endless loop in read()" timed 1 READ_LOOP 'hung [0-9]+ time' 1
	check "timer: a null pointer" timed 1 NULL_POINTER 'crashed [0-9]+ time' 1
	check "timer: nested" timed 1 NESTED_NULL 'crashed [0-9]+ time'
	check "timer: exit()" timed 1 EXIT 'it ended the process' 1
	check "the guide, word for word" guide
else
	skip "timer, and the guide" "one CPU"
fi
finish
