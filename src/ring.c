/* SPDX-License-Identifier: MIT */
/*
 * ring.c - making and unmaking a ring: the thread side, nothing of it runs in a handler
 */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "order.h"
#include "section.h"
#include "trailer.h"
#include "wakeup.h"

#define FLAGS_WAKE (NRB_WAKE_WATERMARK | NRB_WAKE_RECORDS)
/* The attributes as they were when there were no others. */
#define ATTR_SIZE_MIN offsetof(struct nrb_attr, flags)

/* Take over what the caller's library knew of; what it did not know of is as by default. */
static int take_attr(struct nrb_attr *attr, const struct nrb_attr *given)
{
	const struct nrb_attr initial = NRB_ATTR_INIT;
	const unsigned char *bytes = (const unsigned char *)given;

	if (!given || given->struct_size < ATTR_SIZE_MIN || given->struct_size > nrb_page_size())
		return -EINVAL;
	for (uint32_t i = sizeof(*attr); i < given->struct_size; i++)
		if (bytes[i])
			return -E2BIG;
	*attr = initial;
	memcpy(attr, given, given->struct_size < sizeof(*attr) ? given->struct_size : sizeof(*attr));
	return 0;
}

static int check_size(const struct nrb_attr *attr)
{
	uint64_t page = nrb_page_size();

	if (attr->start % 8)
		return -EINVAL;
	if (attr->data_size < page)
		return -ERANGE;
	if (attr->data_size & (attr->data_size - 1))
		return -EDOM;
	/* The control page, and the data twice, in one piece. */
	if (attr->data_size > (SIZE_MAX - page) / 2 || attr->data_size > (uint64_t)INT64_MAX - page)
		return -EOVERFLOW;
	return 0;
}

/* Check what the ring is to do, and fill in what was left to us. */
static int check_mode(struct nrb_attr *attr)
{
	struct timespec resolution;

	if (attr->flags & ~(NRB_FLAGS_KNOWN | NRB_FLAGS_WRITER) || (attr->flags & FLAGS_WAKE) == FLAGS_WAKE)
		return -EOPNOTSUPP;
	if (attr->flags & NRB_WAKE_WATERMARK) {
		attr->wakeup = attr->wakeup ? attr->wakeup : attr->data_size / 2;
		if (attr->wakeup >= attr->data_size)
			return -EMSGSIZE;
	} else if (attr->flags & NRB_WAKE_RECORDS) {
		attr->wakeup = attr->wakeup ? attr->wakeup : 1;
	}
	if (nrb_trailer_check(attr->sample_id, attr->sample_type))
		return -EPROTOTYPE;
	if (attr->sample_id & NRB_SAMPLE_TIME && clock_getres(attr->clock, &resolution) < 0)
		return -ENODEV;
	return 0;
}

static uint64_t payload_max(uint64_t data_size, uint32_t trailer)
{
	/* The byte that stays free costs a whole unit of 8; a LOST record must always find room beside the record. */
	uint64_t max = data_size - 8 - (sizeof(struct nrb_header) + sizeof(struct nrb_lost) + trailer);

	if (max > NRB_RECORD_MAX)
		max = NRB_RECORD_MAX;
	return max - sizeof(struct nrb_header) - trailer;
}

/* Nothing secret: only that no two rings have the same. */
static uint64_t make_token(void)
{
	struct timespec now;
	uint64_t token;

	if (getrandom(&token, sizeof(token), GRND_NONBLOCK) == sizeof(token))
		return token;
	/* Early in a machine's life. */
	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)getpid() << 40) ^ ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static void lay_out(struct nrb_ring *ring, const struct nrb_attr *attr, uint64_t page)
{
	struct nrb_control *control = ring->control;
	struct nrb_writer *writer = ring->writer;

	writer->data_size = attr->data_size;
	writer->start = attr->start;
	writer->head = attr->start;
	writer->tail_cache = attr->start;
	if (attr->flags & NRB_WAKE_WATERMARK)
		writer->wakeup = attr->flags & NRB_BACKWARD ? 0 - attr->start : attr->start;
	/* All of them the first record's beginning, which is as good as any until a lap is full. */
	for (unsigned i = 0; i < NRB_BOUNDARIES; i++)
		writer->boundary[i] = attr->start;
	writer->token = make_token();
	writer->magic = NRB_WRITER_MAGIC;

	control->flags = attr->flags & NRB_FLAGS_KNOWN;
	control->clock = attr->clock;
	control->wakeup = attr->wakeup;
	control->sample_id = attr->sample_id;
	control->sample_type = attr->sample_type;
	control->token = writer->token;
	control->start = attr->start;
	control->id = attr->id;
	control->data_head = attr->start;
	control->data_tail = attr->start;
	control->data_offset = page;
	control->data_size = attr->data_size;
	/* Last, so that a process which opens the file early finds either no ring or a whole one.
	 * Pairs with the acquire load in map_ring(). */
	nrb_store_release(&control->magic, NRB_CONTROL_MAGIC);
}

