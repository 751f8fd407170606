/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "machines.h"

#include <sys/mman.h>

#include "suite.h"

struct machine_memory *machine_memory;
_Alignas(64) struct machine machines[MACHINES];

void machines_open(const struct stepper *stepper)
{
	char message[192];

	machine_memory = mmap(NULL, sizeof(*machine_memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(machine_memory != MAP_FAILED);
	ck_assert_msg(!stepper->open(message, sizeof(message)), "%s", message);
}

void machine_begin(const struct stepper *stepper, unsigned i, uintptr_t function)
{
	const struct machine_call call = {
		.function = function,
		.argument = { (uintptr_t)machine_memory->in, (uintptr_t)machine_memory->out, 16 },
		.stack_top = (uintptr_t)machine_memory->stack[i] + MACHINE_STACK_SIZE - 256
	};

	stepper->begin(&machines[i], &call);
}

unsigned machine_run(const struct stepper *stepper, unsigned i, unsigned steps)
{
	unsigned count = 0;

	while (count < steps && !stepper->returned(&machines[i])) {
		ck_assert_int_eq(stepper->step(&machines[i]), 0);
		count++;
	}
	return count;
}

#ifdef __x86_64__

__asm__("	.pushsection .text\n"
	"	.globl test_keep, test_spoil, test_rep, test_read_null, test_for_ever, test_ill\n"
	"	.hidden test_keep, test_spoil, test_rep, test_read_null, test_for_ever, test_ill\n"
	"test_keep:\n"
	"	movdqu (%rdi), %xmm0\n	movdqu 16(%rdi), %xmm15\n"
	"	push %rbx\n	mov 8(%rdi), %rbx\n"
	"	std\n	stc\n"
	"	nop\n	nop\n	nop\n"
	"	setc %al\n"
	"	pushfq\n	pop %rcx\n	shr $10, %rcx\n	and $1, %ecx\n	cld\n"
	"	movzbl %al, %eax\n	lea (%rax, %rcx, 2), %eax\n"
	"	paddq %xmm15, %xmm0\n	movdqu %xmm0, (%rsi)\n"
	"	mov %rbx, 16(%rsi)\n	pop %rbx\n"
	"	addq $1, 24(%rsi)\n"
	"	ret\n"
	"test_spoil:\n"
	"	pcmpeqd %xmm0, %xmm0\n	pxor %xmm15, %xmm15\n"
	"	mov $-1, %rcx\n	mov %rcx, %r8\n	mov %rcx, %rdx\n"
	"	clc\n	cld\n"
	"	mov $7, %eax\n"
	"	ret\n"
	"test_rep:\n"
	"	mov %rdx, %rcx\n	xchg %rsi, %rdi\n"
	"	rep movsb\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	"test_read_null:\n"
	"	xor %eax, %eax\n	mov (%rax), %eax\n	ret\n"
	"test_for_ever:\n"
	"	xor %eax, %eax\n"
	"1:	inc %rax\n	jmp 1b\n"
	"test_ill:\n"
	"	ud2\n"
	"	.popsection\n");

#endif
