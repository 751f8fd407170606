/* SPDX-License-Identifier: MIT */
/*
 * section.h - writes in restartable sequences (private)
 *
 * The kernel offers each thread a restartable sequence (rseq(2); the C library registers it): while the thread is
 * between two addresses that it named before, no signal handler begins to run but the thread is first moved to a third
 * address, so that what it was about to do starts over. A handler of ours is what a writer has to fear; so between
 * these addresses plain loads and stores are as good as one atomic step, and that step may be as long as we like.
 *
 * A small record is written by two such sections, without the nest counter and without a compare-and-swap:
 *
 *   reserve, copy and commit   no reservation is open, and there is room: copy the record to where head is, and move
 *                              head over it by one instruction, which is the last
 *   publish                    load head, and store it as data_head by one instruction, which is the last
 *
 * Walk a strike through it. Within the first section nothing has been done that counts: the handler's record takes the
 * place, and ours is copied again behind it. Between the two our record is complete and below head: the handler's
 * publish covers both, and ours then stores the same head again, or a later one. Within the second section the handler
 * publishes what we have committed and its own; we load head anew. So data_head never goes back, and covers nothing
 * that is not complete. doc/protocol.md has the whole argument.
 *
 * Whatever is not the usual case is left to the nest protocol of steps.h, for which a write here looks like one that
 * ran between two instructions: a reservation is open (whoever made it publishes), writes were lost and must be told,
 * no room as far as the cached data_tail says, a thread without rseq, and a section that was aborted twice, as under a
 * debugger's single steps.
 *
 * Only on x86-64, where a store is a release and a load an acquire; the text between the labels is therefore the order
 * against the other CPU, too: publish:B is a plain store there as elsewhere.
 */
#ifndef NRB_SECTION_H
#define NRB_SECTION_H

#include "section_copy.h"
#include "steps.h"

/* Not x32: the text loads pointers of 8 bytes. */
#if defined(__x86_64__) && defined(__LP64__) && defined(__linux__) && __has_include(<sys/rseq.h>)
#define NRB_HAVE_SECTIONS 1
#include <sys/rseq.h>

/* Payloads of so many bytes and more are not copied in a section: a signal would waste too much. */
#define NRB_SECTION_LIMIT 1025u

_Static_assert(offsetof(struct rseq, cpu_id) == 4 && offsetof(struct rseq, rseq_cs) == 8, "the kernel's layout");

/* Where the compiler should not have the usual case jump: at this size a jump is a good part of the cost. */
#define NRB_SELDOM(condition) __builtin_expect(!!(condition), 0)

/* clang-format off */

/* A section's description, @n, for the kernel: from label @start up to label @end; @abort is where to go. */
#define NRB_SECTION_DESCRIBE(n, start, end, abort) \
	".pushsection __rseq_cs, \"aw\"\n" \
	".balign 32\n" n ":\n" \
	".long 0, 0\n" \
	".quad " start ", " end " - " start ", " abort "\n" \
	".popsection\n" \
	".pushsection __rseq_cs_ptr_array, \"aw\"\n" \
	".quad " n "b\n" \
	".popsection\n"

/* In front of where an abort goes the kernel wants to see this, RSEQ_SIG as an instruction that traps. */
#define NRB_SECTION_SIGNATURE \
	".byte 0x0f, 0xb9, 0x3d\n" \
	".long 0x53053053\n"

/*
 * Registers: rdi the ring, esi the type, rdx the payload, rcx its size, as the ABI has them; r9 the writer's page, r10
 * bytes of the record, r11 where the thread's struct rseq is (from fs); rax and r8 hold what is at hand, from room to
 * copy rax is where the record lies.
 *
 * A name that says what it needs: a variant puts another text in place of one of these.
 */

/* From the next instruction on this thread is in the section whose description is in rax. */
#define NRB_SECTION_ENTER "movq %%rax, %%fs:8(%%r11)\n"

#ifndef NRB_SECTION_ENTER_PUBLISH
#define NRB_SECTION_ENTER_PUBLISH NRB_SECTION_ENTER
#endif

