/* SPDX-License-Identifier: MIT */
/*
 * section_copy.h - copy a payload within a restartable sequence (private)
 *
 * In such a section there can be no call, so this is text. From rdx, rcx bytes, to 8 bytes behind rax; r8, r11 and
 * the vector registers are free, and r11 is put back.
 *
 * By the first and the last bytes, which may overlap: so there is neither a loop over single bytes nor a read beyond
 * the end. What is less usual lies aside, in front; the local labels 50 to 59 are taken.
 */
#ifndef NRB_SECTION_COPY_H
#define NRB_SECTION_COPY_H

/* clang-format off */

/* In front of what is only ever jumped to. */
#define NRB_ALIGN ".p2align 5\n"

/* 17 to 64, and where all the others come back to. */
#define NRB_SECTION_COPY \
	"	cmpq	$16, %%rcx\n" \
	"	jbe	50b\n" \
	"	cmpq	$64, %%rcx\n" \
	"	ja	53b\n" \
	"	movups	(%%rdx), %%xmm0\n" \
	"	movups	-16(%%rdx,%%rcx), %%xmm1\n" \
	"	cmpq	$32, %%rcx\n" \
	"	jbe	58f\n" \
	"	movups	16(%%rdx), %%xmm2\n" \
	"	movups	-32(%%rdx,%%rcx), %%xmm3\n" \
	"	movups	%%xmm2, 24(%%rax)\n" \
	"	movups	%%xmm3, -24(%%rax,%%rcx)\n" \
	"58:	movups	%%xmm0, 8(%%rax)\n" \
	"	movups	%%xmm1, -8(%%rax,%%rcx)\n" \
	"59:\n"

/* From @from bytes behind the payload to @to bytes behind the record, and both @by a register further. */
#define NRB_COPY_16(from, to, by, x) \
	"	movups	" #from "(%%rdx" by "), %%xmm" #x "\n" \
	"	movups	%%xmm" #x ", " #to "(%%rax" by ")\n"
#define NRB_COPY_32(from, to, by, x) \
	"	vmovdqu	" #from "(%%rdx" by "), %%ymm" #x "\n" \
	"	vmovdqu	%%ymm" #x ", " #to "(%%rax" by ")\n"
#define NRB_COPY_64(from, to, by) \
	NRB_COPY_16(from, to, by, 0) \
	NRB_COPY_16(from + 16, to + 16, by, 1) \
	NRB_COPY_16(from + 32, to + 32, by, 2) \
	NRB_COPY_16(from + 48, to + 48, by, 3)
#define NRB_COPY_128(from, to, by) \
	NRB_COPY_32(from, to, by, 0) \
	NRB_COPY_32(from + 32, to + 32, by, 1) \
	NRB_COPY_32(from + 64, to + 64, by, 2) \
	NRB_COPY_32(from + 96, to + 96, by, 3)

#define NRB_SECTION_COPY_ASIDE NRB_COPY_WIDE NRB_COPY_NARROW NRB_COPY_TO_16

/* 65 to 128, and more, where there are registers of 32 bytes. */
#define NRB_COPY_WIDE \
	NRB_ALIGN "53:	cmpl	$0, %c[wide](%%rdi)\n" \
	"	je	56f\n" \
	"	cmpq	$128, %%rcx\n" \
	"	ja	54f\n" \
	NRB_COPY_32(0, 8, "", 0) \
	NRB_COPY_32(32, 40, "", 1) \
	NRB_COPY_32(-64, -56, ",%%rcx", 2) \
	NRB_COPY_32(-32, -24, ",%%rcx", 3) \
	"	vzeroupper\n" \
	"	jmp	59f\n" \
	NRB_ALIGN "54:	leaq	-128(%%rcx), %%r11\n" \
	"	xorl	%%r8d, %%r8d\n" \
	"55:\n" NRB_COPY_128(0, 8, ",%%r8") \
	"	addq	$128, %%r8\n" \
	"	cmpq	%%r11, %%r8\n" \
	"	jb	55b\n" \
	NRB_COPY_128(-128, -120, ",%%rcx") \
	"	vzeroupper\n" \
	"	movq	%c[rseq](%%rdi), %%r11\n" \
	"	jmp	59f\n"

/* More than 64 where there are none. */
#define NRB_COPY_NARROW \
	NRB_ALIGN "56:	leaq	-64(%%rcx), %%r11\n" \
	"	xorl	%%r8d, %%r8d\n" \
	"57:\n" NRB_COPY_64(0, 8, ",%%r8") \
	"	addq	$64, %%r8\n" \
	"	cmpq	%%r11, %%r8\n" \
	"	jb	57b\n" \
	NRB_COPY_64(-64, -56, ",%%rcx") \
	"	movq	%c[rseq](%%rdi), %%r11\n" \
	"	jmp	59f\n"

/* 8 to 16, 4 to 7, 1 to 3, none. */
#define NRB_COPY_TO_16 \
	NRB_ALIGN "50:	cmpq	$8, %%rcx\n" \
	"	jb	51f\n" \
	"	movq	(%%rdx), %%r8\n" \
	"	movq	%%r8, 8(%%rax)\n" \
	"	movq	-8(%%rdx,%%rcx), %%r8\n" \
	"	movq	%%r8, (%%rax,%%rcx)\n" \
	"	jmp	59f\n" \
	"51:	testb	$4, %%cl\n" \
	"	je	52f\n" \
	"	movl	(%%rdx), %%r8d\n" \
	"	movl	%%r8d, 8(%%rax)\n" \
	"	movl	-4(%%rdx,%%rcx), %%r8d\n" \
	"	movl	%%r8d, 4(%%rax,%%rcx)\n" \
	"	jmp	59f\n" \
	"52:	testl	%%ecx, %%ecx\n" \
	"	je	59f\n" \
	"	movzbl	(%%rdx), %%r8d\n" \
	"	movb	%%r8b, 8(%%rax)\n" \
	"	testb	$2, %%cl\n" \
	"	je	59f\n" \
	"	movzwl	-2(%%rdx,%%rcx), %%r8d\n" \
	"	movw	%%r8w, 6(%%rax,%%rcx)\n" \
	"	jmp	59f\n"

/* clang-format on */

#endif /* NRB_SECTION_COPY_H */
