/* SPDX-License-Identifier: MIT */
/*
 * contestants.h - the contestants by name: who adds one names it here, in contestants.c and in contestants.mk
 */
#ifndef BENCH_CONTESTANTS_H
#define BENCH_CONTESTANTS_H

#include "contestant.h"

/* limits/: what is possible, and what part of it is the copy. */
extern const struct contestant contestant_limit_copy;
extern const struct contestant contestant_limit_publish;
extern const struct contestant contestant_memcpy_publish;
/* paths/: libnrb's own ways to write. */
extern const struct contestant contestant_write;
extern const struct contestant contestant_reserve_commit;
extern const struct contestant contestant_channel;
extern const struct contestant contestant_overwrite;
extern const struct contestant contestant_sample_id;
extern const struct contestant contestant_fixed;
extern const struct contestant contestant_fixed_lock;
extern const struct contestant contestant_legacy;
extern const struct contestant contestant_mask;
/* peers/: what a user would pick instead. */
extern const struct contestant contestant_ck_ring;
extern const struct contestant contestant_wfcqueue;
extern const struct contestant contestant_rte_ring;
extern const struct contestant contestant_lttng;
extern const struct contestant contestant_lttng_noclock;

#endif /* BENCH_CONTESTANTS_H */