/* Nobody whom we interrupted has a reservation open: else to publish would be to publish that as well. */
#ifndef NRB_SECTION_CHECK_NEST
#define NRB_SECTION_CHECK_NEST "movl %c[nest](%%r9), %%r8d\n"
#endif

/* As nrb_has_space(), by the cached data_tail. */
#define NRB_SECTION_ROOM \
	"	movq	%c[head](%%r9), %%rax\n" \
	"	leaq	(%%rax,%%r10), %%r8\n" \
	"	subq	%c[tail](%%r9), %%r8\n" \
	"	cmpq	%c[size](%%rdi), %%r8\n" \
	"	jae	%l[slow]\n" \
	"	andq	%c[mask](%%rdi), %%rax\n" \
	"	addq	%c[data](%%rdi), %%rax\n"

/* The header; before it zeros where the rounding ends. */
#define NRB_SECTION_HEADER \
	"	testb	$7, %%cl\n" \
	"	jne	40b\n" \
	"41:	movl	%%esi, (%%rax)\n" \
	"	movl	%%r10d, %%r8d\n" \
	"	shll	$16, %%r8d\n" \
	"	movl	%%r8d, 4(%%rax)\n"
#define NRB_SECTION_HEADER_ASIDE \
	"40:	movq	$0, -8(%%rax,%%r10)\n" \
	"	jmp	41f\n"

/* From here on the record counts; whoever strikes after it publishes it as well. */
#define NRB_SECTION_MOVE_HEAD "addq %%r10, %c[head](%%r9)\n"
#ifndef NRB_SECTION_COMMIT
#define NRB_SECTION_COMMIT NRB_SECTION_MOVE_HEAD
#endif
#ifndef NRB_SECTION_BEFORE_COPY
#define NRB_SECTION_BEFORE_COPY ""
#endif

/*
 * The whole. 1 to 2 is the first section: what lies aside comes first, since a section is one piece, and its last
 * instruction is the commit. 3 to 4 is the second. An abort enters once more, by a description that says to go
 * elsewhere the next time.
 *
 * A handler may have forked, and the child come back into the write: what an abort goes on by is loaded anew, and the
 * ring's page is wiped in a child. It is not to store its parent's data_head.
 *
 * Where aborts go lies in front of 1, in no section and yet within the function: there stands whoever was struck, for
 * handlers that walk the stack. In a subsection it would belong to no function, and have no unwind table.
 *
 * What is entered holds from the next instruction on, and the kernel forgets it when it finds the thread elsewhere. So
 * the instruction that enters is followed by the section, or lies in it already.
 */
#define NRB_SECTION_TEXT \
	NRB_SECTION_DESCRIBE("11", "1f", "2f", "21f") \
	NRB_SECTION_DESCRIBE("12", "1f", "2f", "22f") \
	NRB_SECTION_DESCRIBE("13", "3f", "4f", "23f") \
	NRB_SECTION_DESCRIBE("14", "3f", "4f", "24f") \
	/* Both types that only the ring writes; and type 0, which goes the other way for that. */ \
	"	testl	%[types], %%esi\n" \
	"	je	%l[slow]\n" \
	"	movq	%c[control](%%rdi), %%r8\n" \
	"	cmpl	$0, %c[paused](%%r8)\n" \
	"	jne	%l[slow]\n" \
	"	movq	%c[rseq](%%rdi), %%r11\n" \
	"	leaq	11b(%%rip), %%rax\n" \
	/* Registered in this thread: the number of the CPU is not negative. */ \
	"	cmpl	$0, %%fs:4(%%r11)\n" \
	"	jge	10f\n" \
	"	jmp	%l[slow]\n" \
	NRB_SECTION_SIGNATURE \
	"21:	cmpq	$0, %c[control](%%rdi)\n" \
	"	je	%l[slow]\n" \
	"	movq	%c[rseq](%%rdi), %%r11\n" \
	"	leaq	12b(%%rip), %%rax\n" \
	"	jmp	10f\n" \
	NRB_SECTION_SIGNATURE \
	"22:	jmp	%l[slow]\n" \
	NRB_SECTION_SIGNATURE \
	"23:	cmpq	$0, %c[control](%%rdi)\n" \
	"	je	%l[committed]\n" \
	"	leaq	14b(%%rip), %%rax\n" \
	"	jmp	20f\n" \
	NRB_SECTION_SIGNATURE \
	"24:	jmp	%l[committed]\n" \
	"1:\n" \
	NRB_SECTION_HEADER_ASIDE \
	NRB_SECTION_COPY_ASIDE \
	/* Whoever comes here has jumped. */ \
	".p2align 6\n" \
	"10:	movq	%c[writer](%%rdi), %%r9\n" \
	"	leaq	15(%%rcx), %%r10\n" \
	"	andq	$-8, %%r10\n" \
	NRB_SECTION_ENTER \
	NRB_SECTION_CHECK_NEST \
	"	orq	%c[lost](%%r9), %%r8\n" \
	"	jne	%l[slow]\n" \
	NRB_SECTION_ROOM \
	NRB_SECTION_BEFORE_COPY \
	NRB_SECTION_HEADER \
	NRB_SECTION_COPY \
	NRB_SECTION_COMMIT \
	"2:	leaq	13b(%%rip), %%rax\n" \
	"20:\n" \
	NRB_SECTION_ENTER_PUBLISH \
	"3:	movq	%c[control](%%rdi), %%r8\n" \
	"	movq	%c[head](%%r9), %%rax\n" \
	/* publish:B  pairs with poll:C; a store is a release here. */ \
	"	movq	%%rax, %c[data_head](%%r8)\n" \
	"4:\n"

