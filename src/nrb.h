/* SPDX-License-Identifier: MIT */
/*
 * nrb.h - libnrb, a ring buffer that its own writers may interrupt
 *
 * One thread and its signal handlers write records into a ring; one consumer, in this process or another, reads them.
 * A handler may write at any instruction of a write that it interrupts, to any depth that the stack holds: nested
 * writes are strictly last in, first out, each leaves the state as it found it, and the outermost one publishes for
 * all. The layout and the records are those of Linux perf's buffer (struct perf_event_mmap_page, struct
 * perf_event_header), and so is the protocol (doc/protocol.md).
 *
 * Calls return 0 or a negative errno; those that return a pointer return NULL and set errno. Each cause has an errno of
 * its own. "Context" says where a call may be made: "thread" is ordinary code; "writer" is the ring's one writing
 * thread and, at any instruction and nested, its signal handlers; "consumer" is the one thread that consumes.
 */
#ifndef NRB_H
#define NRB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Record types that the ring or its tools know; a user may use any other. */
#define NRB_RECORD_LOST 2              /* as PERF_RECORD_LOST: written by the ring itself */
#define NRB_RECORD_SAMPLE 9            /* as PERF_RECORD_SAMPLE */
#define NRB_RECORD_PADDING 0x80000000u /* a reservation that was discarded; readers never see it */

/* The largest record in bytes, header included: the header's size field has 16 bits, and sizes are multiples of 8. */
#define NRB_RECORD_MAX 65528u

/* What stands in front of every record; as struct perf_event_header. */
struct nrb_header {
	uint32_t type;
	uint16_t misc; /* 0 */
	uint16_t size; /* bytes, this header included, a multiple of 8 */
};

/* The body of an NRB_RECORD_LOST: @lost writes have failed since the last such record, for want of room. May be 0. */
struct nrb_lost {
	uint64_t id;
	uint64_t lost;
};

struct nrb_ring;
struct nrb_reader;
struct iovec;

/* ---- making a ring ---- */

/* nrb_attr.flags */
/* Flight recorder: the newest records are kept. Nothing is refused but what would overwrite a record that is still
 * being written: handlers that write more than a whole ring before the write that they interrupted goes on. */
#define NRB_OVERWRITE 0x1u
#define NRB_BACKWARD 0x2u /* positions go down, as with perf's write_backward */
/* Wake the reader each time that more than nrb_attr.wakeup bytes have been written. Either kind wakes it, too, when a
 * write finds no room and anything was written since it was woken last. */
#define NRB_WAKE_WATERMARK 0x4u
#define NRB_WAKE_RECORDS 0x8u /* or each time that so many records have been */
/* Write by the nest protocol alone. Otherwise small records are written in restartable sequences (rseq(2)) where the
 * thread has them, which is faster and as safe: see nrb_write(). */
#define NRB_NO_RSEQ 0x10u

/* nrb_attr.sample_id and .sample_type; as PERF_SAMPLE_*. Those named here may stand in a trailer, in this order. */
#define NRB_SAMPLE_TID (1ull << 1)         /* u32 pid, tid */
#define NRB_SAMPLE_TIME (1ull << 2)        /* u64 nanoseconds of nrb_attr.clock */
#define NRB_SAMPLE_ID (1ull << 6)          /* u64 nrb_attr.id */
#define NRB_SAMPLE_STREAM_ID (1ull << 9)   /* u64 nrb_attr.id */
#define NRB_SAMPLE_CPU (1ull << 7)         /* u32 cpu, 0 */
#define NRB_SAMPLE_IDENTIFIER (1ull << 16) /* u64 nrb_attr.id */

