/* SPDX-License-Identifier: MIT */
/*
 * channel_target.h - what targets built on libnrb's channels share: rings that are replaced while they are written into
 */
#ifndef STRESS_CHANNEL_TARGET_H
#define STRESS_CHANNEL_TARGET_H

#include "nrb_channel.h"
#include "ring_target.h"

struct target_ring *channel_open(const struct target_attr *attr);
/* Here whoever replaces a ring does not wait for those who are writing into the one before. */
struct target_ring *channel_open_graceless(const struct target_attr *attr);
void channel_close(struct target_ring *ring);
int channel_attach(struct target_ring *ring);
void channel_detach(struct target_ring *ring);
int channel_swap(struct target_ring *ring);
void channel_swap_begin(struct target_ring *ring);
void channel_swap_end(struct target_ring *ring);
int channel_watch(void);
void channel_unwatch(void);
struct nrb_channel *channel_of(struct target_ring *ring);
uint64_t channel_reserved_head(const struct target_ring *ring);
uint64_t channel_lost(const struct target_ring *ring);
struct target_reader *channel_reader_open(struct target_ring *ring);
void channel_reader_close(struct target_reader *reader);
uint64_t channel_head(const struct target_reader *reader);
uint64_t channel_tail(const struct target_reader *reader);
int64_t channel_poll(struct target_reader *reader, uint64_t *head);
int channel_next(struct target_reader *reader, struct target_record *record);
void channel_release(struct target_reader *reader);
uint64_t channel_skip(struct target_reader *reader);
unsigned channel_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region);

/* Positions leap from ring to ring, so that how far the writer is ahead says nothing. */
#define CHANNEL_TARGET_FUNCTIONS                                                                                       \
	.checks = VIOLATION_ALL & ~(VIOLATION_BIT(MISSED_WAKEUP) | VIOLATION_BIT(OVERRUN)), .in_thread = true,         \
	.driver = DRIVER_HARNESS, .close = channel_close, .attach = channel_attach, .detach = channel_detach,          \
	.swap = channel_swap, .swap_begin = channel_swap_begin, .swap_end = channel_swap_end, .watch = channel_watch,  \
	.unwatch = channel_unwatch, .reserved_head = channel_reserved_head, .lost = channel_lost,                      \
	.reader_open = channel_reader_open, .reader_close = channel_reader_close, .head = channel_head,                \
	.tail = channel_tail, .poll = channel_poll, .next = channel_next, .release = channel_release,                  \
	.skip = channel_skip, .regions = channel_regions

/* NAME_write, NAME_reserve and NAME_commit through the channel, in the section nrb_path_NAME, and NAME_text. */
#define CHANNEL_TARGET_WRITE_PATH(name)                                                                                \
	NRB_INSTALLED_SECTION(nrb_path_##name)                                                                         \
	static int name##_write(struct target_ring *ring, const void *payload, size_t size)                            \
	{                                                                                                              \
		return nrb_channel_write(channel_of(ring), NRB_RECORD_SAMPLE, payload, size);                          \
	}                                                                                                              \
	NRB_INSTALLED_SECTION(nrb_path_##name)                                                                         \
	static int name##_reserve(struct target_ring *ring, struct target_reservation *r, size_t size)                 \
	{                                                                                                              \
		int rc = nrb_channel_reserve(channel_of(ring), reservation_of(r), NRB_RECORD_SAMPLE, size);            \
                                                                                                                       \
		r->payload = reservation_of(r)->payload;                                                               \
		return rc;                                                                                             \
	}                                                                                                              \
	NRB_INSTALLED_SECTION(nrb_path_##name)                                                                         \
	static void name##_commit(struct target_ring *ring, struct target_reservation *r)                              \
	{                                                                                                              \
		nrb_channel_commit(channel_of(ring), reservation_of(r));                                               \
	}                                                                                                              \
	TEXT_DECLARE(nrb_path_##name);                                                                                 \
	TEXT_DECLARE(nrb_channel_path);                                                                                \
	TEXT_DECLARE(nrb_write_path);                                                                                  \
	static const struct text_range name##_text[] = {                                                               \
		TEXT_RANGE(nrb_path_##name),                                                                           \
		TEXT_RANGE(nrb_channel_path),                                                                          \
		TEXT_RANGE(nrb_write_path),                                                                            \
		{ NULL, NULL },                                                                                        \
	}

#endif /* STRESS_CHANNEL_TARGET_H */
