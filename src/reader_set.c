/* SPDX-License-Identifier: MIT */
/*
 * reader_set.c - one reader for the rings of many channels, which come and go
 */
#include "reader_set.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "channel.h"
#include "order.h"

/* Intervals at which nrb_set_wait() looks. */
#define LOOK_FIRST_NS 50000
#define LOOK_LAST_NS 10000000

struct nrb_stage {
	struct nrb_stage *next;
	struct nrb_ring *ring;
	struct nrb_reader *reader;
	bool retired; /* it has no writer any more, and is the set's */
	/* The reader's own. */
	bool unfinished; /* the last pass left records */
	uint64_t seen;   /* data_head as it last was */
};

struct nrb_source {
	struct nrb_source *next;
	struct nrb_stage *first, *last;
	uint64_t id;
	void *cookie;
	bool departed;
};

struct nrb_set {
	pthread_mutex_t lock;
	struct nrb_source *first, *last; /* the next pass begins with the first */
	uint64_t sources;
	uint64_t channels; /* those not departed */
	bool reading;
	uint64_t damaged; /* by the reader */
};

/* What one nrb_set_read() is to do and has done. */
struct pass {
	struct nrb_set *set;
	int (*visit)(void *argument, const struct nrb_delivery *delivery);
	void *argument;
	uint64_t budget;
	uint64_t delivered;
	bool stopped;
};

struct nrb_set *nrb_set_create(void)
{
	int rc = nrb_rights_open();
	struct nrb_set *set;

	if (!rc && !nrb_is_granted())
		rc = -EPERM;
	if (rc) {
		errno = -rc;
		return NULL;
	}
	set = calloc(1, sizeof(*set));
	if (set)
		pthread_mutex_init(&set->lock, NULL);
	return set;
}

static void append(struct nrb_set *set, struct nrb_source *source)
{
	source->next = NULL;
	if (set->last)
		set->last->next = source;
	else
		set->first = source;
	set->last = source;
}

struct nrb_source *nrb_source_make(struct nrb_set *set, uint64_t id, void *cookie)
{
	struct nrb_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->id = id;
	source->cookie = cookie;
	pthread_mutex_lock(&set->lock);
	append(set, source);
	set->sources++;
	set->channels++;
	pthread_mutex_unlock(&set->lock);
	return source;
}

void nrb_source_depart(struct nrb_set *set, struct nrb_source *source)
{
	pthread_mutex_lock(&set->lock);
	source->departed = true;
	set->channels--;
	pthread_mutex_unlock(&set->lock);
}

struct nrb_stage *nrb_stage_make(struct nrb_ring *ring)
{
	struct nrb_stage *stage = calloc(1, sizeof(*stage));

	if (!stage)
		return NULL;
	stage->ring = ring;
	stage->reader = nrb_reader_open(ring);
	if (!stage->reader) {
		free(stage);
		return NULL;
	}
	stage->seen = nrb_reader_tail(stage->reader);
	return stage;
}

void nrb_stage_free(struct nrb_stage *stage)
{
	nrb_reader_close(stage->reader);
	free(stage);
}

void nrb_stage_push(struct nrb_set *set, struct nrb_source *source, struct nrb_stage *stage)
{
	pthread_mutex_lock(&set->lock);
	if (source->last)
		source->last->next = stage;
	else
		source->first = stage;
	source->last = stage;
	pthread_mutex_unlock(&set->lock);
}

void nrb_stage_retire(struct nrb_set *set, struct nrb_stage *stage)
{
	pthread_mutex_lock(&set->lock);
	stage->retired = true;
	pthread_mutex_unlock(&set->lock);
}

/* ---- reading ---- */

static int begin_reading(struct nrb_set *set)
{
	int rc;

	/* In a child the lock may be one that nobody gives back. */
	if (!nrb_is_granted())
		return -EPERM;
	pthread_mutex_lock(&set->lock);
	rc = set->reading ? -EBUSY : 0;
	set->reading = true;
	pthread_mutex_unlock(&set->lock);
	return rc;
}

