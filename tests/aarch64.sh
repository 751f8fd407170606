#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library for aarch64, where order is not free as it is on x86: cross-compiled, A to F are the instructions that
# doc/memory-order.md says, and the suites pass under qemu-user. Reports case by case (TAP).
#
# By default gcc at one level, and the suites that need the library alone. With NRB_CHECK=full others and clang as well,
# the whole project is cross-built with configure, and all suites run.
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
cross=aarch64-linux-gnu
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 99
# Those of the build that we are run by are for another machine.
unset CC CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MFLAGS

# ---- the instructions ----

# Print "FUNCTION KIND PLACE" for each access, in the disassembly on standard input, to the control page's magic,
# data_head or data_tail, told by their offsets (src/control.h); and for each ordered access and fence, wherever it is.
# What a register holds is followed from one line to the next: an offset from wherever some pointer points.
accesses() {
	awk '
		function number(text, value, i) {
			sub(/^#/, "", text)
			if (text !~ /^0x/)
				return text + 0
			value = 0
			for (i = 3; i <= length(text); i++)
				value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
			return value
		}
		BEGIN { page[1000] = "magic"; page[1024] = "data_head"; page[1032] = "data_tail" }
		/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); delete at; next }
		!/^ *[0-9a-f]+:\t/ { next }
		{
			sub(/^[^\t]*\t/, "")
			sub(/ *\/\/.*/, "")
			code = $1
			operands = $0
			sub(/^[^ \t]*[ \t]*/, "", operands)
			count = split(operands, operand, /, */)
			for (i = 1; i <= count; i++)
				sub(/^w/, "x", operand[i])
		}
		code ~ /^(dmb|dsb)/ { print name, "fence", "-" }
		code ~ /^(ld|st)/ && match(operands, /\[[^]]*\]/) {
			memory[2] = ""
			split(substr(operands, RSTART + 1, RLENGTH - 2), memory, /, */)
			kind = code ~ /^lda(r|pr|pur)/ ? "acquire" : code ~ /^stlu?r/ ? "release" : "plain"
			offset = at[memory[1]] + (memory[2] ~ /^#/ ? number(memory[2]) : 0)
			place = offset in page && memory[1] !~ /^(sp|x29)$/ ? page[offset] : "elsewhere"
			if (kind != "plain" || place != "elsewhere")
				print name, kind, place
		}
		code == "bl" {
			if (operands ~ /nrb_reader_head/)
				print name, "acquire", "data_head"
			for (i = 0; i <= 18; i++)
				delete at["x" i]
			next
		}
		code == "add" && operand[3] ~ /^#/ {
			at[operand[1]] = at[operand[2]] + number(operand[3]) * (operand[4] ~ /lsl #12/ ? 4096 : 1)
			next
		}
		code == "mov" && operand[2] ~ /^x/ { at[operand[1]] = at[operand[2]]; next }
		code ~ /^(st|cmp|cmn|tst|b|cb|tb|ret|nop)/ { next }
		{ delete at[operand[1]] }
		code ~ /^ldp/ { delete at[operand[2]] }
	'
}

# What must come out, as gcc compiles it: in a write, A once before nest is raised and once after, B once for success
# and once for a refusal. Whatever calls
# nrb_reader_head counts as if it stood there.
cat >"$tmp/expected" <<'END'
1 nrb_commit release data_head B
1 nrb_create release magic -
1 nrb_reader_head acquire data_head C
1 nrb_reader_open_fds acquire data_head C
1 nrb_reader_open_fds acquire magic -
1 nrb_reader_poll acquire data_head C
1 nrb_reader_release release data_tail D
1 nrb_reader_tail acquire data_tail -
2 reserve_by_nest acquire data_tail A
1 reserve_by_nest release data_head B
2 write_by_nest acquire data_tail A
2 write_by_nest release data_head B
END

# compile FROM INTO COMPILER...: the library's objects
compile() {
	compile_files "batch mapping reader ring trailer wait wakeup write write_modes write_parts" "$@"
}

# compile_files "NAME..." FROM INTO COMPILER...
compile_files() {
	local files=$1 from=$2 into=$3 file
	shift 3
	mkdir -p "$into"
	for file in $files; do
		"$@" -std=gnu11 -fPIC -I"$from" -c "$from/$file.c" -o "$into/$file.o" || return 1
	done
}

