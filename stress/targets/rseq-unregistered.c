/* SPDX-License-Identifier: MIT */
/*
 * rseq-unregistered - the sections are entered in a struct rseq that the kernel does not know of
 *
 * Lost: everything. Nothing begins anew when a strike comes, so a record is copied to where a nested one lies, and an
 * older head is stored over a newer one. It is the installed write path, instruction by instruction; in a thread that
 * has no struct rseq registered the library does not go there, which is what this leaves out.
 */
#include "rseq_target.h"

#ifdef NRB_HAVE_SECTIONS

/* As if it were registered: cpu_id is not negative. */
static __thread struct rseq stranger __attribute__((aligned(32), tls_model("initial-exec")));

struct target_ring *rseq_open_bare(const struct target_attr *attr)
{
	struct target_ring *ring = ring_open(attr);

	if (ring && ring_of(ring)->section_limit)
		ring_of(ring)->rseq = (int64_t)((uintptr_t)&stranger - (uintptr_t)__builtin_thread_pointer());
	return ring;
}

RING_TARGET_INSTALLED(rseq_unregistered, nrb_path_rseq_unregistered)

TEXT_DECLARE(nrb_path_rseq_unregistered);
TEXT_DECLARE(nrb_write_path);
static const struct text_range rseq_unregistered_text[] = {
	TEXT_RANGE(nrb_path_rseq_unregistered),
	TEXT_RANGE(nrb_write_path),
	{ NULL, NULL },
};

const struct target target_rseq_unregistered = {
	.name = "rseq-unregistered",
	.summary = "restartable sequences that the kernel does not know of: nothing begins anew",
	.claim = CLAIM_CONTROL,
	/* And data_head goes back, but so much else goes wrong that it is no measure of what readers see of that. */
	.expected = EXPECTED_IN_EVERY_TIER(VIOLATIONS_STALE),
	.allowed = VIOLATION_ALL,
	.missing = rseq_missing,
	RING_TARGET_COMMON_BUT_OPEN,
	.open = rseq_open_bare,
	.text = rseq_unregistered_text,
	.write = rseq_unregistered_write,
	.reserve = rseq_unregistered_reserve,
	.commit = rseq_unregistered_commit,
};

#endif /* sections */
