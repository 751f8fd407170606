#!/bin/sh
# SPDX-License-Identifier: MIT
# The write path of the library as built: no bus lock, no indirect call, no system call. Disassembled, because only the
# machine code can tell. With NRB_LIBRARY another library is looked at. A case for each function (TAP).
set -u

library=${NRB_LIBRARY:-src/.libs/libnrb.so}

skip()
{
	echo "1..0 # SKIP $*"
	exit 77
}

# result STATUS NAME: one line for each case
result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		status=1
	fi
}

command -v objdump >/dev/null || skip "objdump is not installed (binutils)"
[ -e "$library" ] || skip "$library has not been built (shared libraries are disabled)"
objdump -f "$library" | grep -q 'architecture: i386:x86-64' || skip "the lock prefix is x86's"

# Unoptimised, the table of steps stays a table and the steps are functions of their own, and sanitizers call what they
# like: then the lock alone is looked for, but in the whole library.
relaxed=
case " ${CFLAGS-} " in
*" -fsanitize="*) relaxed="a sanitizer" ;;
*" -O0 "*) relaxed="-O0" ;;
*" -O"*) ;;
*) relaxed="no -O in CFLAGS" ;;
esac

# Print "FUNCTION: instruction" for what must not be there in the disassembly on standard input.
# The operand of xchg in memory implies the lock; its form between registers (nop among them) does not. A call through
# the global offset table, -fno-plt, is a direct one resolved at start: (%rip).
offenders()
{
	awk -F '\t' -v relaxed="$relaxed" '
		/^[0-9a-f]+ <.*>:$/ { name = $0; sub(/.*</, "", name); sub(/>:$/, "", name); next }
		NF < 2 { next }
		{ code = $2; sub(/[ \t]*#.*/, "", code) }
		code ~ /^((rep[a-z]*|bnd|notrack|data16|cs|ds) )*lock / { print name ": " code; next }
		code ~ /^xchg.*\(/ || code ~ /^xchg.*%[cdefgs]s:/ { print name ": " code; next }
		relaxed != "" { next }
		code ~ /\*[-0-9a-fx]*\(%rip\)/ { next }
		code ~ /^((bnd|notrack) )*(call|jmp)[a-z]* +\*/ { print name ": " code; next }
		code ~ /^(syscall|sysenter|int )/ { print name ": " code; next }
		# Fences against other CPUs are not needed on x86 either.
		code ~ /^(mfence|lfence|sfence)/ { print name ": " code }
	'
}

# The disassembly of one function, or of all.
disassemble()
{
	if [ "$1" = all ]; then
		objdump -d --no-show-raw-insn --section=.text "$library"
	else
		objdump -d --no-show-raw-insn "--disassemble=$1" "$library"
	fi
}

status=0 number=0
for function in ${relaxed:+all} nrb_write write_by_nest nrb_reserve reserve_by_nest nrb_commit; do
	code=$(disassemble "$function")
	# Something like a function must have come out.
	count=$(printf '%s\n' "$code" | grep -c '^ *[0-9a-f]*:')
	if [ "$count" -lt 5 ]; then
		result 1 "$function: only $count instructions were found in $library"
		continue
	fi
	found=$(printf '%s\n' "$code" | offenders)
	if [ -n "$found" ]; then
		result 1 "$function does what it must not"
		printf '%s\n' "$found" | sed 's/^/# /'
	else
		result 0 "$function: $count instructions, none of them locked${relaxed:+ (else unchecked: $relaxed)}"
	fi
done
# The one instruction that makes it all work: without it, this was not the write path.
if [ -z "$relaxed" ]; then
	disassemble write_by_nest | grep -q cmpxchg
	result $? "write_by_nest has a cmpxchg"
fi
echo "1..$number"
exit $status
