/* SPDX-License-Identifier: MIT */
/*
 * ring_target.h - what all targets built on libnrb's ring share; they differ in the write path alone
 */
#ifndef STRESS_RING_TARGET_H
#define STRESS_RING_TARGET_H

#include "nrb.h"
#include "target.h"

_Static_assert(sizeof(struct nrb_reservation) <= sizeof(((struct target_reservation *)0)->state), "it fits");

/* Part of the write path, so inlined by a compiler that does not optimise, too. */
#define RING_TARGET_INLINE static inline __attribute__((always_inline))

RING_TARGET_INLINE struct nrb_ring *ring_of(struct target_ring *ring)
{
	return (struct nrb_ring *)ring;
}

RING_TARGET_INLINE struct nrb_reservation *reservation_of(struct target_reservation *reservation)
{
	return (struct nrb_reservation *)(void *)reservation->state;
}

struct target_ring *ring_open(const struct target_attr *attr);
/* A ring that does more than the plain one; @mode: what. Its size, start and id are the harness's. */
struct target_ring *ring_open_as(const struct target_attr *attr, const struct nrb_attr *mode);
void ring_close(struct target_ring *ring);
uint64_t ring_reserved_head(const struct target_ring *ring);
uint64_t ring_lost(const struct target_ring *ring);
uint64_t ring_wakeups(const struct target_ring *ring);
struct target_reader *ring_reader_open(struct target_ring *ring);
void ring_reader_close(struct target_reader *reader);
uint64_t ring_head(const struct target_reader *reader);
uint64_t ring_tail(const struct target_reader *reader);
int64_t ring_poll(struct target_reader *reader, uint64_t *head);
int ring_next(struct target_reader *reader, struct target_record *record);
void ring_release(struct target_reader *reader);
uint64_t ring_skip(struct target_reader *reader);
uint64_t ring_missed(const struct target_reader *reader);
void ring_rewind(struct target_reader *reader);
unsigned ring_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region);

/* The members of struct target that are the same for all of them. */
#define RING_TARGET_FUNCTIONS                                                                                          \
	.driver = DRIVER_HARNESS, .close = ring_close, .reserved_head = ring_reserved_head, .lost = ring_lost,         \
	.reader_open = ring_reader_open, .reader_close = ring_reader_close, .head = ring_head, .tail = ring_tail,      \
	.poll = ring_poll, .next = ring_next, .release = ring_release, .skip = ring_skip, .regions = ring_regions

/* And of plain rings. */
#define RING_TARGET_COMMON_BUT_OPEN .checks = VIOLATION_ALL & ~VIOLATION_BIT(MISSED_WAKEUP), RING_TARGET_FUNCTIONS
#define RING_TARGET_COMMON .open = ring_open, RING_TARGET_COMMON_BUT_OPEN

/* Of rings whose reader is woken at a watermark of so many @bytes. */
#define RING_TARGET_WOKEN(bytes) .checks = VIOLATION_ALL, .wakeups = ring_wakeups, .watermark = (bytes)

/* Of rings that are overwritten: there is no tail, and nothing is refused. */
#define RING_TARGET_OVERWRITTEN                                                                                        \
	.checks = VIOLATION_ALL &                                                                                      \
		  ~(VIOLATION_BIT(MISSED_WAKEUP) | VIOLATION_BIT(HEAD_BELOW_TAIL) | VIOLATION_BIT(OVERRUN)),           \
	.overwrites = true, .missed = ring_missed, .rewind = ring_rewind

/* NAME_open: a ring made as @mode says, fields of struct nrb_attr. */
#define RING_TARGET_OPEN(name, ...)                                                                                    \
	static struct target_ring *name##_open(const struct target_attr *attr)                                         \
	{                                                                                                              \
		const struct nrb_attr mode = { .struct_size = sizeof(mode), .clock = 1, __VA_ARGS__ };                 \
                                                                                                                       \
		return ring_open_as(attr, &mode);                                                                      \
	}

/* The bounds of a section, which the linker tells. Hidden: they are nobody else's. */
#define TEXT_START(section) __start_##section
#define TEXT_END(section) __stop_##section
#define TEXT_DECLARE(section) extern const char TEXT_START(section)[] HIDDEN, TEXT_END(section)[] HIDDEN
#define TEXT_RANGE(section)                                                                                            \
	{                                                                                                              \
		TEXT_START(section), TEXT_END(section)                                                                 \
	}
#define HIDDEN __attribute__((visibility("hidden")))

/* A target's ranges, when they are those of NRB_STEPS_SECTION alone. */
#define TARGET_TEXT(name, section) TARGET_TEXT_(name, section)
#define TARGET_TEXT_(name, section)                                                                                    \
	TEXT_DECLARE(section);                                                                                         \
	static const struct text_range name##_text[] __attribute__((unused)) = { TEXT_RANGE(section), { NULL, NULL } }

/* The entry points of what is installed, called as a user calls them: NAME_write, NAME_reserve and NAME_commit, in
 * @section. */
