/* SPDX-License-Identifier: MIT */
#include "step/scene.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"
#include "plugin/contain.h"

#define SMALLEST 4096
#define STREAM 11u
#define TYPE_LOST 2u
/* Payload of what is written at rest, bytes; and so many writes fill any ring. */
#define SMALL 16u
#define FILL_WRITES_MAX 64u
/* Of records that may be small, and all of one size. */
#define FOREIGN_WRITES_MAX 256u

uint64_t scene_data_size(void)
{
	long page = sysconf(_SC_PAGESIZE);

	return page > SMALLEST ? (uint64_t)page : SMALLEST;
}

static uint32_t take(struct scene *scene, const struct findings *findings)
{
	uint32_t kinds = 0;

	for (unsigned i = 0; i < findings->count; i++)
		kinds |= VIOLATION_BIT(findings->at[i].kind);
	if (findings->count)
		scene->last = *findings;
	/* What cannot be told of this target at all is none of its. */
	return kinds & scene->target->checks;
}

static void look_at_record(struct observer *observer, const struct target_record *record, struct findings *findings)
{
	struct observed_record seen = {
		.type = record->type, .size = record->size, .position = record->position, .payload = record->payload
	};
	uint64_t body[2]; /* id, lost */

	if (record->type == TYPE_LOST && record->size == sizeof(body)) {
		memcpy(body, record->payload, sizeof(body));
		observer->zero_lost += !body[1];
	}
	oracle_record(&observer->stream, &seen, findings);
}

/* At most @most records. Return: violations, a bit each. */
static uint32_t read_records(struct scene *scene, unsigned most)
{
	const struct target *target = scene->target;
	struct observer *observer = &scene->observer;
	struct target_record record;
	struct findings findings;
	uint32_t kinds = 0;
	uint64_t head;
	int rc = 1;

	if (target->poll(scene->reader, &head) < 0)
		return 0;
	observer->seen = head;
	if (target->missed && target->missed(scene->reader) != observer->missed) {
		observer->missed = target->missed(scene->reader);
		oracle_missed(&observer->stream);
	}
	while (rc == 1 && most) {
		findings.count = 0;
		rc = target->next(scene->reader, &record);
		most -= rc == 1 && record.type != TYPE_LOST;
		if (rc == 1)
			look_at_record(observer, &record, &findings);
		else if (rc < 0)
			oracle_bad_record(&observer->stream, record.position, 0, &findings);
		kinds |= take(scene, &findings);
	}
	/* What is left is still to be looked at. */
	observer->seen -= rc == 1;
	findings.count = 0;
	if (!rc)
		oracle_batch(&observer->stream, &findings);
	if (scene->scenario->drains)
		target->release(scene->reader);
	return kinds | take(scene, &findings);
}

void scene_take(struct scene *scene, unsigned records)
{
	read_records(scene, records);
	scene->target->release(scene->reader);
	scene->observer.tail = scene->target->tail(scene->reader);
}

/* All records that there are for who comes now, in a stream of their own. */
static uint32_t read_all(struct scene *scene, struct target_reader *reader, struct oracle_stream *stream)
{
	const struct target *target = scene->target;
	struct target_record record;
	struct findings findings = { .count = 0 };
	uint32_t kinds = 0;
	int rc = 1;

	if (target->poll(reader, NULL) < 0)
		return 0;
	while (rc == 1) {
		rc = target->next(reader, &record);
		findings.count = 0;
		if (rc == 1) {
			struct observed_record seen = { .type = record.type,
							.size = record.size,
							.position = record.position,
							.payload = record.payload };

			oracle_record(stream, &seen, &findings);
		} else if (rc < 0) {
			oracle_bad_record(stream, record.position, 0, &findings);
		}
		kinds |= take(scene, &findings);
	}
	if (rc < 0)
		target->skip(reader);
	findings.count = 0;
	oracle_batch(stream, &findings);
	return kinds | take(scene, &findings);
}

/* Whether anything in the ring is not what it was when this was asked last. */
static bool memory_changed(struct scene *scene)
{
	const struct target *target = scene->target;
	struct target_region region[TARGET_REGIONS], of_another[TARGET_REGIONS];
	unsigned regions = target->regions(scene->ring, scene->again, region);
	unsigned char *last = scene->last_memory;
	bool changed = false;

	target->regions(scene->ring, scene->reader, of_another);
	for (unsigned i = 0; i < regions; i++) {
		/* A reader's own, which change with each snapshot. */
		if (region[i].address != of_another[i].address)
			continue;
		if (memcmp(last, region[i].address, region[i].size) != 0) {
			memcpy(last, region[i].address, region[i].size);
			changed = true;
		}
		last += region[i].size;
	}
	return changed;
}

