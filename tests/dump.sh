#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# nrb-dump: rings of every kind, crashed, damaged, foreign and live; and perf's own tools on what it writes for them.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
dump=${NRB_DUMP:-dump/dump}
make_ring=${NRB_MAKE_RING:-tests/make_ring}
# TID, TIME, ID, CPU, STREAM_ID, IDENTIFIER
readonly all_fields=0x102c6
page=$(getconf PAGESIZE)

# ring NAME ARGUMENT...: make the ring $tmp/NAME; whether the writer is killed is its own affair
ring() {
	local name=$1
	shift
	rm -f "$tmp/$name" "$tmp/$name.writer"
	{ "$make_ring" "$tmp/$name" "$@"; } 2>"$tmp/err"
	[ -e "$tmp/$name" ]
}

# tells TEXT: on standard error
tells() { grep -qF -- "$1" "$tmp/err"; }

# numbers FILE: of the records in a JSON dump, one a line
numbers() {
	sed -n 's/.*"payload":"7265636f726420\(\(3[0-9]\)\{6\}\)20.*/\1/p' "$1" | sed 's/3\(.\)/\1/g; s/^0*\(.\)/\1/'
}

# json NAME: dump $tmp/NAME to $tmp/NAME.json, with status 0
json() { run 0 "$dump" -o "json:$tmp/$1.json" "$tmp/$1"; }

# all_of NAME FIRST LAST: the JSON dump has the records of these numbers, in this order, and no others
all_of() { [ "$(numbers "$tmp/$1.json" | xargs)" = "$(seq "$2" "$3" | xargs)" ]; }

# 40 bytes of payload and a header.
crashed() {
	ring crashed write:20 reserve:40 kill
	json crashed && all_of crashed 0 19 && tells "20 records; 0 writes lost" &&
		tells ": 48 bytes were reserved by a write that never published them" &&
		grep -q '"reserved_bytes":48,"writes_in_progress":1' "$tmp/crashed.json" &&
		run 0 "$dump" "$tmp/crashed" && [ "$(grep -c '^0x' "$tmp/out")" = 20 ] &&
		grep -q '^0x0000000000000000  sample     16  7265636f72642030 .*|record 000000 \.\.|$' "$tmp/out" &&
		run 0 "$dump" -q "$tmp/crashed" && [ ! -s "$tmp/err" ]
}

# Dumping took nothing, twice; nor does it need leave to write.
takes_nothing() {
	chmod 444 "$tmp/crashed" && cksum <"$tmp/crashed" >"$tmp/before" && json crashed && all_of crashed 0 19 &&
		cksum <"$tmp/crashed" | cmp - "$tmp/before" && chmod 644 "$tmp/crashed"
}

whole_payloads() {
	ring sized write:1 sized:96 && run 0 "$dump" --full "$tmp/sized" && grep -q '^    0050  .*|.*|$' "$tmp/out"
}

losses() {
	ring losses size="$page" id=0x1d sample_id="$all_fields" write:3 full lose:3 kill
	json losses && tells "more writes were lost since" && grep -q '"lost_since":4,' "$tmp/losses.json" &&
		run 0 "$dump" -f -n 1 "$tmp/losses" && json losses &&
		all_of losses 1 "$(numbers "$tmp/losses.json" | tail -n 1)"
}

# A LOST record, and a trailer's every field, as soon as who reads makes room for it.
lost_records() {
	"$make_ring" "$tmp/lost" size="$page" id=0x1d sample_id="$all_fields" full lose:2 tell slow:1 >"$tmp/ready" &
	local pid=$! dumped=0
	for _ in $(seq 500); do
		[ -s "$tmp/ready" ] &&
			timeout 20 "$dump" -q -f -d 300ms -o json "$tmp/lost" >>"$tmp/lost.json" 2>/dev/null
		dumped=$(grep -c '"kind":"lost"' "$tmp/lost.json" 2>/dev/null)
		[ "${dumped:-0}" = 0 ] || break
		sleep 0.02
	done
	wait "$pid"
	grep -q '"kind":"lost","type":2,.*"pid":[1-9][0-9]*,"tid":[1-9].*"time":"[0-9]*\.[0-9]\{9\}","id":"0x1d"' \
		"$tmp/lost.json" && grep -q '"lost_id":"0x1d","lost":[1-9]' "$tmp/lost.json"
}

