/* SPDX-License-Identifier: MIT */
/*
 * fuzz_reader.c - the reading side against files that say anything, and change while they are read
 *
 * The input lays out a ring's two files and then says in which order a stranger changes them and the reader's functions
 * are called. Each call ends, and each record that is given lies inside what the reader has mapped or allocated.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "fuzz.h"
#include "reader_state.h"
#include "ring.h"

const char fuzz_name[] = "reader";

#define DATA_PAGES 2u

static struct {
	int fd, readonly_fd, writer_fd;
	uint64_t data_size;
	struct nrb_control *control; /* as a stranger maps them */
	unsigned char *data;
	struct nrb_writer *writer;
	struct nrb_reader *reader; /* NULL: it could not be opened */
} stage;

static int make_file(uint64_t size, void **at)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_require(fd >= 0 && !ftruncate(fd, (off_t)size));
	*at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fuzz_require(*at != MAP_FAILED);
	return fd;
}

/* Once: the same two files serve all inputs. */
static void make_stage(void)
{
	size_t page = nrb_page_size();
	char path[64];
	void *at;

	stage.data_size = DATA_PAGES * page;
	stage.fd = make_file(page + stage.data_size, &at);
	stage.control = at;
	stage.data = (unsigned char *)at + page;
	stage.writer_fd = make_file(page, &at);
	stage.writer = at;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", stage.fd);
	stage.readonly_fd = open(path, O_RDONLY | O_CLOEXEC);
	fuzz_require(stage.readonly_fd >= 0);
}

/* An empty ring as nrb_create() makes it, of the kind that the input names. */
static void lay_out(struct input *in)
{
	static const uint64_t starts[] = { 0, UINT64_MAX - 63, 1ull << 32, 4096 };
	static const uint64_t trailers[] = { 0, NRB_SAMPLE_ID, NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU,
					     NRB_SAMPLE_IDENTIFIER };
	uint64_t kind = input_take(in, 1), start = starts[kind >> 2 & 3];
	size_t page = nrb_page_size();

	memset(stage.control, 0, page + stage.data_size);
	memset(stage.writer, 0, page);
	stage.control->flags = kind & 3;
	stage.control->sample_id = trailers[kind >> 4 & 3];
	stage.control->sample_type = kind & 0x40 ? stage.control->sample_id : 0;
	stage.control->magic = NRB_CONTROL_MAGIC;
	stage.control->start = start;
	stage.control->data_head = start;
	stage.control->data_tail = start;
	stage.control->data_offset = page;
	stage.control->data_size = stage.data_size;
	stage.writer->magic = NRB_WRITER_MAGIC;
	stage.writer->data_size = stage.data_size;
	stage.writer->start = start;
	stage.writer->head = start;
	for (unsigned i = 0; i < NRB_BOUNDARIES; i++)
		stage.writer->boundary[i] = start;
}

/* A number that is likely to mean something: near to one of the positions, or any. */
static uint64_t take_value(struct input *in)
{
	uint64_t kind = input_take(in, 1);
	int64_t off = 8 * (int8_t)input_take(in, 1);

	switch (kind % 8) {
	case 0: return input_take(in, 8);
	case 1: return stage.control->data_head + (uint64_t)off;
	case 2: return stage.control->data_tail + (uint64_t)off;
	case 3: return stage.writer->head + (uint64_t)off;
	case 4: return stage.control->data_head + stage.data_size + (uint64_t)off;
	case 5: return stage.control->data_head - stage.data_size + (uint64_t)off;
	case 6: return (uint64_t)off / 8;
	default: return stage.control->data_head + (uint64_t)off * stage.data_size;
	}
}

static void close_reader(void)
{
	nrb_reader_close(stage.reader);
	stage.reader = NULL;
}

static void reopen(struct input *in)
{
	uint64_t how = input_take(in, 1);

	close_reader();
	stage.reader = nrb_reader_open_fds(how & 1 ? stage.readonly_fd : stage.fd, how & 2 ? -1 : stage.writer_fd);
	fuzz_require(stage.reader || errno == EMEDIUMTYPE || errno == EOPNOTSUPP || errno == EBADMSG ||
		     errno == ESTALE || errno == EPROTO);
}

/* What was given is the reader's own to look at, from its first byte to its last. */
static void touch(const struct nrb_record *record)
{
	const struct nrb_reader *reader = stage.reader;
	const unsigned char *base = reader->copy ? reader->copy : reader->data;
	uint64_t room = reader->copy ? reader->data_size : 2 * reader->data_size;
	uint64_t at = (uint64_t)((const unsigned char *)record->payload - base);
	struct nrb_sample_id id;
	unsigned sum = 0;

	fuzz_require(at >= 8 && at <= room && record->size <= room - at && record->size < NRB_RECORD_MAX);
	fuzz_require(at % 8 == 0 && record->size % 8 == 0 && record->type != NRB_RECORD_PADDING);
	fuzz_require(!record->trailer || at + record->size + reader->trailer <= room);
	for (uint32_t i = 0; i < record->size; i++)
		sum += ((const volatile unsigned char *)record->payload)[i];
	(void)sum;
	fuzz_require(nrb_reader_sample_id(reader, record, &id) == (record->trailer ? 0 : -ENODATA));
}

