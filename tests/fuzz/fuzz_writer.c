/* SPDX-License-Identifier: MIT */
/*
 * fuzz_writer.c - the writing side, nested and against a page that says anything, compared with a simple model
 *
 * The input makes a ring and then says who writes, how deep, and what a stranger stores meanwhile. After each step
 * every byte of the control page, of the data and of the writer's page is what the model says: so nothing is stored
 * that is not the record's own, and no answer is other than data_tail justifies.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control.h"
#include "fuzz.h"
#include "ring.h"
#include "trailer.h"

const char fuzz_name[] = "writer";

#define DEEPEST 6u
#define KINDS 64u

/* What the ring should be. */
struct model {
	struct nrb_attr attr;
	uint64_t head, tail_cache, lost, published; /* published: what an honest consumer may release */
	uint32_t trailer, depth;
	uint64_t limit; /* the largest payload */
	unsigned char *data;
	struct nrb_control control; /* but for data_head and data_tail */
};

/* A ring of each kind, made once: what an input does to it the next one undoes. */
struct subject {
	struct nrb_ring *ring;
	struct nrb_writer initial_writer;
	struct nrb_control initial_control;
};

static struct subject subjects[KINDS];
static struct subject *subject;
static struct model model;
static struct nrb_reservation stack[DEEPEST];

static unsigned char *stranger(void)
{
	return (unsigned char *)subject->ring->control;
}

static struct subject *make_subject(unsigned kind)
{
	static const uint64_t starts[] = { 0, UINT64_MAX - 63 };
	static const uint64_t trailers[] = { 0, NRB_SAMPLE_ID, NRB_SAMPLE_STREAM_ID | NRB_SAMPLE_IDENTIFIER,
					     NRB_SAMPLE_ID };
	struct subject *made = &subjects[kind];
	struct nrb_attr attr = NRB_ATTR_INIT;

	if (made->ring)
		return made;
	attr.data_size = nrb_page_size();
	attr.flags = kind & 3;
	attr.flags |= kind & 4 ? NRB_WAKE_WATERMARK : 0;
	attr.start = starts[kind >> 3 & 1];
	attr.sample_id = trailers[kind >> 4];
	attr.sample_type = kind >> 4 == 3 ? NRB_SAMPLE_ID : 0;
	attr.id = 0x1d;
	made->ring = nrb_create(&attr);
	fuzz_require(made->ring);
	made->initial_control = *made->ring->control;
	made->initial_writer = *made->ring->writer;
	return made;
}

static void start(unsigned kind)
{
	struct nrb_ring *ring;

	subject = make_subject(kind);
	ring = subject->ring;
	memset(ring->control, 0, nrb_page_size());
	*ring->control = subject->initial_control;
	*ring->writer = subject->initial_writer;
	memset(ring->data, 0xee, ring->data_size);
	if (!model.data)
		model.data = malloc(nrb_page_size());
	fuzz_require(model.data);
	memset(model.data, 0xee, ring->data_size);
	model.attr.data_size = ring->data_size;
	model.attr.flags = ring->flags;
	model.attr.sample_id = ring->sample_id;
	model.attr.sample_type = ring->control->sample_type;
	model.head = model.tail_cache = model.published = ring->control->start;
	model.lost = 0;
	model.depth = 0;
	model.trailer = nrb_trailer_size(ring->sample_id);
	model.limit = ring->data_size - 8 - 24 - model.trailer - 8 - model.trailer;
	model.control = subject->initial_control;
	fuzz_require(nrb_payload_max(ring) == model.limit);
}

static uint32_t trailer_of(uint32_t type)
{
	return type == NRB_RECORD_SAMPLE && model.attr.sample_type ? 0 : model.trailer;
}

/* Store into the model's data, round its end. */
static void put(uint64_t at, const void *from, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		model.data[(at + i) % model.attr.data_size] = ((const unsigned char *)from)[i];
}

/* Our trailers hold one number alone, so that they are the same whatever the time. */
static void put_trailer(uint64_t at, uint32_t size)
{
	const uint64_t id = 0x1d;

	for (uint32_t done = 0; done < size; done += 8)
		put(at + done, &id, 8);
}

/* Whether @need bytes fit before the consumer's position as the writer last loaded it; in an overwrite ring, beside
 * what data_head says is not published. */
