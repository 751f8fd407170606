/* SPDX-License-Identifier: MIT */
/*
 * scribble.c - the neighbours: they store anything anywhere, and now and then what hurts most
 */
#define _GNU_SOURCE
#include "scribble.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "order.h"
#include "random.h"

/* Stores between two system calls, which are slow. */
#define ROUNDS_A_HOLE 65536u
/* And between two moods of a writer. */
#define ROUNDS_A_MOOD 8192u

struct mapped {
	uint64_t *words;
	struct nrb_control *control;
	unsigned char *data;
	uint64_t size, page;
};

static struct mapped map_file(int fd)
{
	struct mapped mapped = { .page = nrb_page_size() };
	struct stat st;
	void *at;

	insist(!fstat(fd, &st));
	mapped.size = (uint64_t)st.st_size;
	at = mmap(NULL, mapped.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	insist(at != MAP_FAILED);
	mapped.words = at;
	mapped.control = at;
	mapped.data = (unsigned char *)at + mapped.page;
	return mapped;
}

/* What the seals are there to prevent. */
static void try_to_break_out(const struct shared *shared)
{
	uint64_t page = nrb_page_size();
	int seals = fcntl(shared->writer_fd, F_GET_SEALS);
	void *readable = mmap(NULL, page, PROT_READ, MAP_SHARED, shared->writer_fd, 0);

	insist(readable != MAP_FAILED);
	insist(ftruncate(shared->fd, 0) < 0 && errno == EPERM);
	insist(ftruncate(shared->fd, (off_t)(1024 * page)) < 0 && errno == EPERM);
	insist(ftruncate(shared->writer_fd, 0) < 0 && errno == EPERM);
	insist(fcntl(shared->fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
	insist(fcntl(shared->writer_fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
	/* Linux before 5.1 has no such seal, see nrb_writer_fd(). */
	if (!(seals & F_SEAL_FUTURE_WRITE))
		return;
	insist(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, shared->writer_fd, 0) == MAP_FAILED);
	insist(errno == EPERM);
	insist(mprotect(readable, page, PROT_READ | PROT_WRITE) < 0 && errno == EACCES);
	insist(pwrite(shared->writer_fd, "x", 1, 64) < 0 && errno == EPERM);
	insist(fallocate(shared->writer_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page) < 0);
	munmap(readable, page);
}

static void store_anywhere(const struct mapped *mapped, struct random *random)
{
	uint64_t word = random_below(random, (uint32_t)(mapped->size / 8));

	nrb_store_relaxed(&mapped->words[word], random_next(random));
}

void scribble_as_reader(struct shared *shared)
{
	struct random random = random_stream(shared->seed, 1);
	struct mapped mapped = map_file(shared->fd);

	try_to_break_out(shared);
	for (uint64_t round = 1;; round++) {
		uint64_t draw = random_next(&random), head = nrb_load_relaxed(&mapped.control->data_head);

		switch (draw & 7) {
		case 0: nrb_store_relaxed(&mapped.control->data_tail, random_next(&random)); break;
		case 1: /* near to where it matters */
			nrb_store_relaxed(&mapped.control->data_tail, head + (uint64_t)(int16_t)(draw >> 16));
			break;
		case 5: /* nearly the truth, so that writes go on */
			nrb_store_relaxed(&mapped.control->data_tail, head + 64 - (draw >> 16 & 8191));
			break;
		case 2: nrb_store_relaxed(&mapped.control->paused, (uint32_t)(draw >> 8 & 3) == 0); break;
		case 3: /* any word of the control page */
			nrb_store_relaxed(&mapped.words[(draw >> 8) % (mapped.page / 8)], random_next(&random));
			nrb_store_relaxed(&mapped.control->paused, 0);
			break;
		case 4:
			memset(mapped.data + (draw >> 8) % (mapped.size - mapped.page - 64), (int)(draw >> 40), 64);
			break;
		default: store_anywhere(&mapped, &random);
		}
		nrb_store_release(&shared->scribbles, round);
		/* Take the memory itself away, which no seal forbids who may write. */
		if (round % ROUNDS_A_HOLE == 0)
			fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)mapped.size);
	}
}

/* A header that can be one, at a place where one can be; so that lies come further than the first look. */
static void store_header(const struct mapped *mapped, uint64_t draw)
{
	static const uint32_t types[] = { NRB_RECORD_SAMPLE, NRB_RECORD_LOST, NRB_RECORD_PADDING, 77 };
	struct nrb_header header = { .type = types[draw & 3], .size = (uint16_t)(8 + 8 * (draw >> 8 & 31)) };
	uint64_t raw, words = (mapped->size - mapped->page) / 8;

	if (header.type == NRB_RECORD_LOST)
		header.size = 24;
	memcpy(&raw, &header, sizeof(raw));
	nrb_store_relaxed(&mapped->words[mapped->page / 8 + (draw >> 16) % words], raw);
}

static void restore_page(const struct mapped *mapped, const uint64_t *honest)
{
	for (uint64_t i = 0; i < mapped->page / 8; i++)
		nrb_store_relaxed(&mapped->words[i], honest[i]);
}

/* What a writer would do that nobody has told of the rest; so that the reader has something to be led astray from. */
static void write_honestly(const struct mapped *mapped, struct nrb_writer *writer, uint64_t draw)
{
	const uint32_t flags = nrb_load_relaxed(&mapped->control->flags);
	const uint64_t head = nrb_load_relaxed(&mapped->control->data_head), step = 64 + 8 * (draw & 31);
	const uint64_t next = flags & NRB_BACKWARD ? head - step : head + step, data_size = mapped->size - mapped->page;
	const uint64_t tail = nrb_load_acquire(&mapped->control->data_tail), part = data_size / NRB_PARTS;
	const struct nrb_header header = { .type = NRB_RECORD_SAMPLE, .size = (uint16_t)step };
	uint64_t raw, at = (flags & NRB_BACKWARD ? next : head) % data_size / 8;

	if (!(flags & NRB_OVERWRITE) && (flags & NRB_BACKWARD ? tail - next : next - tail) >= data_size)
		return;
	nrb_store_relaxed(&writer->head, next);
	if (head / part != next / part)
		nrb_store_relaxed(&writer->boundary[next / part % NRB_BOUNDARIES], next);
	memcpy(&raw, &header, sizeof(raw));
	nrb_store_relaxed(&mapped->words[mapped->page / 8 + at], raw);
	nrb_store_release(&mapped->control->data_head, next);
}

static void lie(const struct mapped *mapped, const struct mapped *own, struct random *random)
{
	struct nrb_writer *writer = (struct nrb_writer *)(void *)own->words;
	uint64_t draw = random_next(random), step = 8 * (draw >> 32 & 63);
	uint64_t head = nrb_load_relaxed(&mapped->control->data_head);

	switch (draw & 7) {
	case 0: store_anywhere(mapped, random); break;
	case 1: store_anywhere(own, random); break;
	case 2: /* as a writer that has gone on, or back */
		nrb_store_relaxed(&writer->head, head + step);
		nrb_store_release(&mapped->control->data_head, head + step);
		break;
	case 3:
		nrb_store_relaxed(&writer->head, head - step);
		nrb_store_release(&mapped->control->data_head, head - step);
		break;
	case 4: nrb_store_relaxed(&writer->boundary[(draw >> 8) % NRB_BOUNDARIES], head - (draw >> 16 & 0xfff8)); break;
	case 5: nrb_store_relaxed(&writer->head, head + (uint64_t)(int32_t)(draw >> 16) * 8); break;
	case 6: nrb_store_release(&mapped->control->data_head, random_next(random)); break;
	default: store_header(mapped, draw >> 4);
	}
}

void scribble_as_writer(struct shared *shared)
{
	struct random random = random_stream(shared->seed, 1);
	struct mapped mapped = map_file(shared->fd), own = map_file(shared->writer_fd);
	uint64_t *honest = malloc(mapped.page), *honest_own = malloc(own.page), lies = 0;

	insist(honest && honest_own);
	memcpy(honest, mapped.words, mapped.page);
	memcpy(honest_own, own.words, own.page);
	for (uint64_t round = 1;; round++) {
		/* Now and then as new, or nobody could open it any more; then with few lies, or with nothing else. */
		if (round % ROUNDS_A_MOOD == 1) {
			restore_page(&mapped, honest);
			restore_page(&own, honest_own);
			lies = 1ull << (4 * random_below(&random, 6));
		}
		if (random_below(&random, 1u << 20) < lies)
			lie(&mapped, &own, &random);
		else
			write_honestly(&mapped, (struct nrb_writer *)(void *)own.words, random_next(&random));
		nrb_store_release(&shared->scribbles, round);
	}
}
