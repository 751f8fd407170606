/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "perf_data.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x32454c4946524550u /* PERFILE2 */
#define ATTR_SIZE 128u            /* of struct perf_event_attr: what any perf since 5.13 takes */
#define MAPS_MAX 65536u

/* Of this process: hashes of the mappings that were told, and when we looked last. */
static uint64_t map_told[MAPS_MAX];
static size_t maps_told;
static uint64_t looked_ns;

uint64_t perf_data_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* the clock that rings have, unless told otherwise */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void perf_data_flush(struct perf_data *data)
{
	size_t done = 0;

	while (done < data->buffered && !data->error) {
		ssize_t wrote = write(data->file, data->buffer + done, data->buffered - done);

		if (wrote >= 0)
			done += (size_t)wrote;
		else if (errno != EINTR)
			data->error = errno;
	}
	data->buffered = 0;
}

static void put(struct perf_data *data, const void *bytes, size_t size)
{
	if (size > sizeof(data->buffer) - data->buffered)
		perf_data_flush(data);
	memcpy(data->buffer + data->buffered, bytes, size);
	data->buffered += size;
}

void perf_data_put(struct perf_data *data, uint32_t type, const void *body, size_t size)
{
	/* The ring leaves misc 0: that the addresses are those of user space is for us to say. */
	struct nrb_header header = { type, PERF_RECORD_MISC_USER, (uint16_t)(sizeof(header) + size) };

	put(data, &header, sizeof(header));
	put(data, body, size);
	data->data_size += header.size;
}

/* Once at the beginning, and once at the end, when it is known how much there is. */
static void put_header(struct perf_data *data)
{
	struct {
		uint64_t magic, size, attr_size, attrs[2], data[2], event_types[2], features[4];
	} header = { .magic = MAGIC, .size = sizeof(header) };
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = ATTR_SIZE };
	unsigned char entry[ATTR_SIZE + 16] = { 0 }; /* behind the attribute where its ids are: it has none */

	attr.config = data->config;
	attr.sample_type = data->sample_type;
	attr.sample_period = data->period_ns;
	attr.sample_id_all = 1;
	attr.exclude_kernel = attr.exclude_hv = 1;
	attr.mmap = attr.mmap2 = attr.comm = 1;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	memcpy(entry, &attr, sizeof(attr) < ATTR_SIZE ? sizeof(attr) : ATTR_SIZE);
	header.attr_size = sizeof(entry);
	header.attrs[0] = sizeof(header);
	header.attrs[1] = sizeof(entry);
	header.data[0] = sizeof(header) + sizeof(entry);
	header.data[1] = data->data_size;
	put(data, &header, sizeof(header));
	put(data, entry, sizeof(entry));
}

int perf_data_open(struct perf_data *data, const char *path)
{
	data->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (data->file < 0)
		return -errno;
	put_header(data);
	perf_data_flush(data);
	return -data->error;
}

int perf_data_close(struct perf_data *data)
{
	perf_data_flush(data);
	/* A pipe cannot be gone back in; then perf would not know how long it is. */
	if (lseek(data->file, 0, SEEK_SET) < 0 && !data->error)
		data->error = errno;
	put_header(data);
	perf_data_flush(data);
	if (close(data->file) < 0 && !data->error)
		data->error = errno;
	return -data->error;
}

/* ---- which code lies where ---- */

static bool is_new(const char *line)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *line; line++)
		hash = (hash ^ (unsigned char)*line) * 1099511628211u;
	for (size_t i = 0; i < maps_told; i++)
		if (map_told[i] == hash)
			return false;
	if (maps_told == MAPS_MAX)
		return false;
	map_told[maps_told++] = hash;
	return true;
}

/* A line of /proc/self/maps as a record, if it is of code. */
static void put_map(struct perf_data *data, const char *line, uint64_t time)
{
	struct {
		uint32_t pid, tid;
		uint64_t address, length, offset;
		uint32_t major, minor;
		uint64_t inode, generation;
		uint32_t protection, flags;
		char name[512];
	} map = { .protection = 5 /* r-x */, .flags = 2 /* private */ };
	struct perf_trailer trailer = { .time = time };
	unsigned char body[sizeof(map) + sizeof(trailer)];
	uint64_t end;
	size_t size;
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*c%*cx%*c %" SCNx64 " %x:%x %" SCNu64 " %n", &map.address, &end,
		   &map.offset, &map.major, &map.minor, &map.inode, &at) < 6 ||
	    strlen(line + at) >= sizeof(map.name) || !is_new(line))
		return;
	map.pid = map.tid = trailer.pid = trailer.tid = (uint32_t)getpid();
	map.length = end - map.address;
	snprintf(map.name, sizeof(map.name), "%s", line[at] ? line + at : "//anon");
	size = offsetof(__typeof__(map), name) + (strlen(map.name) + 8) / 8 * 8;
	memcpy(body, &map, size);
	memcpy(body + size, &trailer, sizeof(trailer));
	perf_data_put(data, PERF_RECORD_MMAP2, body, size + sizeof(trailer));
}

/*
 * What is new since we looked last may have been there since then, so that is the time it is told for. What came and
 * went in between stays unknown.
 */
void perf_data_put_maps(struct perf_data *data)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t before = looked_ns;
	char *line = NULL;
	size_t room = 0;

	looked_ns = perf_data_now();
	while (maps && getline(&line, &room, maps) > 0) {
		line[strcspn(line, "\n")] = '\0';
		put_map(data, line, before ? before : looked_ns);
	}
	free(line);
	if (maps)
		fclose(maps);
}