# Overwrite rings keep the newest; backward ones are told in the order of writing all the same.
overwritten() {
	ring over flags="$1" size="$page" write:500 reserve:16 kill
	json over && tells "24 bytes were reserved" && all_of over "$(numbers "$tmp/over.json" | head -n 1)" 499 &&
		[ "$(numbers "$tmp/over.json" | wc -l)" -gt 40 ]
}

backward() { ring back flags=2 write:50 nest:2 reserve:8 && json back && all_of back 0 51 && tells ": 16 bytes were"; }

discarded() {
	ring gone write:2 discard:64 type:77 write:1 && json gone && all_of gone 0 2 &&
		grep -q '"kind":"record","type":77,' "$tmp/gone.json"
}

wraps() { ring wraps size="$page" start=0xfffffffffffffff0 write:30 && json wraps && all_of wraps 0 29; }

# ---- what is no ring, or a damaged one: refuses STATUS TEXT FILE ----

refuses() {
	run "$1" timeout 10 "$dump" "$3" && [ ! -s "$tmp/out" ] && tells "$2"
}

# An overwrite ring, copied without its writer's page.
without_writer() {
	ring over flags=1 size="$page" write:500 && cp "$tmp/over" "$tmp/alone" && run 2 "$dump" "$tmp/alone" &&
		tells "cannot be read without the writer's page" &&
		cp "$tmp/crashed" "$tmp/alone" && run 0 "$dump" "$tmp/alone" &&
		tells "is not known: cannot open its .writer file: No such file" &&
		cp "$tmp/over.writer" "$tmp/alone.writer" && run 0 "$dump" "$tmp/alone" &&
		tells "is that of another ring"
}

# damage OFFSET BYTES-IN-OCTAL: $tmp/bad is the crashed ring with other bytes there
damage() {
	cp "$tmp/crashed" "$tmp/bad" && cp "$tmp/crashed.writer" "$tmp/bad.writer" &&
		printf '%b' "$2" | dd of="$tmp/bad" bs=1 seek="$1" conv=notrunc status=none
}

# The size of the second record: the first one is told, the rest is skipped.
bad_record() {
	damage $((page + 24 + 6)) '\0003' && run 1 "$dump" -o "json:$tmp/bad.json" "$tmp/bad" &&
		tells ", byte $((page + 24)) (position 0x18): no record: its header says type 9, 3 bytes" &&
		tells "bytes were skipped" && all_of bad 0 0 &&
		grep -q "\"kind\":\"error\".*\"offset\":$((page + 24)),\"position\":\"0x18\"" "$tmp/bad.json" &&
		grep -q '"errors":1,' "$tmp/bad.json"
}

bad_header() { damage "$1" "$2" && refuses "$3" ", byte $1: $4" "$tmp/bad"; }
bad_flags() { damage 896 '\0000\0001' && refuses 2 "byte 896: flags 0x100" "$tmp/bad"; }

bad_reserved_head() {
	damage 0 '' && printf '\001' | dd of="$tmp/bad.writer" bs=1 seek=64 conv=notrunc status=none &&
		run 1 "$dump" "$tmp/bad" && tells "bad.writer, byte 64: reserved up to"
}

truncated() {
	damage 0 '' && truncate -s $((page * 2 + 8)) "$tmp/bad" &&
		refuses 1 "byte 1048: data_size is 65536, so the file" "$tmp/bad"
}

# In a crash of the file system: zeros where records were.
zeroed() {
	damage 0 '' && dd if=/dev/zero of="$tmp/bad" bs="$page" seek=1 count=1 conv=notrunc status=none &&
		run 1 "$dump" "$tmp/bad" &&
		tells "byte $page (position 0x0): no record: its header says type 0, 0 bytes"
}

