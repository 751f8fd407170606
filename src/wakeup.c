/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "wakeup.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

int nrb_wakeup_open(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void nrb_wakeup_signal(int fd)
{
	const uint64_t one = 1;
	int saved = errno;

	/* It fails when 2^64 - 2 wakeups are pending: then one is. */
	(void)!write(fd, &one, sizeof(one));
	errno = saved;
}

int nrb_wakeup_wait(int fd, int64_t timeout_ns)
{
	const struct timespec timeout = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint64_t count;
	int rc = ppoll(&poll_fd, 1, timeout_ns < 0 ? NULL : &timeout, NULL);

	if (rc < 0)
		return -errno;
	/* Before the caller loads data_head: a wakeup that comes after that load makes it readable again. Another
	 * reader of the same ring may have been faster. */
	if (rc)
		(void)!read(fd, &count, sizeof(count));
	return rc;
}