/* Return: whether there may be more. */
static int next(void)
{
	struct nrb_record record = { .type = 0 };
	int rc = nrb_reader_next(stage.reader, &record);

	fuzz_require(rc == 1 || rc == 0 || rc == -EBADMSG);
	if (rc == 1)
		touch(&record);
	/* An error names the place. */
	fuzz_require(rc != -EBADMSG || record.position % 8 == 0);
	return rc == 1;
}

static void drain(void)
{
	uint64_t records = 0;

	while (next())
		fuzz_require(++records <= stage.data_size / 8);
}

static void check_found(int64_t found)
{
	fuzz_require(found == -EPROTO || found == -EACCES || (found >= 0 && (uint64_t)found <= stage.data_size));
}

static void call_reader(struct input *in, unsigned which)
{
	struct nrb_reader *reader = stage.reader;
	uint64_t head;

	switch (reader ? which : 8) {
	case 0: check_found(nrb_reader_poll(reader, &head)); break;
	case 1: check_found(nrb_reader_wait(reader, 0, NULL)); break;
	case 2: drain(); break;
	case 3: next(); break;
	case 4: nrb_reader_release(reader); break;
	case 5:
		fuzz_require(nrb_reader_skip(reader) <= stage.data_size);
		/* Nothing is left, nor is what stopped us. */
		fuzz_require(!next() && (nrb_reader_skip(reader) == 0));
		break;
	case 6: nrb_reader_rewind(reader); break;
	case 7: fuzz_require(nrb_reader_pause(reader) == (reader->readonly ? -EACCES : 0)); break;
	default: reopen(in);
	}
}

/* A header, somewhere. */
static void put_header(struct input *in)
{
	static const uint32_t types[] = { NRB_RECORD_SAMPLE, NRB_RECORD_LOST, NRB_RECORD_PADDING, 77 };
	uint64_t at = take_value(in) & (stage.data_size - 1) & ~7ull;
	struct nrb_header header = { .type = types[input_take(in, 1) % 4] };

	header.size = (uint16_t)input_take(in, 2);
	memcpy(stage.data + at, &header, sizeof(header));
}

/* What an honest writer would do: a record, and both heads behind it, or before it. */
static void write_honestly(struct input *in)
{
	uint64_t words = input_take(in, 1) % 64 + (uint64_t)__builtin_popcountll(stage.control->sample_id) + 1;
	struct nrb_header header = { .type = words % 5 ? NRB_RECORD_SAMPLE : NRB_RECORD_PADDING,
				     .size = (uint16_t)(8 * words) };
	int backward = stage.control->flags & NRB_BACKWARD;
	uint64_t before = stage.control->data_head, head = backward ? before - 8 * words : before + 8 * words;
	uint64_t part = stage.data_size / NRB_PARTS;

	memcpy(stage.data + ((backward ? head : before) & (stage.data_size - 1) & ~7ull), &header, sizeof(header));
	if (before / part != head / part)
		stage.writer->boundary[head / part % NRB_BOUNDARIES] = head;
	stage.writer->head = head;
	stage.control->data_head = head;
}

static void change_files(struct input *in, unsigned which)
{
	uint64_t where;

	switch (which) {
	case 0: stage.control->data_head = take_value(in); break;
	case 1: stage.control->data_tail = take_value(in); break;
	case 2: stage.writer->head = take_value(in); break;
	case 3:
		where = input_take(in, 1) % NRB_BOUNDARIES;
		stage.writer->boundary[where] = take_value(in);
		break;
	case 4: put_header(in); break;
	case 5:
		where = input_take(in, 2) % (nrb_page_size() / 8);
		((uint64_t *)(void *)stage.control)[where] = take_value(in);
		break;
	case 6:
		where = input_take(in, 2) % (stage.data_size / 8);
		((uint64_t *)(void *)stage.data)[where] = input_take(in, 8);
		break;
	default: write_honestly(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!stage.control)
		make_stage();
	lay_out(&in);
	reopen(&in);
	while (in.left) {
		unsigned what = (unsigned)input_take(&in, 1);

		/* A reader that cannot be opened may be tried again; more of them only cost time. */
		if (what & 1)
			change_files(&in, what >> 1 & 7);
		else
			call_reader(&in, (what >> 1) % 9);
	}
	close_reader();
	return 0;
}
