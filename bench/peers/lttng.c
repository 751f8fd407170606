/* SPDX-License-Identifier: MIT */
/*
 * lttng - LTTng-UST, the tracer whose handlers may write as ours may: flight recorder (snapshot) sessions
 *
 * Fair to it: its own daemon, without kernel tracing, with nobody else's sessions; channels in overwrite mode, so that
 * nothing is refused and no consumer runs beside, with as much memory for each CPU as a ring has, in four parts; one
 * field, a sequence of bytes. It does more than we: buffers for each CPU, so any thread may write; a header that says
 * which event it is; and a time stamp, always. lttng-noclock leaves out the reading of the clock, and nothing else: a
 * counter of its own stands in for it. Both call the clock through a pointer, where LTTng alone has a branch.
 *
 * In discard mode it would tell nobody which records it took and which not, so that is not measured beside others.
 *
 * The daemon starts with the first ring of a process and ends with the process, for LTTng-UST, once it has lost its
 * daemon, takes long to find another one. It has found it before the first ring is there, so nothing of this is
 * measured.
 */
#define _GNU_SOURCE
#include "config.h"
#include "peer.h"

#define LTTNG_NAME "lttng"
#define LTTNG_SUMMARY "LTTng-UST, flight recorder: buffers for each CPU, each record stamped"
#define NOCLOCK_NAME "lttng-noclock"
#define NOCLOCK_SUMMARY "LTTng-UST with a counter in place of the clock"
#define LTTNG_TRAITS (CONTESTANT_NESTS | CONTESTANT_OVERWRITES | CONTESTANT_KEEPS_NOT)

#ifdef HAVE_LTTNG
#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "lttng_daemon.h"
#include "lttng_module.h"

#define RECORDED_NS (10 * NS_PER_S)

/* One session; all rings of a kind are the same one, since LTTng has one for all threads. */
struct bench_ring {
	int (*write)(const void *payload, size_t size);
	const char *session;
	uint64_t data_size;
	unsigned users;
};

static struct bench_ring ring_of_kind[LTTNG_KINDS] = {
	[LTTNG_TIMED] = { .session = "nrb-bench-timed" },
	[LTTNG_COUNTED] = { .session = "nrb-bench-counted" },
};
static const struct lttng_module *module;

/* The module's file: beside this program, as in the build tree, or installed. Return: whether there is one. */
static bool find_module(char *file, size_t size)
{
	static const char *const beside[] = { "/.libs/", "/../bench/.libs/", "/bench/.libs/" };
	char folder[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	folder[length < 0 ? 0 : length] = '\0';
	if (strrchr(folder, '/'))
		*strrchr(folder, '/') = '\0';
	for (unsigned i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		if (snprintf(file, size, "%s%s" LTTNG_MODULE_FILE, folder, beside[i]) < (int)size &&
		    !access(file, R_OK))
			return true;
	return snprintf(file, size, "%s/" LTTNG_MODULE_FILE, PKGLIBDIR) < (int)size && !access(file, R_OK);
}

static const char *lttng_absent(void)
{
	char file[PATH_MAX];

	if (!find_module(file, sizeof(file)))
		return "its module " LTTNG_MODULE_FILE " is neither beside this program nor installed: make install";
	return lttng_daemon_absent();
}

/* With it comes LTTng-UST, which at once looks for its daemon and waits until that has told it what to record. */
static int load_module(void)
{
	char file[PATH_MAX];
	void *handle;

	if (module)
		return 0;
	if (!find_module(file, sizeof(file)))
		return -ENOENT;
	/* The daemon has been started without: it would have to load the clock, too. */
	if (setenv("LTTNG_UST_CLOCK_PLUGIN", file, 1) || setenv("LTTNG_UST_REGISTER_TIMEOUT", "5000", 1))
		return -errno;
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	unsetenv("LTTNG_UST_CLOCK_PLUGIN");
	module = handle ? dlsym(handle, LTTNG_MODULE_SYMBOL) : NULL;
	if (module)
		return 0;
	fprintf(stderr, "nrb-bench: cannot load LTTng-UST: %s\n", dlerror());
	return -ELIBACC;
}

static int wait_until_recorded(int kind)
{
	uint64_t end = clock_ns() + RECORDED_NS;

	while (!module->is_recorded[kind]()) {
		if (clock_ns() > end) {
			fprintf(stderr, "nrb-bench: lttng: LTTng-UST did not hear of its session within %d s\n",
				(int)(RECORDED_NS / NS_PER_S));
			return -ETIMEDOUT;
		}
		poll(NULL, 0, 1);
	}
	return 0;
}

static int open_session(int kind, uint64_t data_size)
{
	static const char *const event[] = { [LTTNG_TIMED] = "nrb_bench:timed", [LTTNG_COUNTED] = "nrb_bench:counted" };
	struct bench_ring *ring = &ring_of_kind[kind];
	int rc = lttng_daemon_start();

	if (rc)
		return rc;
	rc = lttng_session_open(ring->session, event[kind], data_size);
	if (!rc)
		rc = load_module();
	if (!rc)
		rc = wait_until_recorded(kind);
	if (rc) {
		lttng_session_close(ring->session);
		return rc;
	}
	ring->data_size = data_size;
	ring->write = module->write[kind];
	return 0;
}

static struct bench_ring *open_kind(int kind, const struct bench_attr *attr)
{
	struct bench_ring *ring = &ring_of_kind[kind];
	int rc = 0;

	if (!attr->overwrite || attr->stamped != (kind == LTTNG_TIMED))
		rc = -EOPNOTSUPP;
	else if (!ring->users)
		rc = open_session(kind, attr->data_size);
	else if (ring->data_size != attr->data_size)
		/* Two sessions would both record what is written into either. */
		rc = -EBUSY;
	if (rc) {
		errno = -rc;
		return NULL;
	}
	ring->users++;
	return ring;
}

static struct bench_ring *lttng_open(const struct bench_attr *attr)
{
	return open_kind(LTTNG_TIMED, attr);
}

static struct bench_ring *noclock_open(const struct bench_attr *attr)
{
	return open_kind(LTTNG_COUNTED, attr);
}

static void lttng_close(struct bench_ring *ring)
{
	if (!--ring->users)
		lttng_session_close(ring->session);
}

static int lttng_write(struct bench_ring *ring, const void *payload, size_t size)
{
	return ring->write(payload, size);
}

const struct contestant contestant_lttng = {
	.name = LTTNG_NAME,
	.summary = LTTNG_SUMMARY,
	.traits = LTTNG_TRAITS | CONTESTANT_STAMPS | CONTESTANT_STAMPED,
	.absent = lttng_absent,
	.open = lttng_open,
	.close = lttng_close,
	.write = lttng_write,
};

const struct contestant contestant_lttng_noclock = {
	.name = NOCLOCK_NAME,
	.summary = NOCLOCK_SUMMARY,
	.traits = LTTNG_TRAITS,
	.absent = lttng_absent,
	.open = noclock_open,
	.close = lttng_close,
	.write = lttng_write,
};
#else
PEER_ABSENT(lttng, LTTNG_NAME, LTTNG_SUMMARY, LTTNG_TRAITS | CONTESTANT_STAMPS | CONTESTANT_STAMPED,
	    "not built in: install liblttng-ust-dev and configure again")
PEER_ABSENT(lttng_noclock, NOCLOCK_NAME, NOCLOCK_SUMMARY, LTTNG_TRAITS,
	    "not built in: install liblttng-ust-dev and configure again")
#endif
