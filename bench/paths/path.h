/* SPDX-License-Identifier: MIT */
/*
 * path.h - what libnrb's ways to write share: the ring, and its own reader
 */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

#include "contestant.h"
#include "nrb.h"
#include "nrb_channel.h"

struct bench_ring {
	struct nrb_ring *ring;
	struct nrb_channel *channel; /* NULL: written without */
	/* The consumer's, on a line of its own. */
	_Alignas(64) struct nrb_reader *reader;
};

/* In whichever mode @attr asks for; path_open_plain(): the plain ring only, or EOPNOTSUPP. */
struct bench_ring *path_open(const struct bench_attr *attr);
struct bench_ring *path_open_plain(const struct bench_attr *attr);
void path_close(struct bench_ring *ring);
uint64_t path_take(struct bench_ring *ring, uint64_t least);
int path_next(struct bench_ring *ring, const void **payload, size_t *size);
void path_release(struct bench_ring *ring);
/* nrb_reserve(), the limits' copy, @within, nrb_commit(). */
int path_write_around(struct bench_ring *ring, const void *payload, size_t size, void (*within)(void *), void *arg);

/* nrb_reader_loop(). */
int64_t path_loop(struct bench_ring *ring, uint64_t latency_ns, const uint32_t *stop);

/* The members of struct contestant that are the same for all that are consumed. */
#define PATH_CONSUMED .take = path_take, .next = path_next, .release = path_release, .loop = path_loop

#endif /* BENCH_PATH_H */