static void end_reading(void *argument)
{
	struct nrb_set *set = argument;

	pthread_mutex_lock(&set->lock);
	set->reading = false;
	pthread_mutex_unlock(&set->lock);
}

static void deliver(struct pass *pass, const struct nrb_source *source, const struct nrb_stage *stage,
		    const struct nrb_record *record)
{
	const struct nrb_delivery delivery = {
		.id = source->id, .cookie = source->cookie, .record = record, .reader = stage->reader
	};

	pass->delivered++;
	pass->stopped = pass->visit(pass->argument, &delivery) || pass->delivered == pass->budget;
}

/* Deliver what the last poll found. Return: 0, or -EBADMSG. */
static int deliver_found(struct pass *pass, const struct nrb_source *source, struct nrb_stage *stage)
{
	struct nrb_record record;
	int rc = 0;

	while (!pass->stopped) {
		rc = nrb_reader_next(stage->reader, &record);
		if (rc != 1)
			break;
		deliver(pass, source, stage, &record);
	}
	nrb_reader_release(stage->reader);
	return rc < 0 ? rc : 0;
}

/*
 * Deliver what there is of a stage; @all: until there is no more, which ends since nobody writes any more.
 *
 * Return: whether nothing is left, as far as was published.
 */
static bool read_stage(struct pass *pass, const struct nrb_source *source, struct nrb_stage *stage, bool all)
{
	int64_t found;

	stage->unfinished = true;
	do {
		if (pass->stopped)
			return false;
		found = nrb_reader_poll(stage->reader, &stage->seen);
		if (found > 0 && deliver_found(pass, source, stage)) {
			nrb_reader_skip(stage->reader);
			found = -EBADMSG;
		}
		if (found < 0)
			nrb_store_relaxed(&pass->set->damaged, pass->set->damaged + 1);
	} while (all && found > 0);
	/* Stopped behind the last record, it may be, or before it. */
	stage->unfinished = pass->stopped;
	return !pass->stopped;
}

/* A ring that is read to its end: what it lost and had no later record to tell by. */
static void deliver_residue(struct pass *pass, const struct nrb_source *source, struct nrb_stage *stage)
{
	const struct nrb_lost body = { .id = nrb_reader_attr(stage->reader).id, .lost = nrb_lost(stage->ring) };
	const struct nrb_record record = {
		.type = NRB_RECORD_LOST, .size = sizeof(body), .position = stage->seen, .payload = &body
	};

	if (body.lost)
		deliver(pass, source, stage, &record);
}

/* The stage to read, and whether it has a writer: looked up before it is polled, or the poll would prove nothing. */
static struct nrb_stage *first_stage(struct nrb_set *set, const struct nrb_source *source, bool *retired)
{
	struct nrb_stage *stage;

	pthread_mutex_lock(&set->lock);
	stage = source->first;
	*retired = stage && stage->retired;
	pthread_mutex_unlock(&set->lock);
	return stage;
}

static void drop_first_stage(struct nrb_set *set, struct nrb_source *source)
{
	struct nrb_stage *stage;

	pthread_mutex_lock(&set->lock);
	stage = source->first;
	source->first = stage->next;
	if (!source->first)
		source->last = NULL;
	pthread_mutex_unlock(&set->lock);
	nrb_destroy(stage->ring);
	nrb_stage_free(stage);
}

static void read_source(struct pass *pass, struct nrb_source *source)
{
	struct nrb_stage *stage;
	bool retired;

	while ((stage = first_stage(pass->set, source, &retired)) && !pass->stopped) {
		if (!read_stage(pass, source, stage, retired) || !retired)
			return;
		deliver_residue(pass, source, stage);
		drop_first_stage(pass->set, source);
	}
}

/* Take the first source; it is put back at the end, so that the next pass begins behind those that this one came to. */
static struct nrb_source *take_first(struct nrb_set *set)
{
	struct nrb_source *source;

	pthread_mutex_lock(&set->lock);
	source = set->first;
	if (source)
		set->first = source->next;
	if (!set->first)
		set->last = NULL;
	pthread_mutex_unlock(&set->lock);
	return source;
}