/* What a ring is to be. Start from NRB_ATTR_INIT, so that fields added later have their defaults. */
struct nrb_attr {
	uint32_t struct_size; /* sizeof(struct nrb_attr), set by NRB_ATTR_INIT */
	uint32_t mode;        /* permissions of the named file, less the umask; its .writer file is always 0600 */
	uint64_t data_size;   /* bytes for records: a power of two, at least one page */
	uint64_t start;       /* position of the first byte, a multiple of 8; positions run freely and wrap at 2^64 */
	uint64_t id;          /* put into LOST records */
	const char *path;     /* NULL: an anonymous memfd; else a file to be made, with PATH.writer beside it */
	uint32_t flags;       /* NRB_OVERWRITE, ... */
	int32_t clock;        /* clockid_t of timestamps; CLOCK_MONOTONIC, which is 1, unless told otherwise */
	uint64_t wakeup; /* with NRB_WAKE_WATERMARK bytes, 0: half of data_size; with NRB_WAKE_RECORDS records, 0: 1 */
	uint64_t sample_id; /* the fields of a sample_id trailer, which each record then ends in; 0: none */
	/* How payloads of NRB_RECORD_SAMPLE are laid out, in perf's terms; 0: the user's own way. */
	uint64_t sample_type;
};

/* Fields that are not named are 0, in C++ too. */
#define NRB_ATTR_INIT                                                                                                  \
	{                                                                                                              \
		sizeof(struct nrb_attr), 0644, 1 << 20, 0, 0, NULL, 0, 1, 0, 0, 0                                      \
	}

/**
 * nrb_create - make a ring, all of its memory allocated
 * @attr: what it is to be
 *
 * With a @path, two files are made: PATH, which readers map, and PATH.writer with what only the writer may write. Both
 * stay when the process dies, with every published record; nrb_destroy() leaves them too. Neither may exist before.
 *
 * @sample_id: each record, LOST ones too, ends in a trailer with the fields chosen, as perf's do with sample_id_all.
 * With a @sample_type, records of type NRB_RECORD_SAMPLE hold those fields in their payload and have no trailer; then
 * both must select the same of them. The ring does not look into payloads: @sample_type is told to who reads it.
 *
 * fork: the child is no writer: its calls give -EPERM and touch nothing (Linux 4.14). It may read, and should
 * nrb_destroy() what it does not need.
 *
 * Context: thread.
 * Return: the ring, or NULL and errno:
 *   EINVAL     @attr is NULL, its struct_size is not one this library knows, or start is not a multiple of 8
 *   E2BIG      @attr is of a newer library and asks for something that this one does not know
 *   EOPNOTSUPP flags that this library does not know, or both kinds of wakeup
 *   EMSGSIZE   a watermark that the ring cannot reach: wakeup is data_size or more
 *   EPROTOTYPE sample_id has fields that no trailer can have, or others than sample_type
 *   ENODEV     there is no such clock
 *   ERANGE     data_size is 0 or less than one page
 *   EDOM       data_size is not a power of two
 *   EOVERFLOW  data_size does not fit into the address space (it is mapped twice)
 *   ENOMEM     no memory of that size
 *   ENAMETOOLONG  @path with ".writer" is longer than a path may be
 *   EEXIST     @path or @path.writer exists
 *   ENOSPC     no room for the file
 *   EFBIG      the file would be larger than the file system or the limit (ulimit -f) allows
 *   and what open(2) gives for a path: ENOENT, EACCES, EROFS, EMFILE, ...
 */
struct nrb_ring *nrb_create(const struct nrb_attr *attr);

/**
 * nrb_destroy - unmap a ring and close its descriptors
 * @ring: from nrb_create(), or NULL
 *
 * Readers keep their own mappings and may go on reading. Named files stay.
 *
 * Context: thread; no writer of @ring is running, nor will one be.
 */
void nrb_destroy(struct nrb_ring *ring);

/**
 * nrb_fd - the descriptor a reader maps
 * @ring: the ring
 *
 * For nrb_reader_open_fd(), here or, passed over a socket, in another process. It belongs to @ring.
 *
 * Context: thread.
 */
int nrb_fd(const struct nrb_ring *ring);

/**
 * nrb_writer_fd - the descriptor of the writer's own page
 * @ring: the ring
 *
 * A reader in another process needs it, beside nrb_fd(), to take snapshots of an overwrite ring while it is written:
 * nrb_reader_open_fds(). Sealed, so that who receives it can map it for reading only (Linux 5.1).
 *
 * Context: thread.
 */