# While it is followed: no crash, but an error that tells where.
cut_while_followed() {
	ring cut write:20 && : >"$tmp/out" || return 1
	timeout 20 "$dump" -q -f "$tmp/cut" >>"$tmp/out" 2>"$tmp/err" </dev/null &
	local pid=$! got=0
	for _ in $(seq 500); do
		[ "$(grep -c '^0x' "$tmp/out" 2>/dev/null)" = 20 ] && break
		sleep 0.01
	done
	truncate -s "$1" "$tmp/cut"
	wait "$pid" || got=$?
	[ "$got" = 1 ] || { echo "status $got"; return 1; }
	grep -q ", byte [0-9]*: .*cut" "$tmp/err"
}

no_leave() {
	local as=()
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chmod 755 "$tmp" && chmod 000 "$tmp/crashed" || return 1
	cp "$dump" "$tmp/program"
	run 2 "${as[@]}" "$tmp/program" "$tmp/crashed" && tells "cannot open: Permission denied" &&
		chmod 444 "$tmp/crashed" && run 2 "${as[@]}" "$tmp/program" -f "$tmp/crashed" &&
		tells "no leave to write"
	local status=$?
	chmod 644 "$tmp/crashed"
	return "$status"
}

# ---- following ----

# A ring of a page, and more records than it holds: only a reader who gives room back sees the end of it.
follows() {
	rm -f "$tmp/live" "$tmp/live.writer"
	: >"$tmp/ready"
	"$make_ring" "$tmp/live" size="$page" tell slow:300 >>"$tmp/ready" &
	local pid=$!
	for _ in $(seq 1000); do
		[ ! -s "$tmp/ready" ] || break
		sleep 0.01
	done
	run 0 timeout 50 "$dump" -f -n 300 -o "json:$tmp/live.json" "$tmp/live" && wait "$pid" && all_of live 0 299 &&
		tells "300 records"
}

# stopped SIGNAL: comes to an end, with its summary
stopped() {
	ring stopped write:5 && : >"$tmp/out" || return 1
	# A job in the background ignores SIGINT, unless somebody says otherwise.
	env --default-signal="$1" "$dump" -f -d 20 "$tmp/stopped" >>"$tmp/out" 2>"$tmp/err" </dev/null &
	local pid=$!
	for _ in $(seq 500); do
		[ "$(grep -c '^0x' "$tmp/out")" = 5 ] && break
		sleep 0.01
	done
	kill -s "$1" "$pid" && wait "$pid" && tells "5 records"
}

for_a_time() { ring timed write:5 && run 0 timeout 20 "$dump" -f -d 20ms "$tmp/timed" && tells "5 records"; }

# closed_pipe COMMAND OPTION...: a ring made with COMMAND. Where nothing more comes, and nobody reads, it does not wait
# for the one to notice the other.
closed_pipe() {
	ring piped size=1048576 "$1" || return 1
	shift
	{ timeout 20 "$dump" "$@" "$tmp/piped" 2>"$tmp/err"; echo $? >"$tmp/status"; } | head -n 1 >"$tmp/out"
	[ -s "$tmp/out" ] && [ "$(cat "$tmp/status")" = 0 ] && ! tells "cannot"
}

full_disk() { run 2 "$dump" -o text:/dev/full "$tmp/crashed" && tells "cannot write"; }
onto_itself() {
	run 2 "$dump" -o "json:$tmp/crashed.writer" "$tmp/crashed" && tells "is the ring itself" && json crashed
}

# ---- perf's own tools ----

# The payloads of a JSON dump, sorted; those of other types begin with their header, as in perf.data.
payloads() {
	sed -n 's/.*"kind":"sample".*"payload":"\([0-9a-f]*\)".*/\1/p' "$tmp/$1.json" | sort
}

# from_script, from_dump, from_ctf: what those tools print, as payloads() prints it
from_script() {
	"$perf" script -i "$1" 2>/dev/null | awk '/nrb-|^$/ { if (hex) print hex; hex = ""; next }
		/[0-9a-f]+: / { line = $0; sub(/.*[0-9a-f][0-9a-f][0-9a-f][0-9a-f]: /, "", line)
			line = substr(line, 1, 23); gsub(/ /, "", line); hex = hex line }
		END { if (hex) print hex }' | sort
}