/* clang-format on */

/* A record is committed, and twice a signal came before it could be published: by the nest protocol. */
static __attribute__((noinline)) NRB_WRITE_PATH int nrb_publish_committed(struct nrb_ring *ring)
{
	/* A child that was forked meanwhile: its parent publishes. */
	if (!ring->payload_limit)
		return -EPERM;
	/* Whoever nests from here on leaves it to us, as ever. */
	nrb_local_store(&ring->writer->nest, nrb_local_load(&ring->writer->nest) + 1);
	nrb_local_fence();
	nrb_publish(ring);
	return 0;
}

/*
 * nrb_write_in_section - nrb_write() of a payload smaller than ring->section_limit
 * @otherwise: does the same; called when it cannot be done in this way, before anything was done
 */
NRB_STEP int nrb_write_in_section(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size,
				  int (*otherwise)(struct nrb_ring *, uint32_t, const void *, size_t))
{
	__asm__ goto(
		NRB_SECTION_TEXT
		:
		: "D"(ring), "S"(type), "d"(payload), "c"(size), [control] "i"(offsetof(struct nrb_ring, control)),
		  [data] "i"(offsetof(struct nrb_ring, data)), [writer] "i"(offsetof(struct nrb_ring, writer)),
		  [size] "i"(offsetof(struct nrb_ring, data_size)), [mask] "i"(offsetof(struct nrb_ring, mask)),
		  [rseq] "i"(offsetof(struct nrb_ring, rseq)), [wide] "i"(offsetof(struct nrb_ring, wide_copy)),
		  [head] "i"(offsetof(struct nrb_writer, head)), [tail] "i"(offsetof(struct nrb_writer, tail_cache)),
		  [lost] "i"(offsetof(struct nrb_writer, lost)), [nest] "i"(offsetof(struct nrb_writer, nest)),
		  [data_head] "i"(offsetof(struct nrb_control, data_head)),
		  [paused] "i"(offsetof(struct nrb_control, paused)),
		  [types] "i"(~(NRB_RECORD_LOST | NRB_RECORD_PADDING))
		: "rax", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory"
		: slow, committed);
	return 0;
committed:
	return nrb_publish_committed(ring);
slow:
	return otherwise(ring, type, payload, size);
}

/* clang-format off */