int nrb_writer_fd(const struct nrb_ring *ring);

/**
 * nrb_wakeup_fd - the eventfd that becomes readable when the reader is to be woken
 * @ring: the ring
 *
 * For poll(2) and epoll(7). It stays readable until somebody reads it, as nrb_reader_wait() does; so a wakeup that
 * comes before the wait is not lost. It belongs to @ring.
 *
 * Context: thread. Return: the descriptor, or -EOPNOTSUPP: the ring was made without wakeups.
 */
int nrb_wakeup_fd(const struct nrb_ring *ring);

/**
 * nrb_pause - refuse writes from now on; they are counted as lost
 * nrb_resume - take them again
 * @ring: the ring
 *
 * As PERF_EVENT_IOC_PAUSE_OUTPUT. A write in progress is not waited for: a snapshot that is taken at once by a reader
 * without the writer's page may contain what it is just overwriting.
 *
 * Context: any, handlers included.
 */
void nrb_pause(struct nrb_ring *ring);
void nrb_resume(struct nrb_ring *ring);

/* ---- writing ---- */

/* A record that is being filled in; from nrb_reserve() to nrb_commit(). */
struct nrb_reservation {
	void *payload;         /* where to write the payload: contiguous, 8-byte aligned */
	uint64_t position;     /* where the reservation begins in the ring */
	uint32_t size;         /* bytes reserved: the record and, if lost_pending, a LOST record before it */
	uint32_t record;       /* bytes of the record alone, header included */
	uint64_t lost_pending; /* whether writes had been lost when this one began */
	uint64_t wakeup;       /* what the ring's wakeup stood at when this one began */
	void *quick;           /* the writer's page, if nrb_commit() can do without a call; or NULL */
	uint64_t restore[16];  /* for a write path that must put something back at its end (a signal mask) */
};

/**
 * nrb_write - write one record
 * @ring: the ring
 * @type: what kind of record; not NRB_RECORD_LOST or NRB_RECORD_PADDING
 * @payload: its content
 * @size: bytes of @payload; rounded up to 8 with zeros in the ring
 *
 * Context: writer. Async-signal-safe, wait-free but for nested writes, keeps errno.
 * Return: 0, or
 *   -ENOSPC    the ring is full or paused; counted, and told in band by a LOST record with the next write that succeeds
 *   -EMSGSIZE  a record of that size can never be written into this ring (see nrb_payload_max()); not counted as lost
 *   -EINVAL    @type is one that only the ring itself writes; not counted as lost
 *   -EPERM     the ring came here through fork(); not counted as lost
 */
int nrb_write(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size);

/**
 * nrb_writev - write one record whose payload is gathered from several places
 * @ring: the ring
 * @type: as nrb_write()
 * @part: the places, one behind the other in the record
 * @parts: how many
 *
 * Context, Return: as nrb_write(); -EMSGSIZE as well when the sizes' sum does not fit a size_t.
 */
int nrb_writev(struct nrb_ring *ring, uint32_t type, const struct iovec *part, int parts);

/**
 * nrb_reserve - take room for a record, to be filled in place
 * @ring: the ring
 * @reservation: receives where
 * @type: as nrb_write()
 * @size: bytes of payload; rounded up to 8, the filling already zero
 *
 * Each reservation is ended by nrb_commit() or nrb_discard() in the context that made it, last in, first out: a handler
 * ends its own before it returns. Until the outermost one is ended nothing that was written since becomes visible.
 *
 * Context, Return: as nrb_write(). After an error there is nothing to commit.
 */
int nrb_reserve(struct nrb_ring *ring, struct nrb_reservation *reservation, uint32_t type, size_t size);

/**
 * nrb_commit - hand over a record that was reserved
 * @ring: the ring
 * @reservation: from nrb_reserve()
 *
 * Context: writer, the same that reserved. Async-signal-safe, keeps errno.
 */
void nrb_commit(struct nrb_ring *ring, struct nrb_reservation *reservation);