# Behind the header: identifier, ip, the trailer's fields but IDENTIFIER, and the raw size. $2: bytes of all these.
from_dump() {
	"$perf" report -D -i "$1" 2>/dev/null | awk -v skip="$2" '/raw event: size/ { on = 1; hex = ""; next }
		on && /^\.  [0-9a-f]+: / { hex = hex substr($0, 11, 47); next }
		/PERF_RECORD_SAMPLE/ { gsub(/ /, "", hex); n = substr(hex, 2 * skip - 7, 8)
			size = substr(n, 3, 2) substr(n, 1, 2); print hex, size } { on = 0 }' |
		while read -r hex size; do echo "${hex:$((2 * $2)):$((2 * 16#$size))}"; done | sort
}

from_ctf() {
	rm -rf "$1.ctf"
	"$perf" data convert -i "$1" --to-ctf "$1.ctf" >/dev/null 2>&1 || return 1
	babeltrace2 "$1.ctf" | sed -n 's/.*raw_data = \[\(.*\)\] }$/\1/p' | sed 's/\[[0-9]*\] = 0x//g; s/,//g' |
		while read -r -a words; do
			for word in "${words[@]}"; do
				printf -v word '%08x' "$((16#$word))"
				printf '%s' "${word:6:2}${word:4:2}${word:2:2}${word:0:2}"
			done
			echo
		done | sort
}

# read_back NAME SKIP: counts and contents, by each of the three
read_back() {
	json "$1" && run 0 "$dump" -o "perf:$tmp/$1.data" "$tmp/$1" && payloads "$1" >"$tmp/want" &&
		[ -s "$tmp/want" ] &&
		echo "perf script:" && from_script "$tmp/$1.data" | diff "$tmp/want" - &&
		echo "perf report -D:" && from_dump "$tmp/$1.data" "$2" | diff "$tmp/want" - || return 1
	[ -n "$ctf" ] || return 0
	echo "perf data convert, babeltrace2:" && from_ctf "$tmp/$1.data" | diff "$tmp/want" -
}

# Header, identifier, ip, time, raw size; and tid, id, stream, cpu.
perf_plain() { ring plain write:60 sized:4000 nest:3 reserve:8 && read_back plain 36; }
perf_trailed() { ring trailed id=7 sample_id="$all_fields" write:60 sized:400 nest:3 && read_back trailed 68; }
perf_backward() { ring over flags=3 size="$page" sample_id="$all_fields" write:300 && read_back over 68; }

# Other types of record keep theirs; LOST records are perf's own.
perf_types() {
	ring types type:77 write:2 type:9 write:1 && run 0 "$dump" -q -o "perf:$tmp/types.data" "$tmp/types" &&
		"$perf" script -i "$tmp/types.data" 2>/dev/null >"$tmp/out" &&
		[ "$(grep -c 'nrb-record:' "$tmp/out")" = 2 ] && [ "$(grep -c 'nrb-sample:' "$tmp/out")" = 1 ] &&
		grep -q 'BPF output: 0000: 4d 00 00 00 00 00 18 00' "$tmp/out"
}

# A record that perf's header cannot hold: told, counted, and a LOST record in its place.
perf_too_long() {
	ring long size=1048576 write:1 sized:65520 sized:65480 write:1 &&
		run 1 "$dump" -o "perf:$tmp/long.data" "$tmp/long" &&
		tells "left out: type 9, 65520 bytes" && tells "1 records were left out" &&
		"$perf" report -D -i "$tmp/long.data" 2>/dev/null >"$tmp/out" &&
		[ "$(grep -c PERF_RECORD_LOST "$tmp/out")" = 1 ] && [ "$(grep -c PERF_RECORD_SAMPLE "$tmp/out")" = 3 ]
}