static int fits(uint64_t need)
{
	int overwrite = model.attr.flags & NRB_OVERWRITE;
	uint64_t limit = overwrite ? subject->ring->control->data_head : model.tail_cache;
	uint64_t used = model.attr.flags & NRB_BACKWARD ? limit - model.head : model.head - limit;

	return used + need < model.attr.data_size + (overwrite ? 1 : 0);
}

/* What the ring should answer, and take, for a write of @size bytes. */
static int expect_reserve(uint32_t type, uint64_t size, uint64_t *position, uint64_t *lost)
{
	const struct nrb_control *page = subject->ring->control;
	uint64_t need = 8 + (size + 7) / 8 * 8 + trailer_of(type) + (model.lost ? 24 + model.trailer : 0);
	int refused = page->paused != 0;

	if (size > model.limit)
		return -EMSGSIZE;
	if (type == NRB_RECORD_LOST || type == NRB_RECORD_PADDING)
		return -EINVAL;
	if (!refused && !fits(need)) {
		if (!(model.attr.flags & NRB_OVERWRITE))
			model.tail_cache = page->data_tail;
		refused = !fits(need);
	}
	*lost = model.lost;
	if (refused) {
		model.lost++;
		return -ENOSPC;
	}
	*position = model.attr.flags & NRB_BACKWARD ? model.head - need : model.head;
	model.head += model.attr.flags & NRB_BACKWARD ? 0 - need : need;
	return 0;
}

/* The frame of a record that was reserved: all of it but the payload. Return: where the payload goes. */
static uint64_t put_frame(uint64_t at, uint32_t type, uint64_t size, uint64_t lost)
{
	struct nrb_header header = { .type = NRB_RECORD_LOST, .size = (uint16_t)(24 + model.trailer) };
	uint64_t words = (size + 7) / 8 * 8, id = 0x1d, zero = 0, before = at;

	if (lost) {
		/* The older of the two, and so above where positions go down. */
		if (model.attr.flags & NRB_BACKWARD)
			before += 8 + words + trailer_of(type);
		else
			at += header.size;
		put(before, &header, 8);
		put(before + 8, &id, 8);
		put(before + 16, &model.lost, 8);
		put_trailer(before + 24, model.trailer);
		model.lost = 0;
	}
	header.type = type;
	header.size = (uint16_t)(8 + words + trailer_of(type));
	put(at, &header, 8);
	if (words)
		put(at + words, &zero, 8);
	put_trailer(at + 8 + words, trailer_of(type));
	return at + 8;
}

/* All of it, byte by byte. */
static void compare(void)
{
	const struct nrb_ring *ring = subject->ring;
	struct nrb_control control = *ring->control;
	struct nrb_writer writer = *ring->writer;

	if (!model.depth)
		model.published = model.head;
	fuzz_require(nrb_reserved_head(ring) == model.head && nrb_lost(ring) == model.lost);
	fuzz_require(writer.nest == model.depth && writer.tail_cache == model.tail_cache);
	fuzz_require(!memcmp(ring->data, model.data, model.attr.data_size));
	control.data_head = model.control.data_head;
	control.data_tail = model.control.data_tail;
	fuzz_require(!memcmp(&control, &model.control, sizeof(control)));
	/* What is left of the writer's page is constant, or counts. */
	writer.head = subject->initial_writer.head;
	writer.tail_cache = subject->initial_writer.tail_cache;
	writer.lost = 0;
	writer.nest = 0;
	writer.wakeup = subject->initial_writer.wakeup;
	writer.records = 0;
	writer.wakeups = 0;
	if (model.attr.flags & NRB_OVERWRITE)
		memcpy(writer.boundary, subject->initial_writer.boundary, sizeof(writer.boundary));
	fuzz_require(!memcmp(&writer, &subject->initial_writer, sizeof(writer)));
}

static void check_published(void)
{
	if (!model.depth)
		fuzz_require(subject->ring->control->data_head == model.head);
}

static uint32_t take_type(struct input *in)
{
	static const uint32_t all[] = { NRB_RECORD_SAMPLE, 77, NRB_RECORD_LOST, NRB_RECORD_PADDING };
	uint64_t which = input_take(in, 1);

	return all[which < 0xf0 ? which & 1 : which & 3];
}