#if defined(__GNUC__) && !defined(NRB_NO_INLINE)
/* Bytes into the writer's page, and into the control page. */
#define NRB_AT_HEAD 64
#define NRB_AT_NEST 88
#define NRB_AT_DATA_HEAD 1024

/*
 * nrb_commit() of the usual case: the outermost write, in a plain ring. To call is a good part of what it costs.
 *
 * The steps P2 to P5 of doc/protocol.md. What they go by cannot change: the layout of the ring's two first pages, which
 * other processes and files rely on as well; and that the first word of a ring is where its control page is, and 0 in a
 * child that was forked, which has no right to write.
 */
static inline __attribute__((always_inline)) void nrb_commit_inline(struct nrb_ring *ring,
								    struct nrb_reservation *reservation)
{
	char *writer = (char *)reservation->quick, *control;
	uint64_t head;

	__builtin_memcpy(&control, ring, sizeof(control));
	if (!writer || !control) {
		nrb_commit(ring, reservation);
		return;
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	head = __atomic_load_n((uint64_t *)(void *)(writer + NRB_AT_HEAD), __ATOMIC_RELAXED);
	/* publish:B  pairs with poll:C. */
	__atomic_store_n((uint64_t *)(void *)(control + NRB_AT_DATA_HEAD), head, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n((uint32_t *)(void *)(writer + NRB_AT_NEST), 0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n((uint64_t *)(void *)(writer + NRB_AT_HEAD), __ATOMIC_RELAXED) == head, 1))
		return;
	/* Somebody nested before nest was 0, and left publishing to us: once more. */
	__atomic_store_n((uint32_t *)(void *)(writer + NRB_AT_NEST), 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	nrb_commit(ring, reservation);
}
#define nrb_commit(ring, reservation) nrb_commit_inline(ring, reservation)
#endif

/**
 * nrb_discard - give up a record that was reserved
 * @ring: the ring
 * @reservation: from nrb_reserve()
 *
 * Others may have written behind it already, so its room stays taken, by padding that readers skip. Not counted as
 * lost.
 *
 * Context: as nrb_commit().
 */
void nrb_discard(struct nrb_ring *ring, struct nrb_reservation *reservation);

/**
 * nrb_payload_max - the largest payload that @ring takes, in bytes
 *
 * Smaller than the ring by the one byte that always stays free and by room for a LOST record, so that a record of this
 * size can be written after a loss as well; and never more than NRB_RECORD_MAX less the header.
 *
 * Context: any.
 */
size_t nrb_payload_max(const struct nrb_ring *ring);

/**
 * nrb_reserved_head - the position up to which room has been reserved
 * nrb_lost - writes that failed for want of room, or paused, and are not yet told by a LOST record
 * nrb_wakeups - how often the reader has been woken
 *
 * Context: writer; or any thread while no writer runs, and then exact.
 */
uint64_t nrb_reserved_head(const struct nrb_ring *ring);
uint64_t nrb_lost(const struct nrb_ring *ring);
uint64_t nrb_wakeups(const struct nrb_ring *ring);

/* ---- reading ---- */

/* A record as a reader sees it. Valid until nrb_reader_release(), nrb_reader_skip() or, of an overwrite ring, the next
 * nrb_reader_poll(). */
struct nrb_record {
	uint32_t type;
	uint32_t size;       /* bytes of payload, without the trailer */
	uint64_t position;   /* of its header in the ring */
	const void *payload; /* contiguous, 8-byte aligned */
	const void *trailer; /* the sample_id; NULL: none. See nrb_reader_sample_id() */
};

/* What a sample_id trailer tells; 0 for fields that the ring does not have. */
struct nrb_sample_id {
	uint32_t pid, tid;
	uint64_t time; /* ns */
	uint64_t id, stream_id, identifier;
	uint32_t cpu;
	uint32_t unused;
};

/**
 * nrb_reader_open - open the reading side of a ring
 * @ring: a ring of this process
 *
 * Reading begins at data_tail, so that a consumer may be replaced; in an overwrite ring with the oldest record there
 * is. A ring has one consumer at a time; any number of threads may watch it through nrb_reader_head() and
 * nrb_reader_tail(). Of an overwrite ring there may be any number of readers, since none of them takes anything.
 *
 * nrb_reader_open_fd - the same from a descriptor, nrb_fd(), which stays the caller's
 * nrb_reader_open_fds - and from nrb_writer_fd(): needed for snapshots of an overwrite ring that is not paused
 * nrb_reader_open_path - the same from the files of a named ring; without PATH.writer if there is none, or no leave to
 * read it
 *
 * Whatever the files hold, no call reads beyond them or goes on for ever. But who shortens a named file that others
 * have mapped has them die by SIGBUS, as with any file; a ring without a path cannot be shortened.
 *
 * Context: thread.
 * Return: the reader, or NULL and errno:
 *   EMEDIUMTYPE  not a ring, or one that is not complete yet
 *   EOPNOTSUPP   a ring with flags that this library does not know: a newer one made it
 *   EBADMSG      a ring whose header contradicts itself or the size of the file
 *   ESTALE       the writer's page is that of another ring
 *   EPROTO       data_head and data_tail are further apart than the ring is large, or not multiples of 8
 *   and what open(2), mmap(2) and malloc(3) give. Who has no leave to write to the file opens it for reading only:
 *   then nrb_reader_release() gives nothing back, and each reader begins at the same data_tail.
 */
struct nrb_reader *nrb_reader_open(const struct nrb_ring *ring);
struct nrb_reader *nrb_reader_open_fd(int fd);
struct nrb_reader *nrb_reader_open_fds(int fd, int writer_fd);
struct nrb_reader *nrb_reader_open_path(const char *path);

/* Unmap. Records read but not released are there for the next consumer. Context: thread. */
void nrb_reader_close(struct nrb_reader *reader);

/**
 * nrb_reader_poll - look how far the ring is published
 * @reader: the reader
 * @head: receives data_head as it was loaded; may be NULL
 *
 * Of an overwrite ring this takes a snapshot: whole records, copied, from where the last one ended. What was
 * overwritten since is passed over: nrb_reader_missed(). The writer goes on meanwhile; pausing it is not necessary.
 *
 * Records come in the order in which they were reserved, of backward rings too.
 *
 * A reader without the writer's page goes by the pause alone, and that does not wait for a write in progress: whoever
 * pauses has to see to it that there is none. Of a forward ring it finds no beginning once a lap is full.
 *
 * Context: consumer.
 * Return: bytes that nrb_reader_next() may now go through, or
 *   -EPROTO  data_head is behind what was already consumed, further ahead than the ring is large, or unaligned: no
 *            writer of this library stores that. Nothing is to be read now; a later poll may find it mended.
 *   -EACCES  an overwrite ring that is not paused, and this reader was opened without the writer's page
 */
int64_t nrb_reader_poll(struct nrb_reader *reader, uint64_t *head);

/**
 * nrb_reader_wait - wait until the writer wakes the reader, then nrb_reader_poll()
 * @reader: the reader
 * @timeout_ns: how long at most; 0: not at all; negative: as long as it takes
 * @head: as nrb_reader_poll()
 *
 * Returns at once when there are records that the last poll did not find and a wakeup is pending. Without an eventfd (a
 * ring made without wakeups, or of another process, see nrb_reader_set_wakeup_fd()) it polls, at intervals that grow to
 * 10 ms, until there is anything at all.
 *
 * Context: consumer.
 * Return: as nrb_reader_poll(), 0 when there is nothing to be read, because the time ran out or, with an eventfd, the
 * wakeup was for what an earlier poll has found already, or
 *   -EINTR     a signal handler ran
 */
int64_t nrb_reader_wait(struct nrb_reader *reader, int64_t timeout_ns, uint64_t *head);

/**
 * nrb_reader_wakeup_fd - the reader's descriptor of the ring's eventfd
 * nrb_reader_set_wakeup_fd - give it one, received from the writer's process; it is duplicated
 *
 * Context: thread. Return: the descriptor, or -EOPNOTSUPP: it has none. 0, or -errno of fcntl(2).
 */
int nrb_reader_wakeup_fd(const struct nrb_reader *reader);
int nrb_reader_set_wakeup_fd(struct nrb_reader *reader, int fd);

/**
 * nrb_reader_next - the next record among those that the last nrb_reader_poll() found
 * @reader: the reader
 * @record: receives it
 *
 * Context: consumer.
 * Return: 1 with a record, 0 when there is none, or
 *   -EBADMSG  what stands at @record->position is no record (size below 8, not a multiple of 8, or beyond what is
 *             published; a LOST record of another size than LOST records have; no room for the trailer). Reading does
 *             not go on until nrb_reader_skip().
 */
int nrb_reader_next(struct nrb_reader *reader, struct nrb_record *record);

/* What the trailer of @record tells. Context: consumer. Return: 0, or -ENODATA: it has none. */
int nrb_reader_sample_id(const struct nrb_reader *reader, const struct nrb_record *record, struct nrb_sample_id *id);

/**
 * nrb_reader_release - give the room of all records gone through back to the writer (stores data_tail)
 *
 * Once a batch is enough: each call makes the writer fetch the line again. In an overwrite ring it does nothing.
 *
 * Context: consumer.
 */
void nrb_reader_release(struct nrb_reader *reader);

/**
 * nrb_reader_skip - give up everything up to where the last poll found data_head, and release it
 *
 * Context: consumer.
 * Return: bytes skipped.
 */
uint64_t nrb_reader_skip(struct nrb_reader *reader);

/* How nrb_reader_loop() goes about it. Start from NRB_LOOP_INIT. */
struct nrb_loop {
	uint32_t struct_size; /* sizeof(struct nrb_loop), set by NRB_LOOP_INIT */
	uint32_t unused;
	/* A record is looked for so long after it was published at most, if this thread runs. The more, the less the
	 * reader costs the writer; from 60 us on it sleeps meanwhile. 100 ms at most. */
	uint64_t latency_ns;
	/* Called with each record, in order; valid until it returns. Not 0: the loop ends. May be NULL. */
	int (*record)(void *context, const struct nrb_record *record);
	/* After each look, with how many bytes it found; so now and then also when nothing comes. The same. */
	int (*looked)(void *context, int64_t bytes);
	void *context;
};

#define NRB_LOOP_INIT                                                                                                  \
	{                                                                                                              \
		sizeof(struct nrb_loop), 0, 100000, NULL, NULL, NULL                                                   \
	}

/**
 * nrb_reader_loop - read records as they come, until one of the functions says to end
 * @reader: the reader
 * @loop: what to do with them
 *
 * Looks as seldom as @loop->latency_ns allows and the ring does not fill up, and gives room back in large pieces, or
 * at the first look after a millisecond; what was delivered is given back by the time it returns.
 *
 * Context: consumer.
 * Return: what the function returned that ended it, or what nrb_reader_poll() or nrb_reader_next() gave when they
 * failed, or
 *   -EINVAL  @loop is NULL, or its struct_size is not one this library knows
 */
int nrb_reader_loop(struct nrb_reader *reader, const struct nrb_loop *loop);

/* In an overwrite ring: begin again with the oldest record there is. Elsewhere: with the first not released. Context:
 * consumer. */
void nrb_reader_rewind(struct nrb_reader *reader);

/* Bytes of an overwrite ring that were overwritten before this reader came to them. Context: consumer. */
uint64_t nrb_reader_missed(const struct nrb_reader *reader);

/* As nrb_pause() and nrb_resume(), from the reader's side. Context: any thread. Return: 0, or -EACCES: it may not
 * write. */
int nrb_reader_pause(struct nrb_reader *reader);
int nrb_reader_resume(struct nrb_reader *reader);

/* Loads of data_head and data_tail, acquire, for threads that only watch. Context: any thread. */
uint64_t nrb_reader_head(const struct nrb_reader *reader);
uint64_t nrb_reader_tail(const struct nrb_reader *reader);

/* What the ring was made as. path is NULL, mode 0. Context: any. */
struct nrb_attr nrb_reader_attr(const struct nrb_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* NRB_H */
