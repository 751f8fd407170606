/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stack.h"

#include <pthread.h>
#include <ucontext.h>

bool stack_find(struct stack *stack)
{
	pthread_attr_t attr;
	void *low;
	size_t size;
	int rc = pthread_getattr_np(pthread_self(), &attr);

	if (rc)
		return false;
	rc = pthread_attr_getstack(&attr, &low, &size);
	pthread_attr_destroy(&attr);
	stack->low = (uintptr_t)low;
	stack->high = (uintptr_t)low + size;
	return !rc;
}

/* Where the interrupted code stands: program counter, frame pointer, stack pointer. */
static void interrupted_at(const ucontext_t *context, uintptr_t *pc, uintptr_t *fp, uintptr_t *sp)
{
#if defined(__x86_64__)
	*pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
	*fp = (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
	*sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	*pc = context->uc_mcontext.pc;
	*fp = context->uc_mcontext.regs[29];
	*sp = context->uc_mcontext.sp;
#else
	/* Where this machine's registers are, somebody has yet to say: samples tell when, but not where. */
	(void)context;
	*pc = *fp = *sp = 0;
#endif
}

/*
 * By frame pointers. Code that was compiled without them may hold anything in that register, so nothing is loaded but
 * what lies on this thread's stack above the stack pointer, all of which is mapped; and each frame lies above the one
 * before, so there is an end.
 */
__attribute__((no_sanitize_address)) uint64_t stack_walk(const struct stack *stack, const void *context, uint64_t *pc,
							 uint64_t room)
{
	uint64_t count = 1;
	uintptr_t at, fp, sp;

	interrupted_at(context, &at, &fp, &sp);
	pc[0] = at;
	/* On an alternate signal stack, or one of a coroutine: we do not know where it ends. */
	if (sp < stack->low || sp >= stack->high)
		return count;
	for (uintptr_t low = sp; count < room; count++) {
		const uintptr_t *frame = (const uintptr_t *)fp; /* the caller's frame pointer, the return address */

		if (fp < low || fp % sizeof(*frame) || fp > stack->high - 2 * sizeof(*frame) || !frame[1])
			break;
		pc[count] = frame[1];
		low = fp + 2 * sizeof(*frame);
		fp = frame[0];
	}
	return count;
}
