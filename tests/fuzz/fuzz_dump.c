/* SPDX-License-Identifier: MIT */
/*
 * fuzz_dump.c - nrb-dump against files that say anything, and change or shrink while they are dumped
 *
 * The input chooses how to dump, lays out a ring's two files, and says what a stranger does to them before, and each
 * time that something is put out. Whatever that is, the dump ends, in a form that is whole, with as many records in it
 * as the summary says; and but for data_tail, of who follows, it leaves the files as they are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"
#include "dump.h"
#include "fuzz.h"
#include "ring.h"
#include "../temporary.h"
#include "told.h"

const char fuzz_name[] = "dump";

#define DATA_PAGES_MAX 32u
#define LINK_MAX 256u
#define FOLDER_MAX (LINK_MAX - 32u)
/* Following: how long, when there is nothing that would end it before. */
#define FOLLOW_NS 300000u
/* What is put out reaches us in pieces of so many bytes, and with each the stranger has a turn. */
#define PIECE 64u

enum which { RING, WRITER, FILES };

static struct {
	int fd[FILES];
	char folder[FOLDER_MAX], ring[LINK_MAX], writer[LINK_MAX], alone[LINK_MAX];
	size_t size_max;
	unsigned char *before, *after; /* what the files hold */
} stage;

/* What this input does. */
static struct {
	struct input in;
	uint64_t data_size;
	uint32_t flags;
	bool live;        /* the stranger goes on during the dump */
	bool into_itself; /* the output is the ring's own file, or its writer's page */
	struct told told;
	struct dump_options options;
} run;

/* ---- the files ---- */

static void leave(void)
{
	unlink(stage.ring);
	unlink(stage.writer);
	unlink(stage.alone);
	rmdir(stage.folder);
}

static void make_link(char *link, const char *name, int fd)
{
	char target[64];

	fuzz_require(snprintf(link, LINK_MAX, "%s/%s", stage.folder, name) < (int)LINK_MAX);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	fuzz_require(!symlink(target, link));
}

/* Once. The files are in memory; a folder has names for them, since PATH.writer stands beside PATH. */
static void make_stage(void)
{
	/* No longer than leaves room for the names of the links. */
	fuzz_require(!temporary_folder("nrb-fuzz", stage.folder, FOLDER_MAX));
	atexit(leave);
	for (unsigned i = 0; i < FILES; i++) {
		stage.fd[i] = memfd_create("fuzz", MFD_CLOEXEC);
		fuzz_require(stage.fd[i] >= 0);
	}
	make_link(stage.ring, "ring", stage.fd[RING]);
	make_link(stage.writer, "ring" NRB_WRITER_SUFFIX, stage.fd[WRITER]);
	make_link(stage.alone, "alone", stage.fd[RING]);
	stage.size_max = (DATA_PAGES_MAX + 2) * nrb_page_size();
	stage.before = malloc(FILES * stage.size_max);
	stage.after = malloc(FILES * stage.size_max);
	fuzz_require(stage.before && stage.after);
}

/* What lies beyond the largest file that we make is nobody's. */
static void store(enum which file, uint64_t at, const void *from, size_t size)
{
	if (at < stage.size_max && size <= stage.size_max - at)
		fuzz_require(pwrite(stage.fd[file], from, size, (off_t)at) == (ssize_t)size);
}

static void store_word(enum which file, uint64_t at, uint64_t word)
{
	store(file, at, &word, sizeof(word));
}

static uint64_t load_word(enum which file, uint64_t at)
{
	uint64_t word = 0;

	fuzz_require(pread(stage.fd[file], &word, sizeof(word), (off_t)at) >= 0);
	return word;
}

#define CONTROL(field) offsetof(struct nrb_control, field)
#define OWN(field) offsetof(struct nrb_writer, field)

/* An empty ring, as nrb_create() makes it. */
static void lay_out(void)
{
	static const uint64_t starts[] = { 0, UINT64_MAX - 63, 1ull << 32, 4096 };
	static const uint64_t pages[] = { 1, 2, 4, DATA_PAGES_MAX };
	static const uint64_t fields[] = { NRB_SAMPLE_TID, NRB_SAMPLE_TIME,      NRB_SAMPLE_ID,
					   NRB_SAMPLE_CPU, NRB_SAMPLE_STREAM_ID, NRB_SAMPLE_IDENTIFIER };
	uint64_t kind = input_take(&run.in, 1), trailer = input_take(&run.in, 1), id = 0;
	uint64_t start = starts[kind >> 2 & 3], page = nrb_page_size();
	struct nrb_control control = { .magic = NRB_CONTROL_MAGIC, .start = start, .data_offset = page };
	struct nrb_writer writer = { .magic = NRB_WRITER_MAGIC, .start = start, .head = start };

	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		id |= trailer >> i & 1 ? fields[i] : 0;
	run.flags = kind & 3;
	run.data_size = pages[kind >> 4 & 3] * page;
	control.flags = run.flags | (kind & 0x40 ? NRB_WAKE_RECORDS : 0);
	control.clock = 1;
	control.id = 0x1d;
	control.sample_id = id;
	/* Perf's own samples, with fields that no trailer has as well. */
	control.sample_type = trailer & 0x40 ? id | (input_take(&run.in, 3) & ~0x102c6ull) : 0;
	control.data_head = control.data_tail = start;
	control.data_size = writer.data_size = run.data_size;
	for (unsigned i = 0; i < NRB_BOUNDARIES; i++)
		writer.boundary[i] = start;
	for (unsigned i = 0; i < FILES; i++)
		fuzz_require(!ftruncate(stage.fd[i], 0));
	fuzz_require(!ftruncate(stage.fd[RING], (off_t)(page + run.data_size)));
	fuzz_require(!ftruncate(stage.fd[WRITER], (off_t)page));
	store(RING, 0, &control, sizeof(control));
	store(WRITER, 0, &writer, sizeof(writer));
}