perf_piped() {
	"$dump" -q -o perf "$tmp/trailed" | "$perf" script -i - 2>/dev/null >"$tmp/piped.txt" &&
		"$perf" script -i "$tmp/trailed.data" 2>/dev/null | diff - "$tmp/piped.txt"
}

check "a writer killed with a reservation open: all that it had published, and what it had not" crashed
check "dumping takes nothing, and needs no leave to write" takes_nothing
check "--full: whole payloads" whole_payloads
check "losses that no LOST record tells" losses
check "LOST records, with their trailers" lost_records
check "an overwrite ring" overwritten 1
check "an overwrite ring, backward" overwritten 3
check "a backward ring" backward
check "what was discarded is passed over; types stay" discarded
check "positions that wrap" wraps
check "a missing file" refuses 2 "cannot open: No such file" "$tmp/nobody"
check "a directory" refuses 2 "not a ring: a directory" "$tmp"
check "a device" refuses 2 "not a regular file" /dev/null
: >"$tmp/empty" && mkfifo "$tmp/fifo"
check "a fifo, without waiting for anybody" refuses 2 "not a regular file" "$tmp/fifo"
check "an empty file" refuses 2 "too short (0 bytes" "$tmp/empty"
check "a foreign file" refuses 2 "byte 1000: not a ring" "$dump"
check "the writer's page" refuses 2 "give the path without .writer" "$tmp/crashed.writer"
check "without the writer's page, or with another's" without_writer
check "a record that is none" bad_record
check "zeros where records were" zeroed
check "a data_head that cannot be" bad_header 1024 '\0377' 1 "data_head 0x"
check "a data_size that cannot be" bad_header 1048 '\0001' 1 "data_size is "
check "a data_offset that cannot be" bad_header 1040 '\0001' 1 "data_offset is "
check "a start that cannot be" bad_header 1008 '\0001' 1 "start is 0x1"
check "fields of a trailer that cannot be" bad_header 912 '\0001' 1 "sample_id 0x1"
check "flags of a newer library" bad_flags
check "a reserved head that cannot be" bad_reserved_head
check "a file that was cut" truncated
check "cut while it is followed, behind the records" cut_while_followed $((page + 1000))
check "cut while it is followed, to nothing" cut_while_followed 0
check "no leave to read; to follow, no leave to write" no_leave
check "follows a ring while it is written" follows
check "SIGINT ends it" stopped INT
check "SIGTERM ends it" stopped TERM
check "--duration ends it" for_a_time
check "a closed pipe ends it" closed_pipe write:5 -f
check "a closed pipe ends it while it prints" closed_pipe full -f
check "a closed pipe is no error without --follow" closed_pipe full -x
check "a full disk" full_disk
check "does not write onto the ring" onto_itself
check "refuses no file" run 2 "$dump"
check "refuses two files" run 2 "$dump" a b
check "refuses an unknown format" run 2 "$dump" -o xml "$tmp/crashed"
check "refuses a count of nothing" run 2 "$dump" -n 0 "$tmp/crashed"
check "refuses a duration without --follow" run 2 "$dump" -d 1 "$tmp/crashed"
check "tells its options" run 0 "$dump" --help

perf=
for candidate in perf perf_6.1; do
	"$candidate" --version >/dev/null 2>&1 && perf=$candidate && break
done
ctf=
[ -n "$perf" ] && command -v babeltrace2 >/dev/null && ring probe write:1 &&
	"$dump" -q -o "perf:$tmp/probe.data" "$tmp/probe" && from_ctf "$tmp/probe.data" >/dev/null && ctf=yes
if [ -z "$perf" ]; then
	skip "perf reads back what it is given" "no perf"
else
	check "perf reads back a plain ring: counts and contents" perf_plain
	check "a ring with trailers" perf_trailed
	check "an overwrite, backward ring" perf_backward
	check "other types of record" perf_types
	check "a record too long for perf" perf_too_long
	check "through a pipe" perf_piped
	[ -n "$ctf" ] || skip "babeltrace2 reads it back" "no babeltrace2, or a perf without CTF"
fi
finish