#define RING_TARGET_INSTALLED(name, section)                                                                           \
	NRB_INSTALLED_SECTION(section)                                                                                 \
	static int name##_write(struct target_ring *ring, const void *payload, size_t size)                            \
	{                                                                                                              \
		return nrb_write(ring_of(ring), NRB_RECORD_SAMPLE, payload, size);                                     \
	}                                                                                                              \
	NRB_INSTALLED_SECTION(section)                                                                                 \
	static int name##_reserve(struct target_ring *ring, struct target_reservation *reservation, size_t size)       \
	{                                                                                                              \
		int rc = nrb_reserve(ring_of(ring), reservation_of(reservation), NRB_RECORD_SAMPLE, size);             \
                                                                                                                       \
		reservation->payload = reservation_of(reservation)->payload;                                           \
		return rc;                                                                                             \
	}                                                                                                              \
	NRB_INSTALLED_SECTION(section)                                                                                 \
	static void name##_commit(struct target_ring *ring, struct target_reservation *reservation)                    \
	{                                                                                                              \
		nrb_commit(ring_of(ring), reservation_of(reservation));                                                \
	}
#define NRB_INSTALLED_SECTION(name) __attribute__((section(#name)))

/* A mode of what is installed: NAME_open with these fields of struct nrb_attr, the entry points, and NAME_text. */
#define RING_TARGET_IN_MODE(name, ...)                                                                                 \
	RING_TARGET_INSTALLED(name, nrb_path_##name)                                                                   \
	RING_TARGET_OPEN(name, __VA_ARGS__)                                                                            \
	TEXT_DECLARE(nrb_path_##name);                                                                                 \
	TEXT_DECLARE(nrb_write_path);                                                                                  \
	TEXT_DECLARE(nrb_write_modes);                                                                                 \
	static const struct text_range name##_text[] = {                                                               \
		TEXT_RANGE(nrb_path_##name),                                                                           \
		TEXT_RANGE(nrb_write_path),                                                                            \
		TEXT_RANGE(nrb_write_modes),                                                                           \
		{ NULL, NULL },                                                                                        \
	}

/* The entry points of a variant: NAME_write, NAME_reserve and NAME_commit by the steps in @steps (see steps.h),
 * in the section that NRB_STEPS_SECTION names, and NAME_text, the range of it. */
#define RING_TARGET_WRITE_PATH(name, steps)                                                                            \
	TARGET_TEXT(name, NRB_STEPS_SECTION);                                                                          \
	NRB_WRITE_PATH static int name##_write(struct target_ring *ring, const void *payload, size_t size)             \
	{                                                                                                              \
		return nrb_write_by(&(steps), ring_of(ring), NRB_RECORD_SAMPLE, payload, size);                        \
	}                                                                                                              \
	NRB_WRITE_PATH static int name##_reserve(struct target_ring *ring, struct target_reservation *r, size_t size)  \
	{                                                                                                              \
		int rc = nrb_reserve_by(&(steps), ring_of(ring), reservation_of(r), NRB_RECORD_SAMPLE, size);          \
                                                                                                                       \
		r->payload = reservation_of(r)->payload;                                                               \
		return rc;                                                                                             \
	}                                                                                                              \
	NRB_WRITE_PATH static void name##_commit(struct target_ring *ring, struct target_reservation *r)               \
	{                                                                                                              \
		nrb_commit_by(&(steps), ring_of(ring), reservation_of(r));                                             \
	}

/* Expected of a control that sampled runs catch as surely as stepping does. */
#define EXPECTED_IN_EVERY_TIER(names)                                                                                  \
	{                                                                                                              \
		[TIER_STEP] = (names), [TIER_AIM] = (names), [TIER_TIMER] = (names), [TIER_KICK] = (names)             \
	}

/* What a reader makes of a record that is covered before it is written, or written over. */
#define VIOLATIONS_UNFINISHED (VIOLATION_BIT(TORN_RECORD) | VIOLATION_BIT(BAD_RECORD))
/* And of what may come along: a whole record of an earlier lap in its place, and the right one missing. */
#define VIOLATIONS_STALE                                                                                               \
	(VIOLATIONS_UNFINISHED | VIOLATION_BIT(SEQUENCE_GAP) | VIOLATION_BIT(SEQUENCE_REPEAT) |                        \
	 VIOLATION_BIT(LOST_MISMATCH))

/* Controls. */
extern const struct target target_legacy;
extern const struct target target_late_inc;
extern const struct target target_early_check;
extern const struct target target_no_recheck;
extern const struct target target_no_nest;
extern const struct target target_publish_first;
extern const struct target target_no_tail_check;
extern const struct target target_hoisted_space;
extern const struct target target_plain_reserve;
extern const struct target target_torn_head;
extern const struct target target_lost_race;
extern const struct target target_plain_nest_reload;
extern const struct target target_swapped_space;
extern const struct target target_late_mark;
extern const struct target target_early_wakeup;
extern const struct target target_own_wakeup;
extern const struct target target_late_wakeup;
extern const struct target target_no_grace;
extern const struct target target_rseq_unregistered;
extern const struct target target_rseq_publish;
extern const struct target target_rseq_early_commit;
extern const struct target target_rseq_no_check;
/* Sound. */
extern const struct target target_fixed;
extern const struct target target_rseq;
extern const struct target target_fixed_lock;
extern const struct target target_mask;
extern const struct target target_overwrite;
extern const struct target target_backward;
extern const struct target target_backward_overwrite;
extern const struct target target_watermark;
extern const struct target target_sample_id;
extern const struct target target_channel;

#endif /* STRESS_RING_TARGET_H */