static void put_back(struct nrb_set *set, struct nrb_source *source)
{
	bool gone;

	pthread_mutex_lock(&set->lock);
	gone = source->departed && !source->first;
	if (gone)
		set->sources--;
	else
		append(set, source);
	pthread_mutex_unlock(&set->lock);
	if (gone)
		free(source);
}

int64_t nrb_set_read(struct nrb_set *set, int (*visit)(void *argument, const struct nrb_delivery *delivery),
		     void *argument, uint64_t budget)
{
	struct pass pass = { .set = set, .visit = visit, .argument = argument, .budget = budget };
	struct nrb_source *source;
	int rc = begin_reading(set), cancel_state, unused;
	uint64_t sources;

	if (rc)
		return rc;
	/* @visit may be a place for it; the source that is being read would be gone, and the set in use for ever. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_mutex_lock(&set->lock);
	sources = set->sources;
	pthread_mutex_unlock(&set->lock);
	/* Those that there were at the beginning, once. */
	while (sources-- && !pass.stopped && (source = take_first(set))) {
		read_source(&pass, source);
		put_back(set, source);
	}
	end_reading(set);
	pthread_setcancelstate(cancel_state, &unused);
	return (int64_t)pass.delivered;
}

/* ---- waiting ---- */

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Whether a pass would find anything, if only a ring to destroy. */
static bool has_more(struct nrb_set *set)
{
	bool more = false;

	pthread_mutex_lock(&set->lock);
	for (const struct nrb_source *source = set->first; source && !more; source = source->next) {
		const struct nrb_stage *stage = source->first;

		more = stage ? stage->retired || stage->unfinished || nrb_reader_head(stage->reader) != stage->seen
			     : source->departed;
	}
	pthread_mutex_unlock(&set->lock);
	return more;
}

static int wait_by_looking(struct nrb_set *set, int64_t timeout_ns)
{
	int64_t now = clock_now();
	/* Beyond what a clock can tell is for ever. */
	int64_t deadline = timeout_ns < 0 || timeout_ns > INT64_MAX - now ? -1 : now + timeout_ns;

	for (int64_t pause = LOOK_FIRST_NS;; pause = pause * 2 < LOOK_LAST_NS ? pause * 2 : LOOK_LAST_NS) {
		int64_t left = deadline < 0 ? INT64_MAX : deadline - clock_now();
		struct timespec sleep = { .tv_nsec = left < pause ? left : pause };

		if (has_more(set))
			return 1;
		if (left <= 0)
			return 0;
		if (nanosleep(&sleep, NULL) < 0)
			return -EINTR;
	}
}

int nrb_set_wait(struct nrb_set *set, int64_t timeout_ns)
{
	int rc = begin_reading(set);

	if (rc)
		return rc;
	/* Who is cancelled in its sleep leaves the set to others. */
	pthread_cleanup_push(end_reading, set);
	rc = wait_by_looking(set, timeout_ns);
	pthread_cleanup_pop(1);
	return rc;
}

uint64_t nrb_set_damaged(const struct nrb_set *set)
{
	return nrb_load_relaxed(&set->damaged);
}

/* Return: 0, or -EBUSY and nothing is freed. */
static int begin_destroying(struct nrb_set *set)
{
	int rc;

	pthread_mutex_lock(&set->lock);
	rc = set->reading || set->channels ? -EBUSY : 0;
	pthread_mutex_unlock(&set->lock);
	return rc;
}

int nrb_set_destroy(struct nrb_set *set)
{
	struct nrb_source *source;
	int rc;

	if (!set)
		return 0;
	rc = nrb_call_begin();
	if (rc)
		return rc;
	rc = begin_destroying(set);
	while (!rc && (source = take_first(set))) {
		while (source->first)
			drop_first_stage(set, source);
		free(source);
	}
	if (!rc) {
		pthread_mutex_destroy(&set->lock);
		free(set);
	}
	nrb_call_end();
	return rc;
}
