/* SPDX-License-Identifier: MIT */
/*
 * stack.h - who called the code that a signal has interrupted (part of the profiler example)
 */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>
#include <stdint.h>

struct stack {
	uintptr_t low, high;
};

/* The calling thread's own. Context: thread. */
bool stack_find(struct stack *stack);

/*
 * Program counters, from the interrupted one outwards, at most @room of them.
 * @context: what the handler got. Context: handler, of the thread that @stack is of.
 */
uint64_t stack_walk(const struct stack *stack, const void *context, uint64_t *pc, uint64_t room);

#endif /* STACK_H */
