/* SPDX-License-Identifier: MIT */
#include "kernel/record.h"

#include <linux/perf_event.h>
#include <string.h>

/*
 * The kernel's clock may be off by a little in interrupts, and a record's time is taken before its place: so this much
 * is forgiven between records of one event, which come one after the other, and none is asked for between events.
 */
#define TOLERANCE_NS 1000000u

/* What every record but a sample ends with. */
struct trailer {
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
	uint64_t id;
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char name[KERNEL_NAME_SIZE];
	struct trailer trailer;
};

struct sample_record {
	struct perf_event_header header;
	uint64_t id, pc;
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
	struct trailer trailer;
};

struct throttle_record {
	struct perf_event_header header;
	uint64_t time_ns, id, stream_id;
	struct trailer trailer;
};

_Static_assert(sizeof(struct comm_record) <= KERNEL_RECORD_MAX && sizeof(struct throttle_record) <= KERNEL_RECORD_MAX,
	       "no record is longer");

uint16_t kernel_record_size(uint64_t first)
{
	struct perf_event_header header;
	size_t size = 0;

	memcpy(&header, &first, sizeof(header));
	switch (header.type) {
	case PERF_RECORD_COMM: size = sizeof(struct comm_record); break;
	case PERF_RECORD_SAMPLE: size = sizeof(struct sample_record); break;
	case PERF_RECORD_LOST: size = sizeof(struct lost_record); break;
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE: size = sizeof(struct throttle_record); break;
	default: break;
	}
	return header.size == size ? header.size : 0;
}

static bool find_event(const struct kernel_facts *facts, uint64_t id, unsigned *event)
{
	for (*event = 0; *event < facts->events; ++*event)
		if (facts->id[*event] == id)
			return true;
	return false;
}

static bool is_ours(const struct kernel_facts *facts, uint32_t pid, uint32_t tid, uint32_t cpu)
{
	return pid == facts->pid && tid == facts->tid && cpu == facts->cpu;
}

static bool check_trailer(const struct kernel_facts *facts, const struct trailer *trailer, struct kernel_record *record)
{
	record->time_ns = trailer->time_ns;
	return is_ours(facts, trailer->pid, trailer->tid, trailer->cpu) &&
	       find_event(facts, trailer->id, &record->event);
}

/* Whether @name is one that we gave; @number receives its number. */
static bool parse_name(const char *name, uint64_t *number)
{
	if (memcmp(name, KERNEL_NAME_PREFIX, KERNEL_NAME_FIRST) || name[KERNEL_NAME_SIZE - 1])
		return false;
	*number = 0;
	for (unsigned i = KERNEL_NAME_FIRST; i < KERNEL_NAME_SIZE - 1; i++) {
		unsigned char digit = (unsigned char)name[i];

		if (digit >= '0' && digit <= '9')
			*number = *number << 4 | (digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			*number = *number << 4 | (digit - 'a' + 10u);
		else
			return false;
	}
	return true;
}

static bool check_comm(const struct kernel_facts *facts, const void *bytes, struct kernel_record *record)
{
	struct comm_record comm;

	memcpy(&comm, bytes, sizeof(comm));
	if (!check_trailer(facts, &comm.trailer, record) || comm.pid != facts->pid || comm.tid != facts->tid ||
	    facts->kind[record->event] != KERNEL_COMM || !parse_name(comm.name, &record->number))
		return false;
	record->sequence = record->number * facts->comms + facts->rank[record->event];
	return true;
}

static bool check_sample(const struct kernel_facts *facts, const void *bytes, struct kernel_record *record)
{
	struct sample_record sample;

	memcpy(&sample, bytes, sizeof(sample));
	record->time_ns = sample.time_ns;
	record->pc = sample.pc;
	return is_ours(facts, sample.pid, sample.tid, sample.cpu) && find_event(facts, sample.id, &record->event) &&
	       facts->kind[record->event] != KERNEL_COMM;
}

static bool check_lost(const struct kernel_facts *facts, const void *bytes, struct kernel_record *record)
{
	struct lost_record lost;
	unsigned event;

	memcpy(&lost, bytes, sizeof(lost));
	record->lost = lost.lost;
	return check_trailer(facts, &lost.trailer, record) && find_event(facts, lost.id, &event);
}

static bool check_throttle(const struct kernel_facts *facts, const void *bytes, struct kernel_record *record)
{
	struct throttle_record throttle;
	unsigned event;

	memcpy(&throttle, bytes, sizeof(throttle));
	return check_trailer(facts, &throttle.trailer, record) && find_event(facts, throttle.id, &event);
}

/* No older than the slice, no younger than now, and not before the same event's last. */
static bool check_time(struct kernel_facts *facts, const struct kernel_record *record, uint64_t now_ns)
{
	uint64_t *latest = &facts->latest[record->event];

	if (record->time_ns + TOLERANCE_NS < facts->start_ns || record->time_ns > now_ns + TOLERANCE_NS)
		return false;
	if (record->type != PERF_RECORD_COMM && record->type != PERF_RECORD_SAMPLE)
		return true;
	if (record->time_ns + TOLERANCE_NS < *latest)
		return false;
	*latest = record->time_ns;
	return true;
}

enum kernel_record_state kernel_record_check(struct kernel_facts *facts, const void *bytes, uint64_t now_ns,
					     struct kernel_record *record)
{
	struct perf_event_header header;
	uint64_t first;
	bool whole;

	memcpy(&header, bytes, sizeof(header));
	memcpy(&first, bytes, sizeof(first));
	*record = (struct kernel_record) { .type = header.type, .size = header.size };
	if (!kernel_record_size(first))
		return KERNEL_RECORD_BAD;
	switch (header.type) {
	case PERF_RECORD_COMM: whole = check_comm(facts, bytes, record); break;
	case PERF_RECORD_SAMPLE: whole = check_sample(facts, bytes, record); break;
	case PERF_RECORD_LOST: whole = check_lost(facts, bytes, record); break;
	default: whole = check_throttle(facts, bytes, record); break;
	}
	return whole && check_time(facts, record, now_ns) ? KERNEL_RECORD_WHOLE : KERNEL_RECORD_TORN;
}