static int open_files(struct nrb_home *home, const struct nrb_attr *attr, const char *writer_path, uint64_t page)
{
	int rc;

	rc = nrb_mapping_reserve(&home->pages, page + 2 * attr->data_size);
	if (rc)
		return rc;
	rc = nrb_mapping_create(&home->private_page, writer_path, 0600, page);
	if (rc)
		return rc;
	/* Whatever the umask. */
	fchmod(home->private_page.fd, 0600);
	rc = nrb_mapping_create(&home->pages, attr->path, attr->mode, page + attr->data_size);
	if (!rc) {
		rc = nrb_mapping_map_mirrored(&home->pages, home->pages.fd, page, attr->data_size, true, true);
		if (!rc)
			rc = nrb_mapping_map(&home->private_page, home->private_page.fd, page);
		if (!rc && !writer_path)
			rc = nrb_mapping_seal(&home->private_page, true);
		if (!rc && !attr->path)
			rc = nrb_mapping_seal(&home->pages, false);
		if (rc && attr->path)
			unlink(attr->path);
	}
	if (rc && writer_path)
		unlink(writer_path);
	return rc;
}

/* "PATH.writer" into @buffer. Return: 0 or -ENAMETOOLONG. */
static int name_writer_file(char buffer[PATH_MAX], const char *path)
{
	int length = snprintf(buffer, PATH_MAX, "%s" NRB_WRITER_SUFFIX, path);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

struct nrb_home *nrb_home(const struct nrb_ring *ring)
{
	return (struct nrb_home *)((uintptr_t)ring - nrb_page_size());
}

/* Two pages: the home, and the ring behind it. */
static struct nrb_ring *allocate_ring(void)
{
	size_t page = nrb_page_size();
	unsigned char *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct nrb_home *home = (struct nrb_home *)(void *)at;

	if (at == MAP_FAILED)
		return NULL;
	home->pages.fd = -1;
	home->private_page.fd = -1;
	home->wakeup_fd = -1;
	/* Before Linux 4.14 a child has to look after itself. */
	madvise(at + page, page, MADV_WIPEONFORK);
	return (struct nrb_ring *)(void *)(at + page);
}

/* Whether small records may be written in restartable sequences, in threads that have them registered. */
static void offer_sections(struct nrb_ring *ring, const struct nrb_attr *attr)
{
#ifdef NRB_HAVE_SECTIONS
	ring->wide_copy = __builtin_cpu_supports("avx2") != 0;
	/* 0: the kernel or the user has not let the C library register it; somebody else may have. */
	if (ring->in_mode || attr->flags & NRB_NO_RSEQ || !__rseq_size)
		return;
	ring->section_limit = ring->payload_limit < NRB_SECTION_LIMIT ? ring->payload_limit : NRB_SECTION_LIMIT;
	ring->rseq = __rseq_offset;
#else
	(void)ring;
	(void)attr;
#endif
}

static void fill_in(struct nrb_ring *ring, const struct nrb_attr *attr, uint64_t page)
{
	struct nrb_home *home = nrb_home(ring);

	ring->control = (struct nrb_control *)(void *)home->pages.address;
	ring->data = home->pages.address + page;
	ring->writer = (struct nrb_writer *)(void *)home->private_page.address;
	ring->data_size = attr->data_size;
	ring->trailer = nrb_trailer_size(attr->sample_id);
	ring->payload_limit = payload_max(attr->data_size, ring->trailer) + 1;
	ring->id = attr->id;
	ring->flags = attr->flags & NRB_FLAGS_KNOWN;
	ring->wakeup = attr->wakeup;
	ring->sample_id = attr->sample_id;
	ring->samples_trailed = !attr->sample_type;
	ring->boundary_shift = (uint32_t)__builtin_ctzll(attr->data_size / NRB_PARTS);
	ring->clock = attr->clock;
	ring->wakeup_fd = home->wakeup_fd;
	ring->in_mode = ring->flags || attr->sample_id;
	ring->mask = attr->data_size - 1;
	offer_sections(ring, attr);
	lay_out(ring, attr, page);
}

struct nrb_ring *nrb_create(const struct nrb_attr *given)
{
	uint64_t page = nrb_page_size();
	char writer_path[PATH_MAX];
	struct nrb_ring *ring = NULL;
	struct nrb_attr attr;
	int rc;

	rc = take_attr(&attr, given);
	if (!rc)
		rc = check_size(&attr);
	if (!rc)
		rc = check_mode(&attr);
	if (!rc && attr.path)
		rc = name_writer_file(writer_path, attr.path);
	if (rc)
		goto fail;
	ring = allocate_ring();
	if (!ring) {
		rc = -ENOMEM;
		goto fail;
	}
	if (attr.flags & FLAGS_WAKE) {
		rc = nrb_wakeup_open();
		if (rc < 0)
			goto fail;
		nrb_home(ring)->wakeup_fd = rc;
	}
	rc = open_files(nrb_home(ring), &attr, attr.path ? writer_path : NULL, page);
	if (rc)
		goto fail;
	fill_in(ring, &attr, page);
	return ring;
fail:
	nrb_destroy(ring);
	errno = -rc;
	return NULL;
}

void nrb_destroy(struct nrb_ring *ring)
{
	struct nrb_home *home;

	if (!ring)
		return;
	home = nrb_home(ring);
#ifdef NRB_HAVE_SECTIONS
	/* It may be the last thing done before a plug-in with this code is unloaded. */
	nrb_forget_section();
#endif
	nrb_mapping_release(&home->pages);
	nrb_mapping_release(&home->private_page);
	if (home->wakeup_fd >= 0)
		close(home->wakeup_fd);
	munmap(home, 2 * nrb_page_size());
}

int nrb_fd(const struct nrb_ring *ring)
{
	return nrb_home(ring)->pages.fd;
}

int nrb_writer_fd(const struct nrb_ring *ring)
{
	return nrb_home(ring)->private_page.fd;
}

int nrb_wakeup_fd(const struct nrb_ring *ring)
{
	int fd = nrb_home(ring)->wakeup_fd;

	return fd < 0 ? -EOPNOTSUPP : fd;
}

/* The page that the ring itself points to, but a forked child has as well. */
static struct nrb_writer *writer_of(const struct nrb_ring *ring)
{
	return (struct nrb_writer *)(void *)nrb_home(ring)->private_page.address;
}

static void set_paused(struct nrb_ring *ring, uint32_t paused)
{
	nrb_store_relaxed(&((struct nrb_control *)(void *)nrb_home(ring)->pages.address)->paused, paused);
}

void nrb_pause(struct nrb_ring *ring)
{
	set_paused(ring, 1);
}

void nrb_resume(struct nrb_ring *ring)
{
	set_paused(ring, 0);
}

size_t nrb_payload_max(const struct nrb_ring *ring)
{
	return ring->payload_limit ? ring->payload_limit - 1 : 0;
}

uint64_t nrb_reserved_head(const struct nrb_ring *ring)
{
	return nrb_local_load(&writer_of(ring)->head);
}

uint64_t nrb_lost(const struct nrb_ring *ring)
{
	return nrb_local_load(&writer_of(ring)->lost);
}

uint64_t nrb_wakeups(const struct nrb_ring *ring)
{
	return nrb_local_load(&writer_of(ring)->wakeups);
}
