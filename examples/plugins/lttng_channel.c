/* SPDX-License-Identifier: MIT */
/*
 * lttng_channel.c - the part of lttng-consumerd, for lttng_ust.c: a channel in shared memory, and how LTTng-UST gets it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <lttng/ust-error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lttng_session.h"

#define PARTS_MAX 4u /* as LTTng has by default; fewer where they would be smaller than a page */

static const unsigned char crash_magic[] = { 0x17, 0x7b, 0xf1, 0x77, 0xbf, 0x17, 0x7b, 0xf1,
					     0x77, 0xbf, 0x17, 0x7b, 0xf1, 0x77, 0xbf, 0x17 };

/* Not among the static variables, which the harness puts back as they were. */
static __thread struct lttng_session *session_of_process;

static int create_channel(struct lttng_session *s)
{
	struct lttng_ust_ctl_consumer_channel_attr attr = { .type = LTTNG_UST_ABI_CHAN_PER_CPU,
							    .output = LTTNG_UST_ABI_MMAP };
	int streams = lttng_ust_ctl_get_nr_stream_per_channel();
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (s->parts = PARTS_MAX; s->parts > 2 && s->data_size / s->parts < page;)
		s->parts /= 2;
	s->part_size = s->data_size / s->parts < page ? page : s->data_size / s->parts;
	attr.subbuf_size = s->part_size;
	attr.num_subbuf = s->parts;
	if (streams > LTTNG_STREAMS)
		return -E2BIG;
	for (; s->streams < streams; s->streams++) {
		s->fd[s->streams] = memfd_create("nrb-lttng", MFD_CLOEXEC);
		if (s->fd[s->streams] < 0)
			return -errno;
	}
	s->channel = lttng_ust_ctl_create_channel(&attr, s->fd, streams);
	for (int i = 0; s->channel && i < streams; i++) {
		s->stream[i] = lttng_ust_ctl_create_stream(s->channel, i);
		if (!s->stream[i])
			return -ENOMEM;
	}
	return s->channel ? 0 : -ENOMEM;
}

/* From the consumer's hands into LTTng-UST's, by those of the session daemon. */
static int pass_stream(struct lttng_session *s, const int *ends, struct lttng_ust_ctl_consumer_stream *stream)
{
	struct lttng_ust_abi_object_data *passed = NULL;
	int rc = lttng_ust_ctl_send_stream_to_sessiond(ends[0], stream);

	rc = rc ? rc : lttng_ust_ctl_recv_stream_from_consumer(ends[1], &passed);
	rc = rc ? rc : lttng_ust_ctl_send_stream_to_ust(s->commands, s->passed, passed);
	if (passed)
		lttng_ust_ctl_release_object(s->commands, passed);
	free(passed);
	return rc;
}

static int pass_channel(struct lttng_session *s)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	rc = lttng_ust_ctl_send_channel_to_sessiond(ends[0], s->channel);
	rc = rc ? rc : lttng_ust_ctl_recv_channel_from_consumer(ends[1], &s->passed);
	rc = rc ? rc : lttng_ust_ctl_send_channel_to_ust(s->commands, s->handle, s->passed);
	for (int i = 0; !rc && i < s->streams; i++)
		rc = pass_stream(s, ends, s->stream[i]);
	close(ends[0]);
	close(ends[1]);
	return rc;
}

static int record(struct lttng_session *s, const char *name)
{
	struct lttng_ust_abi_event event = { .instrumentation = LTTNG_UST_ABI_TRACEPOINT, .loglevel = -1 };
	int rc;

	strncpy(event.name, name, sizeof(event.name) - 1);
	s->handle = lttng_ust_ctl_create_session(s->commands);
	rc = s->handle < 0 ? s->handle : pass_channel(s);
	rc = rc ? rc : lttng_ust_ctl_create_event(s->commands, &event, s->passed, &s->event);
	rc = rc ? rc : lttng_ust_ctl_enable(s->commands, s->event);
	return rc ? rc : lttng_ust_ctl_start_session(s->commands, s->handle);
}

/* Another view of the first stream's memory, and a copy. */
static int map_stream(struct lttng_session *s)
{
	static const char bytes[PIPE_BUF];
	struct stat file;

	if (fstat(s->fd[0], &file))
		return -errno;
	s->memory_size = (size_t)file.st_size;
	s->memory = mmap(NULL, s->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd[0], 0);
	s->fresh = malloc(s->memory_size);
	if (s->memory == MAP_FAILED || !s->fresh)
		return -ENOMEM;
	memcpy(s->fresh, s->memory, s->memory_size);
	s->crash = memmem(s->memory, s->memory_size, crash_magic, sizeof(crash_magic));
	/* Nobody waits to be woken up; the pipe is to be full from the first time on, not some time. */
	while (write(lttng_ust_ctl_stream_get_wakeup_fd(s->stream[0]), bytes, sizeof(bytes)) > 0)
		;
	return s->crash ? 0 : -EPROTO;
}

static void release(struct lttng_session *s, struct lttng_ust_abi_object_data **object)
{
	if (*object)
		lttng_ust_ctl_release_object(s->commands, *object);
	free(*object);
	*object = NULL;
}

/* All but the connection. */
static void drop_channel(struct lttng_session *s)
{
	release(s, &s->event);
	release(s, &s->passed);
	if (s->handle > 0)
		lttng_ust_ctl_release_handle(s->commands, s->handle);
	s->handle = 0;
	if (s->memory && s->memory != MAP_FAILED)
		munmap(s->memory, s->memory_size);
	free(s->fresh);
	s->memory = s->fresh = NULL;
	for (int i = 0; i < s->streams; i++)
		if (s->stream[i])
			lttng_ust_ctl_destroy_stream(s->stream[i]);
	memset(s->stream, 0, sizeof(s->stream));
	if (s->channel)
		lttng_ust_ctl_destroy_channel(s->channel);
	s->channel = NULL;
	while (s->streams)
		close(s->fd[--s->streams]);
	s->data_size = 0;
}

struct lttng_session *lttng_session_get(const struct lttng_ust_probe_desc *probe, const char *event, size_t data_size)
{
	struct lttng_session *s = session_of_process ? session_of_process : lttng_session_start(probe);
	int rc = 0;

	session_of_process = s;
	if (!s || s->process != getpid()) {
		errno = ENOTCONN;
		return NULL;
	}
	if (s->used) {
		errno = EBUSY;
		return NULL;
	}
	if (s->data_size == data_size) {
		memcpy(s->memory, s->fresh, s->memory_size);
		return s;
	}
	drop_channel(s);
	s->data_size = data_size;
	rc = create_channel(s);
	rc = rc ? rc : record(s, event);
	rc = rc ? rc : map_stream(s);
	if (!rc)
		return s;
	drop_channel(s);
	/* LTTng-UST's own are beyond those of the system. */
	errno = rc > -LTTNG_UST_ERR ? -rc : EIO;
	return NULL;
}
