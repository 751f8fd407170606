/* SPDX-License-Identifier: MIT */
/*
 * rseq - the installed write path as it is called by default: small records in restartable sequences, the others, and
 *        all where a sequence does not come to its end, by the nest protocol
 *
 * A strike into a sequence is told at the address that the kernel sends the writer to, so at which instruction it came
 * is not known. A single step is a strike as well: stepped, the write goes the other way.
 */
#define _GNU_SOURCE
#include "rseq_target.h"

#ifdef NRB_HAVE_SECTIONS

/* The calls; behind them the library's own. */
RING_TARGET_INSTALLED(rseq, nrb_path_rseq)

TEXT_DECLARE(nrb_path_rseq);
TEXT_DECLARE(nrb_write_path);
static const struct text_range rseq_text[] = {
	TEXT_RANGE(nrb_path_rseq),
	TEXT_RANGE(nrb_write_path),
	{ NULL, NULL },
};

RSEQ_TARGET_BARE(rseq)

const char *rseq_missing(void)
{
	return __rseq_size ? NULL
			   : "the C library has no restartable sequences registered: they need Linux 4.18, no "
			     "emulator, and GLIBC_TUNABLES without glibc.pthread.rseq=0";
}

const struct target target_rseq = {
	.name = "rseq",
	.summary = "libnrb as installed, small records in restartable sequences: begun anew when struck",
	.claim = CLAIM_SOUND,
	RSEQ_TARGET_MEMBERS(rseq),
};

#endif /* sections */