# Print "FUNCTION E" where between a swap and a store there is a full fence, "FUNCTION F" where between a load and that
# of the writer's head (src/ring.h: 64 bytes into its page) there is one that holds loads back, in the disassembly on
# standard input. A call of load_mark() counts as that load.
fences() {
	awk '
		/^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); swap = load = 0; next }
		!/^ *[0-9a-f]+:\t/ { next }
		{ sub(/^[^\t]*\t/, ""); sub(/ *\/\/.*/, "") }
		$1 ~ /^(stlxr|stxr|cas)/ || /__aarch64_cas/ { swap = 1 }
		$1 ~ /^ld/ && !/\[(sp|x29)/ && !load { load = 1 }
		/^dmb[ \t]+ish$/ && swap == 1 { swap = 2 }
		/^dmb[ \t]+ishld$/ && load == 1 { load = 2 }
		$1 ~ /^st[rpu]/ && !/\[(sp|x29)/ && swap == 2 { print name, "E"; swap = 3 }
		($1 == "ldr" && /\[x[0-9]+, #64\]/ || $1 ~ /^bl?$/ && /<load_mark/) && load == 2 {
			print name, "F"
			load = 3
		}
	'
}

# judge_fences DIRECTORY: E in both ways to begin a write, F in each way to take a snapshot
judge_fences() {
	local file bad=0 name
	for file in batch write_modes; do
		"$cross-objdump" -dr --no-show-raw-insn "$1/$file.o" || return 1
	done | fences >"$1/fences" || return 1
	for name in nrb_write_in_mode nrb_begin_write_in_mode; do
		grep -qx "$name E" "$1/fences" || { echo "E: no fence between swap and stores in $name"; bad=1; }
	done
	# The function is the compiler's choice.
	grep -q " F$" "$1/fences" || { echo "F: no fence between the copy and the load of the mark"; bad=1; }
	return "$bad"
}

# judge DIRECTORY exact|any: the accesses of the objects there; how often each, or that they are there at all
judge() {
	judge_fences "$1" && judge_accesses "$@"
}

judge_accesses() {
	local file
	for file in reader ring write; do
		"$cross-objdump" -dr --no-show-raw-insn "$1/$file.o" || return 1
	done | accesses >"$1/accesses" || return 1
	awk -v exact="$([ "$2" = exact ] && echo 1)" '
		FNR == NR { want[$2 " " $3 " " $4] = $1; label[$2 " " $3 " " $4] = $5; next }
		# Before the magic there is nobody to be ordered against.
		$1 == "nrb_create" && $2 == "plain" { next }
		# What a compiler may inline besides.
		!exact && /^nrb_reader_skip release data_tail$/ { next }
		!exact && /^nrb_reader_open_fds acquire data_tail$/ { next }
		{ got[$0]++ }
		END {
			for (access in want)
				if (exact ? got[access] != want[access] : !got[access])
					bad = bad label[access] ": " access ": " got[access] + 0 ", not " \
						want[access] "\n"
			for (access in got)
				if (!(access in want))
					bad = bad "unexpected: " access "\n"
			printf "%s", bad
			exit bad != ""
		}' "$tmp/expected" "$1/accesses"
}

compiled() { compile "$srcdir/src" "$@"; }

# weakened LABEL FILE FROM TO PLACE: a copy in which one access has lost its order, and nothing else, must be refused,
# and the label named: otherwise the above says nothing.
weakened() {
	local label=$1 file=$2 from=$3 to=$4 copy=$tmp/without-$1 changed="write write_modes write_parts"
	cp -R "$srcdir/src" "$copy" && chmod -R u+w "$copy" || return 1
	sed "s/$from(\(.*$5\)/$to(\1/" "$srcdir/src/$file" >"$copy/$file"
	[ "$(diff "$srcdir/src/$file" "$copy/$file" | grep -c '^>')" = 1 ] ||
		{ echo "$file: not one place to weaken: $from of $5"; return 1; }
	[[ $file = *.h ]] || changed=${file%.c}
	cp -R "$tmp/gcc-O2" "$copy/objects"
	compile_files "$changed" "$copy" "$copy/objects" "$cross-gcc" -O2 || return 1
	! judge "$copy/objects" exact >"$copy/verdict" || { echo "not noticed"; return 1; }
	cat "$copy/verdict"
	grep -q "^$label: " "$copy/verdict"
}

instructions() {
	local level levels=(-O2) clang_levels=(-O2)
	[ ! "$full" ] || levels=(-O1 -O2 -O3) clang_levels=(-O2 "-O2 -march=armv8.3-a")
	for level in "${levels[@]}"; do
		check "gcc $level compiles the library" compiled "$tmp/gcc$level" "$cross-gcc" "$level" &&
			check "gcc $level: A and C are ldar, B and D are stlr, E and F are dmb" \
				judge "$tmp/gcc$level" exact
	done
	if [ "$full" ] && ! command -v clang >/dev/null; then
		skip "clang" "clang is not installed"
	elif [ "$full" ]; then
		# With rcpc a load-acquire may be ldapr.
		for level in "${clang_levels[@]}"; do
			# shellcheck disable=SC2086
			check "clang $level compiles the library" \
				compiled "$tmp/clang" clang --target="$cross" $level &&
				check "clang $level: A and C are ldar or ldapr, B and D are stlr, E and F are dmb" \
					judge "$tmp/clang" any
		done
	fi
	# Three that are one file each; the others, three.
	check "without C it is refused" weakened C reader.c nrb_load_acquire nrb_load_relaxed data_head
	check "without D it is refused" weakened D reader.c nrb_store_release nrb_store_relaxed data_tail
	check "without F it is refused" weakened F batch.c nrb_fence_acquire nrb_local_fence ""
	[ "$full" ] || return
	check "without A it is refused" weakened A steps.h nrb_load_acquire nrb_load_relaxed data_tail
	check "without B it is refused" weakened B steps.h nrb_store_release nrb_store_relaxed data_head
	check "without E it is refused" weakened E modes.h nrb_fence_release nrb_local_fence ""
}

# ---- the suites, under qemu ----

# Run the programs named, as many at a time as there are CPUs; what each says is kept for suite().
run_suites() {
	# shellcheck disable=SC2016
	printf '%s\0' "$@" | xargs -0 -r -P "$(nproc)" -I '{}' bash -c '
		cd "$2" || exit
		name=${1##*/} status=0
		# To the end of it is for where it is quick.
		unset NRB_CHECK
		CK_TAP_LOG_FILE_NAME=- CK_VERBOSITY=silent timeout 300 qemu-aarch64 -L / "$1" >"$3/$name.tap" \
			2>"$3/$name.err" </dev/null || status=$?
		echo "$status" >"$3/$name.status"
	' run '{}' "$PWD" "$tmp"
}

# suite PROGRAM: its cases, as ours
suite() {
	local name=${1##*/} status line cases=0
	status=$(cat "$tmp/$name.status")
	while IFS= read -r line; do
		case $line in
		ok\ * | not\ ok\ *)
			number=$((number + 1)) cases=$((cases + 1))
			[ "${line%%ok *}" = "" ] || failed=1
			echo "${line%%ok *}ok $number - $name: ${line#*tests/*.c:}"
			;;
		\#*) echo "$line" ;;
		esac
	done <"$tmp/$name.tap"
	[ "$status" = 0 ] && grep -qx "1\.\.$cases" "$tmp/$name.tap" && return
	number=$((number + 1)) failed=1
	echo "not ok $number - $name: ended with status $status after $cases cases"
	sed 's/^/# /' "$tmp/$name.err" | head -n 20
}

# The suites that need no more than the library, with the objects that were looked at above.
some_suites() {
	local name common=() objects=("$tmp"/gcc-O2/*.o)
	common=(-std=gnu11 -O1 -I"$srcdir/src" -I"$srcdir/stress" -I"$srcdir/tests")
	for name in tests/stepping tests/suite stress/payload stress/step/trap stress/words; do
		"$cross-gcc" "${common[@]}" -c "$srcdir/$name.c" -o "$tmp/${name##*/}.o" || return 1
		objects+=("$tmp/${name##*/}.o")
	done
	for name in check_open check_reader check_ring check_write_read; do
		"$cross-gcc" "${common[@]}" "$srcdir/tests/$name.c" "${objects[@]}" -o "$tmp/$name" -lcheck -lsubunit \
			-lm -pthread || return 1
		suites+=("$tmp/$name")
	done
}

all_suites() {
	local suite
	[ ! -e "$srcdir/config.status" ] || { echo "the source tree is configured: build out of it"; return 1; }
	mkdir "$tmp/build" && cd "$tmp/build" || return 1
	PKG_CONFIG_LIBDIR=/usr/lib/$cross/pkgconfig:/usr/share/pkgconfig "$srcdir/configure" -q --host="$cross" \
		--enable-werror CFLAGS="-O2 -g" || return 1
	make -s -j"$(nproc)" && make -s -j"$(nproc)" check TESTS= || return 1
	for suite in tests/check_*; do
		[[ ! -x $suite || -d $suite || $suite = *.* ]] || suites+=("$suite")
	done
	[ ${#suites[@]} -gt 5 ]
}

# Why a suite is left out, or nothing.
left_out() {
	case ${1##*/} in
	# Seen to fail one run in six: not one strike where dozens come on a real CPU.
	check_blunt | check_run | check_tiers)
		echo "real timers: qemu delivers a signal between translated blocks only, and seldom in a write"
		;;
	esac
}

under_qemu() {
	local program reason suites=() fit=() build=some_suites name="the suites of the library can be built"
	[ ! "$full" ] || build=all_suites name="the whole project can be built"
	if ! command -v qemu-aarch64 >/dev/null; then
		skip "suites under qemu" "qemu-aarch64 is not installed (qemu-user)"
	elif ! [ -e /usr/lib/$cross/libcheck.a ]; then
		skip "suites under qemu" "Check for arm64 is not installed (check:arm64)"
	elif check "$name" "$build"; then
		for program in "${suites[@]}"; do
			[ "$(left_out "$program")" ] || fit+=("$program")
		done
		run_suites "${fit[@]}"
		for program in "${suites[@]}"; do
			reason=$(left_out "$program")
			if [ "$reason" ]; then
				number=$((number + 1))
				echo "ok $number - ${program##*/} # SKIP $reason"
			else
				suite "$program"
			fi
		done
	fi
}

if ! command -v "$cross-gcc" >/dev/null || ! command -v "$cross-objdump" >/dev/null; then
	skip_all "a cross compiler is not installed (gcc-$cross)"
fi
if ! echo '#include <stdlib.h>' | "$cross-gcc" -E -x c - >/dev/null 2>&1; then
	skip_all "a C library for arm64 is not installed (libc6-dev-arm64-cross)"
fi
instructions
under_qemu
finish
