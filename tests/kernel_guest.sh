#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel target on Debian's stock kernel, in a virtual machine of two CPUs in software (qemu, TCG): first as it is,
# then with breakpoints in the kernel. What goes wrong there harms nobody. Installs nothing; make check-kernel runs it.
# Reports case by case (TAP).
#
# NRB_KERNEL_IMAGE names a kernel image (vmlinuz) to boot. Without it the package of Debian's is downloaded, some 70 MB,
# as apt-get is set up here, and kept in the build directory. NRB_KERNEL_TIME: of each run, seconds (20).
# Cases are called by name, which shellcheck cannot follow.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/tap.sh
. "$(dirname -- "$0")/tap.sh"
srcdir=${srcdir:-.}
stress=${NRB_STRESS:-stress/stress}
init=${NRB_GUEST_INIT:-tests/guest_init}
seconds=${NRB_KERNEL_TIME:-20}
images=kernel-image

# The name of the package that linux-image-amd64 stands for.
package() {
	apt-cache depends linux-image-amd64 2>/dev/null |
		sed -n 's/^  Depends: \(linux-image-[^ <>]*\)$/\1/p' | head -n 1
}

# find_image: its path; downloads the package where there is none yet
find_image() {
	local name

	if [ -n "${NRB_KERNEL_IMAGE:-}" ]; then
		[ -r "$NRB_KERNEL_IMAGE" ] && echo "$NRB_KERNEL_IMAGE"
		return
	fi
	if ! compgen -G "$images/vmlinuz-*" >/dev/null; then
		name=$(package)
		[ -n "$name" ] && command -v dpkg-deb >/dev/null && mkdir -p "$tmp/package" "$images" || return 1
		(cd "$tmp/package" && timeout 300 apt-get download "$name" >&2 && dpkg-deb -x ./*.deb unpacked) &&
			mv "$tmp"/package/unpacked/boot/vmlinuz-* "$images/" && rm -rf "$tmp/package"
	fi
	compgen -G "$images/vmlinuz-*" | head -n 1
}

# boot: the machine runs the commands on standard input; what it prints goes to $tmp/console
boot() {
	local files=("init=$init" "stress=$tmp/stress" "commands=$tmp/commands") library

	cat >"$tmp/commands"
	strip -o "$tmp/stress" "$stress" || return 1
	while read -r library; do
		files+=("${library#/}=$(readlink -f "$library")")
	done < <(ldd "$tmp/stress" | grep -o '/[^ ]*')
	"$srcdir/tests/make_initramfs" "$tmp/initramfs" "${files[@]}" || return 1
	timeout $((4 * seconds + 120)) qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 512 -cpu max -nographic \
		-no-reboot -nic none -kernel "$image" -initrd "$tmp/initramfs" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null 2>&1 | plain >"$tmp/console"
}

# A terminal's output as lines: without what the firmware and the progress line do to it.
plain() {
	tr '\r' '\n' | sed 's/\x1b\[K/\n/g; s/\x1b\[[0-9;?]*[A-Za-z]//g; s/\x1bc//g' | grep -v -e ' seen$' -e '^ *$'
}

# part N: what the N-th command printed, in $tmp/out; $got: its status
part() {
	sed -n '/^guest: run /,/^guest: status /p' "$tmp/console" |
		awk -v n="$1" '/^guest: run /{i++} i == n' >"$tmp/out"
	got=$(sed -n 's/^guest: status //p' "$tmp/out")
	cat "$tmp/out"
}

boots() {
	boot <"$tmp/wanted" && grep -q '^guest: done' "$tmp/console" && return
	tail -n 20 "$tmp/console"
	return 1
}

# In software things are slow: that too little was tried is no failure of the kernel's.
clean() {
	part 1
	[[ "$got" == [03] ]] && grep -q 'samples/s inside its writes:' "$tmp/out" && ! grep -q VIOLATED "$tmp/out"
}

struck() {
	part 2
	[[ "$got" == [03] ]] && ! grep -q VIOLATED "$tmp/out" || return 1
	# All of where it publishes has a dozen instructions at the very least.
	instructions=$(sed -n 's/.*breakpoints struck [0-9,]* times at \([0-9]*\) instructions.*/\1/p' "$tmp/out")
	[ "${instructions:-0}" -ge 12 ]
}

survives() { ! grep -qiE 'soft lockup|hung task|BUG:|Oops|panic' "$tmp/console"; }

told() { sed -n 's/^\(PASS\|INCONCLUSIVE\) /# \1 /p' "$tmp/console"; }

[ "$(uname -m)" = x86_64 ] || skip_all "for x86-64 alone"
command -v qemu-system-x86_64 >/dev/null || skip_all "no qemu-system-x86_64: install qemu-system-x86"
[ -x "$init" ] || skip_all "$init was not built"
image=$(find_image)
[ -n "$image" ] || skip_all "no kernel image: name one in NRB_KERNEL_IMAGE"
cat >"$tmp/wanted" <<END
/stress kernel --duration=$seconds --color=never
/stress kernel --duration=$seconds --color=never --kernel-breakpoints
END
echo "# ${image##*/}"
check "the machine boots, and ends by itself" boots
check "its kernel is clean" clean
check "breakpoints strike wherever it publishes, and it is clean" struck
check "nothing hung" survives
told
finish