/* Room for so many bytes, without copying anything yet. The carry at the end: there was. */
#define NRB_SECTION_TAKE \
	NRB_SECTION_DESCRIBE("11", "1f", "3f", "21f") \
	NRB_SECTION_DESCRIBE("12", "1f", "3f", "22f") \
	"	leaq	11b(%%rip), %[at]\n" \
	"	cmpl	$0, %%fs:4(%[rseq])\n" \
	"	jge	10f\n" \
	"	jmp	22f\n" \
	NRB_SECTION_SIGNATURE \
	"21:	leaq	12b(%%rip), %[at]\n" \
	"	jmp	10f\n" \
	NRB_SECTION_SIGNATURE \
	"22:	clc\n" \
	"	jmp	3f\n" \
	"10:	movq	%[at], %%fs:8(%[rseq])\n" \
	"1:	movq	%[head], %[at]\n" \
	"	leaq	(%[at],%[bytes]), %[end]\n" \
	"	movq	%[end], %[used]\n" \
	"	subq	%[tail], %[used]\n" \
	"	cmpq	%[size], %[used]\n" \
	"	jae	3f\n" \
	"	movq	%[end], %[head]\n" \
	"3:\n"

/* clang-format on */

/*
 * In place of nrb_reserve_space()'s swap, which takes longer than all the rest of a reservation. Aborted twice, the
 * swap it is.
 *
 * Return: whether there is room as far as the cached data_tail says, and then *@position.
 */
NRB_STEP bool nrb_take_in_section(const struct nrb_ring *ring, struct nrb_writer *w, uint64_t bytes, uint64_t *position)
{
	uint64_t at, end, used;
	bool done;

	__asm__ volatile(
		NRB_SECTION_TAKE
		: "=@ccc"(done), [at] "=&r"(at), [end] "=&r"(end), [used] "=&r"(used), [head] "+m"(w->head)
		: [rseq] "r"(ring->rseq), [bytes] "r"(bytes), [tail] "m"(w->tail_cache), [size] "m"(ring->data_size)
		: "memory");
	*position = at;
	return done;
}

/*
 * nrb_reserve_in_section - nrb_reserve() of a payload smaller than ring->section_limit, in the usual case
 *
 * That is the outermost write, with no losses to tell: so nest is known, and known to nrb_commit().
 *
 * Return: whether that is done; if not, nothing is.
 */
NRB_STEP bool nrb_reserve_in_section(struct nrb_ring *ring, struct nrb_reservation *r, uint32_t type, size_t size)
{
	struct nrb_writer *w = ring->writer;
	uint64_t position, record;
	unsigned char *at;

	/* Types as above. */
	if (NRB_SELDOM(!(type & ~(NRB_RECORD_LOST | NRB_RECORD_PADDING)) || nrb_load_relaxed(&ring->control->paused) ||
		       nrb_local_load(&w->lost) | nrb_local_load(&w->nest)))
		return false;
	record = sizeof(struct nrb_header) + ((size + 7) & ~(size_t)7);
	/* As nrb_begin(), and what it says of strikes holds here. */
	nrb_local_store(&w->nest, 1);
	nrb_local_fence();
	if (NRB_SELDOM(!nrb_take_in_section(ring, w, record, &position))) {
		/* Nothing has been reserved. But who nested has left its record to us to publish; and the nest
		 * protocol, which comes next, refuses a write into a ring paused meanwhile without publishing. */
		nrb_publish(ring);
		return false;
	}
	at = ring->data + (position & ring->mask);
	if (NRB_SELDOM(size & 7))
		memset(at + record - 8, 0, 8);
	memcpy(at, &(const uint64_t) { type | record << 48 }, sizeof(struct nrb_header));
	r->payload = at + sizeof(struct nrb_header);
	r->position = position;
	r->size = (uint32_t)record;
	r->record = (uint32_t)record;
	r->lost_pending = 0;
	r->quick = w;
	return true;
}

/*
 * The section that this thread was in last is still named in its struct rseq, and the kernel reads the description when
 * it next has the thread leave the CPU or takes it back: whoever unloads this code before is ended by SIGSEGV.
 *
 * Context: thread; not in a section.
 */
static inline void nrb_forget_section(void)
{
	if (__rseq_size)
		__asm__ volatile("movq $0, %%fs:8(%[rseq])" : : [rseq] "r"((int64_t)__rseq_offset) : "memory");
}

#endif /* sections */

#endif /* NRB_SECTION_H */