static size_t memory_size(const struct scene *scene)
{
	struct target_region region[TARGET_REGIONS];
	unsigned regions = scene->target->regions(scene->ring, scene->again, region);
	size_t size = 0;

	for (unsigned i = 0; i < regions; i++)
		size += region[i].size;
	return size;
}

/* A snapshot at this instruction: whatever a write is doing, there are whole records in it, and of each level all but
 * the oldest. */
static uint32_t take_snapshot(struct scene *scene)
{
	struct oracle_stream stream;

	/* As after most instructions: then so would be the snapshot. */
	if (!memory_changed(scene))
		return 0;
	oracle_stream_init(&stream, STREAM, SCENE_DATA_SIZE);
	oracle_missed(&stream);
	scene->target->rewind(scene->again);
	return read_all(scene, scene->again, &stream);
}

uint32_t scene_look(struct scene *scene)
{
	const struct target *target = scene->target;
	struct observer *observer = &scene->observer;
	uint64_t tail = target->tail(scene->reader);
	uint64_t head = target->head(scene->reader);
	struct findings findings = { .count = 0 };
	uint32_t kinds = 0;

	contain_moved++;
	if (target->overwrites)
		kinds = take_snapshot(scene);
	if (target->wakeups)
		oracle_look(&observer->wake, target->wakeups(scene->ring), head);
	/* Nothing has moved, as after most instructions. */
	if (observer->watch.any && head == observer->watch.head && (head == observer->seen || observer->holds) &&
	    tail == observer->tail && (observer->holds || !target->foreign))
		return kinds;
	oracle_head(&observer->watch, tail, head, &findings);
	oracle_fill(&observer->stream, head, tail, &findings);
	kinds |= take(scene, &findings);
	if ((head != observer->seen || target->foreign) && !observer->holds)
		kinds |= read_records(scene, UINT_MAX);
	observer->tail = target->tail(scene->reader);
	return kinds;
}

void scene_fill(struct scene *scene, unsigned level, void *payload, uint32_t size)
{
	payload_fill(payload, size, STREAM, level, scene->observer.attempts[level]++);
}

uint32_t scene_written(struct scene *scene, unsigned level, int result)
{
	struct findings findings = { .count = 0 };

	scene->observer.failed[level] += result != 0;
	/* Who interrupted must leave nothing behind that nobody will publish; but the interrupted one will. */
	if (!level) {
		const struct target *target = scene->target;
		uint64_t head;

		if (target->swap_end)
			target->swap_end(scene->ring);
		head = target->head(scene->reader);
		oracle_between(target->reserved_head(scene->ring), head, &findings);
		if (target->wakeups)
			oracle_awaited(&scene->observer.wake, target->watermark, target->wakeups(scene->ring), head,
				       &findings);
	}
	return take(scene, &findings);
}

bool scene_release(struct scene *scene)
{
	if (!scene->scenario->releases || scene->observer.released)
		return false;
	scene->observer.released = 1;
	if (scene->observer.holds) {
		/* With the next look it takes them. */
		scene->observer.holds = 0;
		return true;
	}
	scene->target->release(scene->reader);
	if (scene->target->swap_begin)
		scene->target->swap_begin(scene->ring);
	scene->observer.tail = scene->target->tail(scene->reader);
	return true;
}

/* Someone who comes late must find what was there: records that were seen once may have been written over since. */
static uint32_t read_again(struct scene *scene)
{
	struct target_reader *late = scene->target->reader_open(scene->ring);
	struct oracle_stream stream;
	uint32_t kinds;

	/* Positions that contradict each other have been told of. */
	if (!late)
		return 0;
	oracle_stream_init(&stream, STREAM, SCENE_DATA_SIZE);
	kinds = read_all(scene, late, &stream);
	scene->target->reader_close(late);
	return kinds & (VIOLATION_BIT(TORN_RECORD) | VIOLATION_BIT(BAD_RECORD));
}

static uint32_t rest(struct scene *scene);

/* Undisturbed, by the thread itself. Return: violations, a bit each; @taken: whether there was room. */
static uint32_t write_plainly(struct scene *scene, uint32_t size, bool *taken)
{
	unsigned char payload[SCENE_PAYLOAD_MAX];
	int rc;

	size = target_payload(scene->target, size);
	scene_fill(scene, 0, payload, size);
	rc = scene->target->write(scene->ring, payload, size);
	*taken = !rc;
	return scene_written(scene, 0, rc) | scene_look(scene);
}

/*
 * Until a write is refused: what the writer believes of the consumer's position matters only when the ring is about to
 * be full. In few steps, since this is done at the end of every way.
 */
