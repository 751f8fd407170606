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
#define NRB_RECORD_LOST 2   /* as PERF_RECORD_LOST: written by the ring itself */
#define NRB_RECORD_SAMPLE 9 /* as PERF_RECORD_SAMPLE */

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

/* ---- making a ring ---- */

/* What a ring is to be. Start from NRB_ATTR_INIT, so that fields added later have their defaults. */
struct nrb_attr {
	uint32_t struct_size; /* sizeof(struct nrb_attr), set by NRB_ATTR_INIT */
	uint32_t mode;        /* permissions of the named file, less the umask; its .writer file is always 0600 */
	uint64_t data_size;   /* bytes for records: a power of two, at least one page */
	uint64_t start;       /* position of the first byte, a multiple of 8; positions run freely and wrap at 2^64 */
	uint64_t id;          /* put into LOST records */
	const char *path;     /* NULL: an anonymous memfd; else a file to be made, with PATH.writer beside it */
};

#define NRB_ATTR_INIT                                                                                                  \
	{                                                                                                              \
		.struct_size = sizeof(struct nrb_attr), .mode = 0644, .data_size = 1 << 20                             \
	}

/**
 * nrb_create - make a ring, all of its memory allocated
 * @attr: what it is to be
 *
 * With a @path, two files are made: PATH, which readers map, and PATH.writer with what only the writer may write. Both
 * stay when the process dies, with every published record; nrb_destroy() leaves them too. Neither may exist before.
 *
 * fork: the child shares the memory, and with two writers records are lost without notice. Only the process that made a
 * ring writes into it; block the signals whose handlers write from fork() to exec().
 *
 * Context: thread.
 * Return: the ring, or NULL and errno:
 *   EINVAL     @attr is NULL, its struct_size is not one this library knows, or start is not a multiple of 8
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

/* ---- writing ---- */

/* A record that is being filled in; from nrb_reserve() to nrb_commit(). */
struct nrb_reservation {
	void *payload;         /* where to write the payload: contiguous, 8-byte aligned */
	uint64_t position;     /* where the reservation begins in the ring */
	uint32_t size;         /* bytes reserved: the record and, if lost_pending, a LOST record before it */
	uint32_t record;       /* bytes of the record alone, header included */
	uint64_t lost_pending; /* whether writes had been lost when this one began */
	uint64_t restore[16];  /* for a write path that must put something back at its end (a signal mask) */
};

/**
 * nrb_write - write one record
 * @ring: the ring
 * @type: what kind of record; not NRB_RECORD_LOST
 * @payload: its content
 * @size: bytes of @payload; rounded up to 8 with zeros in the ring
 *
 * Context: writer. Async-signal-safe, wait-free but for nested writes, keeps errno.
 * Return: 0, or
 *   -ENOSPC    the ring is full; counted, and told in band by a LOST record with the next write that succeeds
 *   -EMSGSIZE  a record of that size can never be written into this ring (see nrb_payload_max()); not counted as lost
 *   -EINVAL    @type is NRB_RECORD_LOST, which only the ring itself writes; not counted as lost
 */
int nrb_write(struct nrb_ring *ring, uint32_t type, const void *payload, size_t size);

/**
 * nrb_reserve - take room for a record, to be filled in place
 * @ring: the ring
 * @reservation: receives where
 * @type: what kind of record; not NRB_RECORD_LOST
 * @size: bytes of payload; rounded up to 8, the filling already zero
 *
 * Each reservation is committed by nrb_commit() in the context that made it, last in, first out: a handler commits its
 * own before it returns. Until the outermost one is committed nothing that was written since becomes visible.
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
 * nrb_lost - writes that failed for want of room and are not yet told by a LOST record
 *
 * Context: writer; or any thread while no writer runs, and then exact.
 */
uint64_t nrb_reserved_head(const struct nrb_ring *ring);
uint64_t nrb_lost(const struct nrb_ring *ring);

/* ---- reading ---- */

/* A record as a reader sees it, in place. Valid until nrb_reader_release() or the next nrb_reader_skip(). */
struct nrb_record {
	uint32_t type;
	uint32_t size;       /* bytes of payload: the record's size less the header */
	uint64_t position;   /* of its header in the ring */
	const void *payload; /* contiguous, 8-byte aligned */
};

/**
 * nrb_reader_open - open the reading side of a ring
 * @ring: a ring of this process
 *
 * Reading begins at data_tail, so that a consumer may be replaced. A ring has one consumer at a time; any number of
 * threads may watch it through nrb_reader_head() and nrb_reader_tail().
 *
 * nrb_reader_open_fd - the same from a descriptor, which stays the caller's
 * nrb_reader_open_path - the same from the file of a named ring
 *
 * Context: thread.
 * Return: the reader, or NULL and errno:
 *   EMEDIUMTYPE  not a ring, or one that is not complete yet
 *   EBADMSG      a ring whose header contradicts itself or the size of the file
 *   EPROTO       data_head and data_tail are further apart than the ring is large, or not multiples of 8
 *   and what open(2) and mmap(2) give
 */
struct nrb_reader *nrb_reader_open(const struct nrb_ring *ring);
struct nrb_reader *nrb_reader_open_fd(int fd);
struct nrb_reader *nrb_reader_open_path(const char *path);

/* Unmap. Records read but not released are there for the next consumer. Context: thread. */
void nrb_reader_close(struct nrb_reader *reader);

/**
 * nrb_reader_poll - look how far the ring is published
 * @reader: the reader
 * @head: receives data_head as it was loaded; may be NULL
 *
 * Context: consumer.
 * Return: bytes that nrb_reader_next() may now go through, or
 *   -EPROTO  data_head is behind what was already consumed, further ahead than the ring is large, or unaligned: no
 *            writer of this library stores that. Nothing is to be read now; a later poll may find it mended.
 */
int64_t nrb_reader_poll(struct nrb_reader *reader, uint64_t *head);

/**
 * nrb_reader_next - the next record among those that the last nrb_reader_poll() found
 * @reader: the reader
 * @record: receives it
 *
 * Context: consumer.
 * Return: 1 with a record, 0 when there is none, or
 *   -EBADMSG  what stands at @record->position is no record (size below 8, not a multiple of 8, or beyond what is
 *             published; a LOST record of another size than LOST records have). Reading does not go on until
 *             nrb_reader_skip().
 */
int nrb_reader_next(struct nrb_reader *reader, struct nrb_record *record);

/**
 * nrb_reader_release - give the room of all records gone through back to the writer (stores data_tail)
 *
 * Once a batch is enough: each call makes the writer fetch the line again.
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

/* Loads of data_head and data_tail, acquire, for threads that only watch. Context: any thread. */
uint64_t nrb_reader_head(const struct nrb_reader *reader);
uint64_t nrb_reader_tail(const struct nrb_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* NRB_H */