/* ---- the stranger ---- */

/* A number that is likely to mean something: near to one of the positions, or any. */
static uint64_t take_value(void)
{
	uint64_t kind = input_take(&run.in, 1);
	int64_t off = 8 * (int8_t)input_take(&run.in, 1);
	uint64_t head = load_word(RING, CONTROL(data_head));

	switch (kind % 8) {
	case 0: return input_take(&run.in, 8);
	case 1: return head + (uint64_t)off;
	case 2: return load_word(RING, CONTROL(data_tail)) + (uint64_t)off;
	case 3: return load_word(WRITER, OWN(head)) + (uint64_t)off;
	case 4: return head + run.data_size + (uint64_t)off;
	case 5: return head - run.data_size + (uint64_t)off;
	case 6: return (uint64_t)off / 8;
	default: return head + (uint64_t)off * run.data_size;
	}
}

static uint64_t in_data(uint64_t position)
{
	return nrb_page_size() + (position & (run.data_size - 1) & ~7ull);
}

/* A record's header, of any kind and size, and what the input has of its payload. Return: its size. */
static uint64_t put_record(uint64_t position, bool honest)
{
	static const uint32_t types[] = { NRB_RECORD_SAMPLE, NRB_RECORD_LOST, NRB_RECORD_PADDING, 77, 1, 63, 0 };
	const uint64_t fields = load_word(RING, CONTROL(sample_id));
	const uint64_t trailer = 8 * (uint64_t)__builtin_popcountll(fields), kind = input_take(&run.in, 1);
	uint64_t size = input_take(&run.in, 1) * 8, words = kind >> 4 & 3;
	struct nrb_header header = { .type = types[kind % 7] };

	if (kind & 0x80)
		size *= 64;
	if (honest)
		size += sizeof(header) + trailer;
	if (honest && header.type == NRB_RECORD_LOST)
		size = sizeof(header) + sizeof(struct nrb_lost) + trailer;
	/* The size wraps beyond what a header can say: then it is not so honest. */
	header.size = (uint16_t)size;
	store(RING, in_data(position), &header, sizeof(header));
	for (uint64_t i = 0; i < words; i++)
		store_word(RING, in_data(position + 8 + 8 * i), input_take(&run.in, kind & 0x40 ? 8 : 1));
	return header.size;
}

/* What a writer does: a record, and both heads behind it, or before it; what a backward record is, above its place. */
static void write_honestly(void)
{
	uint64_t before = load_word(RING, CONTROL(data_head)), part = run.data_size / NRB_PARTS, head = before, size;
	struct input again = run.in;

	size = put_record(before, true);
	head += size;
	if (run.flags & NRB_BACKWARD) {
		head = before - size;
		run.in = again;
		put_record(head, true);
	}
	if (before / part != head / part)
		store_word(WRITER, OWN(boundary) + 8 * (head / part % NRB_BOUNDARIES), head);
	store_word(WRITER, OWN(head), head);
	store_word(RING, CONTROL(data_head), head);
}

/* The same word over and over, so that a short input can fill a ring. */
static void fill(void)
{
	uint64_t word = input_take(&run.in, 8), from = in_data(take_value()), count = input_take(&run.in, 2);
	uint64_t words[256];

	for (unsigned i = 0; i < 256; i++)
		words[i] = word;
	for (uint64_t at = from; count; at += sizeof(words), count -= count < 256 ? count : 256)
		store(RING, at, words, 8 * (count < 256 ? count : 256));
}

/* Anything, anywhere. */
static void scatter(enum which file)
{
	uint64_t at = input_take(&run.in, 2), count = input_take(&run.in, 1);
	size_t size = count < run.in.left ? count : run.in.left;

	store(file, at, run.in.at, size);
	run.in.at += size;
	run.in.left -= size;
}

static void resize(enum which file)
{
	uint64_t kind = input_take(&run.in, 1), size = (kind >> 2) * nrb_page_size();

	if (kind & 2)
		size += input_take(&run.in, 2);
	fuzz_require(!ftruncate(stage.fd[file], (off_t)(size < stage.size_max ? size : stage.size_max)));
}

