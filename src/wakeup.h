/* SPDX-License-Identifier: MIT */
/*
 * wakeup.h - telling a sleeping reader that there is something to read (private)
 */
#ifndef NRB_WAKEUP_H
#define NRB_WAKEUP_H

#include <stdint.h>

/* Return: an eventfd that neither blocks nor is inherited through exec; or -errno. Context: thread. */
int nrb_wakeup_open(void);

/* Make @fd readable. Context: writer; async-signal-safe, keeps errno. */
void nrb_wakeup_signal(int fd);

/*
 * nrb_wakeup_wait - wait until @fd is readable, and make it unreadable again
 * @timeout_ns: negative: as long as it takes
 *
 * Context: consumer. Return: 1 woken, 0 timed out, or -errno of ppoll(2).
 */
int nrb_wakeup_wait(int fd, int64_t timeout_ns);

#endif /* NRB_WAKEUP_H */
