/* SPDX-License-Identifier: MIT */
#include "section_list.h"

#include "section.h"

#ifdef NRB_HAVE_SECTIONS

/* The linker tells the bounds of all descriptions, as the kernel reads them. */
extern const struct rseq_cs __start___rseq_cs[] __attribute__((visibility("hidden")));
extern const struct rseq_cs __stop___rseq_cs[] __attribute__((visibility("hidden")));

void section_list_aborts(const struct target *target, void (*tell)(void *context, uint64_t pc), void *context)
{
	for (const struct rseq_cs *section = __start___rseq_cs; section < __stop___rseq_cs; section++)
		for (const struct text_range *range = target->text; range->start; range++)
			if (section->abort_ip - (uintptr_t)range->start <
			    (uintptr_t)range->end - (uintptr_t)range->start)
				tell(context, section->abort_ip);
}

#else

void section_list_aborts(const struct target *target, void (*tell)(void *context, uint64_t pc), void *context)
{
	(void)target;
	(void)tell;
	(void)context;
}

#endif