static void strange(void)
{
	static const uint64_t control[] = { CONTROL(flags), CONTROL(wakeup), CONTROL(sample_id), CONTROL(sample_type),
					    CONTROL(token), CONTROL(paused), CONTROL(magic),     CONTROL(start),
					    CONTROL(id),    CONTROL(version) };
	static const uint64_t own[] = { OWN(head), OWN(lost), OWN(nest), OWN(magic), OWN(data_size), OWN(start) };
	uint64_t what = input_take(&run.in, 1), where;

	switch (what % 16) {
	case 0: store_word(RING, CONTROL(data_head), take_value()); break;
	case 1: store_word(RING, CONTROL(data_tail), take_value()); break;
	case 2: store_word(RING, control[(what >> 4) % 10], take_value()); break;
	case 3: store_word(WRITER, own[(what >> 4) % 6], take_value()); break;
	case 4:
		where = input_take(&run.in, 1) % NRB_BOUNDARIES;
		store_word(WRITER, OWN(boundary) + 8 * where, take_value());
		break;
	case 5: put_record(take_value(), false); break;
	case 6: scatter(RING); break;
	case 7: scatter(WRITER); break;
	case 8: resize(what & 0x80 ? WRITER : RING); break;
	case 9: fill(); break;
	case 10: store_word(RING, what & 0x80 ? CONTROL(data_size) : CONTROL(data_offset), take_value()); break;
	default: write_honestly();
	}
}

/* Between two pieces of what is put out. */
static void take_turn(void)
{
	if (run.live && run.in.left)
		strange();
}

/* ---- a dump ---- */

static size_t take_files(unsigned char *into)
{
	size_t size = 0;

	for (unsigned i = 0; i < FILES; i++) {
		ssize_t got = pread(stage.fd[i], into + size, stage.size_max, 0);

		fuzz_require(got >= 0);
		size += (size_t)got;
	}
	return size;
}

static void check_files(size_t size)
{
	fuzz_require(take_files(stage.after) == size);
	if (run.options.follow && size >= sizeof(struct nrb_control))
		memcpy(stage.after + CONTROL(data_tail), stage.before + CONTROL(data_tail), sizeof(uint64_t));
	fuzz_require(!memcmp(stage.before, stage.after, size));
}

static void choose_output(uint64_t how)
{
	switch (how % 4) {
	case 0: run.told.room = input_take(&run.in, 2); break; /* the disk is full after so much */
	case 1: run.options.output = "/dev/null"; break;
	default: run.into_itself = true;
	}
}

static void choose(void)
{
	static const enum dump_format formats[] = { DUMP_TEXT, DUMP_JSON, DUMP_PERF, DUMP_TEXT };
	uint64_t how = input_take(&run.in, 1);

	run.into_itself = false;
	told_begin(&run.told, how & 0x20, take_turn);
	memset(&run.options, 0, sizeof(run.options));
	run.options.format = formats[how & 3];
	run.options.full = (how & 3) == 3;
	run.options.follow = how & 4;
	run.options.duration_ns = FOLLOW_NS;
	run.options.quiet = how & 8;
	run.options.stop = &run.told.stop;
	run.live = how & 0x40;
	if (how & 0x80) {
		run.options.count = input_take(&run.in, 1);
		choose_output(run.options.count >> 6);
	}
}

/* Return: what dump_file() does. */
static int dump(const char *path)
{
	static char pieces[PIECE];
	FILE *out = told_out(&run.told), *messages = told_messages(&run.told);
	int status;

	fuzz_require(out && messages && !setvbuf(out, pieces, _IOFBF, sizeof(pieces)));
	status = dump_file(path, &run.options, out, messages);
	fclose(out);
	fclose(messages);
	return status;
}

static int lowest_descriptor(void)
{
	int fd = dup(stage.fd[RING]);

	fuzz_require(fd >= 0 && !close(fd));
	return fd;
}

static void check_status(int status)
{
	fuzz_require(status == DUMP_FINE || status == DUMP_DAMAGED || status == DUMP_UNUSABLE);
	fuzz_require(status == DUMP_FINE || run.told.messages_size);
	fuzz_require(!run.told.failed || status == DUMP_UNUSABLE);
	fuzz_require(!run.into_itself || status != DUMP_FINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path;
	uint64_t before;
	size_t held;
	int status, free_fd;

	run.in = (struct input) { data, size };
	if (!stage.before)
		make_stage();
	choose();
	lay_out();
	before = input_take(&run.in, 1);
	path = before & 0x80 ? stage.alone : stage.ring;
	if (run.into_itself)
		run.options.output = before & 0xc0 ? path : stage.writer;
	for (before &= 0x3f; run.in.left && (before || !run.live); before--)
		strange();
	held = run.live ? 0 : take_files(stage.before);
	free_fd = lowest_descriptor();
	status = dump(path);
	fuzz_require(lowest_descriptor() == free_fd);
	check_status(status);
	if (!run.live)
		check_files(held);
	told_check(&run.told, &run.options, path);
	return 0;
}