static uint64_t take_size(struct input *in)
{
	uint64_t size = input_take(in, 1);

	return size < 0xc0 ? size : size == 0xff ? model.limit + input_take(in, 1) - 128 : (size - 0xc0) * 64;
}

static void write_whole(struct input *in, int gathered)
{
	static unsigned char payload[1 << 17];
	uint32_t type = take_type(in);
	uint64_t size = take_size(in), position, lost, first = 0;
	int expected, rc;

	memset(payload, (int)input_take(in, 1), size);
	expected = expect_reserve(type, size, &position, &lost);
	if (gathered) {
		struct iovec part[3];

		first = size ? input_take(in, 1) % size : 0;
		part[0] = (struct iovec) { payload, first };
		part[1] = (struct iovec) { NULL, 0 };
		part[2] = (struct iovec) { payload + first, size - first };
		rc = nrb_writev(subject->ring, type, part, 3);
	} else {
		rc = nrb_write(subject->ring, type, payload, size);
	}
	fuzz_require(rc == expected);
	if (rc)
		return;
	put(put_frame(position, type, size, lost), payload, size);
	check_published();
}

static void reserve(struct input *in)
{
	struct nrb_reservation *r = &stack[model.depth];
	uint32_t type = take_type(in);
	uint64_t size = take_size(in), position, lost, at;
	int expected;

	if (model.depth == DEEPEST)
		return;
	expected = expect_reserve(type, size, &position, &lost);
	fuzz_require(nrb_reserve(subject->ring, r, type, size) == expected);
	if (expected)
		return;
	at = put_frame(position, type, size, lost);
	fuzz_require((const unsigned char *)r->payload ==
		     subject->ring->data + (at - position) + (position & (model.attr.data_size - 1)));
	/* The model's data has been overwritten where the payload will go: so is the ring's. */
	memset(r->payload, 0x5a, size);
	for (uint64_t i = 0; i < size; i++)
		model.data[(at + i) % model.attr.data_size] = 0x5a;
	model.depth++;
}

static void finish(int discard)
{
	struct nrb_reservation *r;
	struct nrb_header header = { .type = NRB_RECORD_PADDING };

	if (!model.depth)
		return;
	r = &stack[--model.depth];
	if (discard) {
		header.size = (uint16_t)r->record;
		put((uint64_t)((unsigned char *)r->payload - subject->ring->data) - 8, &header, 8);
		nrb_discard(subject->ring, r);
	} else {
		nrb_commit(subject->ring, r);
	}
	check_published();
}

/* What somebody else may store who maps the ring. */
static void scribble(struct input *in)
{
	struct nrb_control *page = subject->ring->control;
	uint64_t what = input_take(in, 1), at;

	switch (what % 6) {
	case 0: /* an honest consumer */ page->data_tail = model.published; break;
	case 1: page->data_tail = model.head + 8 * (uint64_t)(int8_t)input_take(in, 1); break;
	case 2: page->data_tail = input_take(in, 8); break;
	case 3: page->paused = model.control.paused = (uint32_t)input_take(in, 1) & 1; break;
	case 4: /* all that is said to be constant, and data_head */
		at = input_take(in, 2) % sizeof(*page);
		if (at >= offsetof(struct nrb_control, data_tail) && at < offsetof(struct nrb_control, data_offset))
			break;
		stranger()[at] = (unsigned char)input_take(in, 1);
		model.control = *page;
		break;
	default:
		at = input_take(in, 2) % model.attr.data_size;
		subject->ring->data[at] = model.data[at] = (unsigned char)input_take(in, 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	start((unsigned)input_take(&in, 1) % KINDS);
	while (in.left) {
		unsigned what = (unsigned)input_take(&in, 1) % 8;

		if (what < 2)
			write_whole(&in, (int)what);
		else if (what < 4)
			reserve(&in);
		else if (what < 6)
			finish(what == 5);
		else
			scribble(&in);
		compare();
	}
	while (model.depth)
		finish(0);
	compare();
	/* No lie outlives itself: once the page is honest, the largest record goes through. */
	subject->ring->control->paused = model.control.paused = 0;
	subject->ring->control->data_tail = model.head;
	subject->ring->control->data_head = model.head;
	write_whole(&(struct input) { (const uint8_t *)"\0\xff\x80", 3 }, 0);
	fuzz_require(!model.lost);
	compare();
	return 0;
}
