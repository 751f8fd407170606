/* SPDX-License-Identifier: MIT */
/*
 * lttng_session.c - the part of lttng-sessiond towards LTTng-UST, for lttng_ust.c
 *
 * LTTng-UST is loaded, finds our socket where its user's daemon would have one, and is told what to record. What it
 * asks (which numbers channels and events have) a thread answers. Two things are not as they usually are: its clock is
 * a counter, so that the same write is the same instructions again; and of the buffers that there are for each CPU only
 * the first is written to, so that records have one order.
 */
#define _GNU_SOURCE
#include "lttng_session.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <lttng/ust-clock.h>
#include <lttng/ust-getcpu.h>
#include <lttng/ust-sigbus.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 10 /* nothing takes as long, unless it takes for ever */

DEFINE_LTTNG_UST_SIGBUS_STATE();

struct daemon {
	char home[64], folder[80];
	struct sockaddr_un address;
	int listens;
	sem_t registered;
	struct lttng_session *session;
};

static uint64_t ticks;

static uint64_t clock_read(void)
{
	return __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
}

static uint64_t clock_frequency(void)
{
	return 1000000000u;
}

static const char *clock_name(void)
{
	return "ticks";
}

static int first_cpu(void)
{
	return 0;
}

static int set_clock_and_cpu(void)
{
	return lttng_ust_trace_clock_set_read64_cb(clock_read) || lttng_ust_trace_clock_set_freq_cb(clock_frequency) ||
	       lttng_ust_trace_clock_set_name_cb(clock_name) || lttng_ust_trace_clock_set_description_cb(clock_name) ||
	       lttng_ust_enable_trace_clock_override() || lttng_ust_getcpu_override(first_cpu);
}

/* ---- the session daemon ---- */

/* There is one channel, and one event: number 0. */
static void answer(int socket)
{
	char name[LTTNG_UST_ABI_SYM_NAME_LEN], *signature, *uri;
	struct lttng_ust_ctl_field *fields;
	enum lttng_ust_ctl_notify_cmd kind;
	int session, channel, level;
	size_t count;

	while (!lttng_ust_ctl_recv_notify(socket, &kind)) {
		if (kind == LTTNG_UST_CTL_NOTIFY_CMD_CHANNEL &&
		    !lttng_ust_ctl_recv_register_channel(socket, &session, &channel, &count, &fields)) {
			lttng_ust_ctl_reply_register_channel(socket, 0, LTTNG_UST_CTL_CHANNEL_HEADER_COMPACT, 0);
		} else if (kind == LTTNG_UST_CTL_NOTIFY_CMD_EVENT &&
			   !lttng_ust_ctl_recv_register_event(socket, &session, &channel, name, &level, &signature,
							      &count, &fields, &uri)) {
			lttng_ust_ctl_reply_register_event(socket, 0, 0);
			free(signature);
			free(uri);
		} else {
			return;
		}
		free(fields);
	}
}

/* LTTng-UST connects twice: to hear commands, and to ask. */
static void *serve(void *argument)
{
	struct daemon *d = argument;
	struct lttng_session *s = d->session;
	char name[LTTNG_UST_ABI_PROCNAME_LEN];
	enum lttng_ust_ctl_socket_type type;
	uint32_t n[12];
	int order;

	for (int i = 0; i < 2; i++) {
		int socket = accept4(d->listens, NULL, NULL, SOCK_CLOEXEC);

		if (socket < 0 || lttng_ust_ctl_recv_reg_msg(socket, &type, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
							     &n[6], &n[7], &n[8], &n[9], &n[10], &n[11], &order, name))
			return NULL;
		*(type == LTTNG_UST_CTL_SOCKET_CMD ? &s->commands : &s->notifications) = socket;
	}
	if (!lttng_ust_ctl_register_done(s->commands))
		sem_post(&d->registered);
	answer(s->notifications);
	return NULL;
}

/* Where LTTng-UST looks for its user's daemon. */
static int listen_at_home(struct daemon *d)
{
	const char *temporary = getenv("TMPDIR");
	int length;

	snprintf(d->home, sizeof(d->home), "%s/nrb.XXXXXX",
		 temporary && strlen(temporary) < sizeof(d->home) - 16 ? temporary : "/tmp");
	if (!mkdtemp(d->home))
		return -1;
	snprintf(d->folder, sizeof(d->folder), "%s/.lttng", d->home);
	d->address.sun_family = AF_UNIX;
	length = snprintf(d->address.sun_path, sizeof(d->address.sun_path), "%s/" LTTNG_UST_SOCK_FILENAME, d->folder);
	d->listens = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (length >= (int)sizeof(d->address.sun_path) || d->listens < 0 || mkdir(d->folder, 0700) ||
	    bind(d->listens, (struct sockaddr *)&d->address, sizeof(d->address)) || listen(d->listens, 2))
		return -1;
	return setenv("LTTNG_HOME", d->home, 1) || setenv("LTTNG_UST_REGISTER_TIMEOUT", "10000", 1) ? -1 : 0;
}

/* It connects at once, and waits until it was answered. */
static void *load_tracer(struct daemon *d)
{
	struct timespec until;
	sigset_t all, before;
	pthread_t thread;
	void *tracer;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, serve, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return NULL;
	pthread_detach(thread);
	tracer = dlopen("liblttng-ust.so.1", RTLD_NOW | RTLD_LOCAL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	do
		error = tracer ? sem_timedwait(&d->registered, &until) : -1;
	while (error && tracer && errno == EINTR);
	return error ? NULL : tracer;
}

struct lttng_session *lttng_session_start(const struct lttng_ust_probe_desc *probe)
{
	struct lttng_session *s = calloc(1, sizeof(*s));
	struct daemon *d = calloc(1, sizeof(*d));
	__typeof__(lttng_ust_probe_register) *enlist;
	void *tracer = NULL;

	/* What fails is not freed: the thread may be waiting in there. */
	if (!s || !d)
		return NULL;
	d->session = s;
	if (!set_clock_and_cpu() && !sem_init(&d->registered, 0, 0) && !listen_at_home(d))
		tracer = load_tracer(d);
	unlink(d->address.sun_path);
	rmdir(d->folder);
	rmdir(d->home);
	if (!tracer)
		return NULL;
	enlist = (__typeof__(enlist))dlsym(tracer, "lttng_ust_probe_register");
	s->init_thread = (__typeof__(s->init_thread))dlsym(tracer, "lttng_ust_init_thread");
	s->process = getpid();
	return enlist && s->init_thread && enlist(probe) ? s : NULL;
}

struct own {
	void *address;
	size_t size;
};

static int find_own(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct own *own = argument;

	(void)size;
	if (!strstr(info->dlpi_name, "/liblttng-ust.so") || !info->dlpi_tls_data)
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			*own = (struct own) { info->dlpi_tls_data, info->dlpi_phdr[i].p_memsz & ~(size_t)7 };
	return 1;
}

bool lttng_session_own(void **address, size_t *size)
{
	struct own own = { .address = NULL };

	dl_iterate_phdr(find_own, &own);
	*address = own.address;
	*size = own.size;
	return own.address;
}