static uint32_t fill_up(struct scene *scene)
{
	const struct target *target = scene->target;
	unsigned most = target->foreign ? FOREIGN_WRITES_MAX : FILL_WRITES_MAX;
	bool taken = true;
	uint32_t kinds = 0;

	scene->observer.holds = target->consumes;
	for (unsigned writes = 0; taken && !kinds && writes < most; writes++) {
		uint64_t used = target->head(scene->reader) - target->tail(scene->reader);
		uint64_t size = used < SCENE_DATA_SIZE ? (SCENE_DATA_SIZE - used) / 2 & ~7ull : 0;

		size = size > SCENE_PAYLOAD_MAX ? SCENE_PAYLOAD_MAX : size;
		kinds = write_plainly(scene, size < SMALL ? SMALL : (uint32_t)size, &taken);
	}
	return kinds;
}

/* What a write has left behind may show with the next one only, when the ring is full, or after that. */
static uint32_t write_again(struct scene *scene)
{
	/* What overwrites is never full. */
	uint32_t kinds = scene->scenario->drains || scene->target->overwrites ? 0 : fill_up(scene);
	bool taken;

	scene->observer.holds = 0;
	if (kinds)
		return kinds;
	kinds = scene_look(scene);
	scene->target->release(scene->reader);
	return kinds | write_plainly(scene, SMALL, &taken) | rest(scene);
}

uint32_t scene_rest(struct scene *scene)
{
	uint32_t kinds = rest(scene);

	if (!kinds && !scene->observer.stream.resynced)
		kinds = read_again(scene);
	return kinds ? kinds : write_again(scene);
}

/* By now all is read, whatever was held back. */
static uint32_t rest_look(struct scene *scene)
{
	scene->observer.holds = 0;
	return scene_look(scene);
}

static uint32_t rest(struct scene *scene)
{
	const struct observer *observer = &scene->observer;
	struct findings findings = { .count = 0 };
	uint32_t kinds = rest_look(scene);
	struct observed_rest rest = {
		.published_head = scene->target->head(scene->reader),
		.reserved_head = scene->target->reserved_head(scene->ring),
		.residual_lost = scene->target->lost(scene->ring),
	};

	memcpy(rest.attempts, observer->attempts, sizeof(observer->attempts));
	memcpy(rest.failed, observer->failed, sizeof(observer->failed));
	oracle_rest(&scene->observer.stream, &rest, &findings);
	return kinds | take(scene, &findings);
}

uint64_t scenario_start(const struct scenario *scenario)
{
	return scenario->before_end ? SCENE_DATA_SIZE - scenario->before_end : scenario->start;
}

int scene_open(struct scene *scene, const struct target *target, const struct scenario *scenario)
{
	const struct target_attr attr = {
		.target = target, .data_size = SCENE_DATA_SIZE, .start = scenario_start(scenario), .id = STREAM
	};
	int error;

	memset(scene, 0, sizeof(*scene));
	scene->target = target;
	scene->scenario = scenario;
	scene->ring = target->open(&attr);
	if (!scene->ring)
		return -errno;
	error = target->attach ? -target->attach(scene->ring) : 0;
	scene->attached = !error;
	scene->reader = error ? NULL : target->reader_open(scene->ring);
	if (!scene->reader) {
		error = error ? error : errno;
		scene_close(scene);
		return -error;
	}
	if (target->overwrites) {
		scene->again = target->reader_open(scene->ring);
		scene->last_memory = scene->again ? calloc(1, 1 + memory_size(scene)) : NULL;
		if (!scene->last_memory) {
			error = errno;
			scene_close(scene);
			return -error;
		}
	}
	scene->observer.seen = scenario_start(scenario);
	scene->observer.wake.head = scenario_start(scenario);
	oracle_stream_init(&scene->observer.stream, STREAM, SCENE_DATA_SIZE);
	if (scenario->prepare)
		scenario->prepare(scene);
	/* What was made full is to stay so. */
	scene->observer.holds = target->consumes && scenario->prepare;
	scene_look(scene);
	return 0;
}

void scene_close(struct scene *scene)
{
	if (scene->again)
		scene->target->reader_close(scene->again);
	if (scene->reader)
		scene->target->reader_close(scene->reader);
	if (scene->attached && scene->target->detach)
		scene->target->detach(scene->ring);
	if (scene->ring)
		scene->target->close(scene->ring);
	free(scene->last_memory);
	scene->last_memory = NULL;
	scene->again = NULL;
	scene->reader = NULL;
	scene->ring = NULL;
	scene->attached = false;
}
