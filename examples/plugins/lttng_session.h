/* SPDX-License-Identifier: MIT */
/*
 * lttng_session.h - what LTTng-UST needs around it, all in one process: a session daemon, and a consumer's buffer
 */
#ifndef LTTNG_SESSION_H
#define LTTNG_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lttng/ust-abi.h>
#include <lttng/ust-events.h>
#include <sys/types.h>

#include <lttng/tracepoint-types.h>
#include <lttng/ust-ctl.h>

#define LTTNG_STREAMS 512 /* a buffer for each CPU that there could be */

/* How much of each of a buffer's parts is committed, lies where lttng-crash finds it, which reads them from outside. */
struct lttng_crash {
	unsigned char magic[16];
	uint64_t size;
	uint16_t endian, major, minor;
	uint8_t word, type;
	/* In bytes from the buffer's start. */
	uint32_t produced, consumed, commits, commit_count, others[7];
	uint8_t lengths[8];
	uint32_t commits_stride;
};

/* A session that records one event in one channel: once in a process. */
struct lttng_session {
	pid_t process;
	bool used;                   /* by a ring: a tracepoint would write into all that there are */
	int commands, notifications; /* sockets to LTTng-UST */
	void (*init_thread)(void);   /* lttng_ust_init_thread() */
	int handle;
	struct lttng_ust_abi_object_data *passed, *event; /* the channel and the event, as LTTng-UST knows them */
	struct lttng_ust_ctl_consumer_channel *channel;
	struct lttng_ust_ctl_consumer_stream *stream[LTTNG_STREAMS];
	int fd[LTTNG_STREAMS], streams;
	size_t data_size;
	uint64_t part_size, parts;
	unsigned char *memory,
		*fresh; /* all that writing and reading change of the first stream, and as it was at first */
	size_t memory_size;
	const struct lttng_crash *crash;
	struct lttng_ust_tracepoint enabled; /* lttng_ust.c's own */
};

/*
 * Load LTTng-UST into this process, and have it connect; @probe is what it is to know. Once in a process, and in no
 * child of it. Return: a session that records nothing yet, or NULL.
 */
struct lttng_session *lttng_session_start(const struct lttng_ust_probe_desc *probe);

/*
 * The session of this process, recording @event of @probe into a buffer of @data_size bytes, as new. It is kept for who
 * asks next. Return: NULL and errno.
 */
struct lttng_session *lttng_session_get(const struct lttng_ust_probe_desc *probe, const char *event, size_t data_size);

/*
 * The calling thread's own variables of LTTng-UST: how deep its records are nested, and what each of them has begun.
 * Return: whether there are any.
 */
bool lttng_session_own(void **address, size_t *size);

#endif /* LTTNG_SESSION_H */
