/* SPDX-License-Identifier: MIT */
#include "kinds.h"

#include <string.h>
#include <unistd.h>

#include "suite.h"

const struct kind kinds[KINDS] = {
	{ 0, 0 },
	{ NRB_OVERWRITE, 0 },
	{ NRB_BACKWARD, 0 },
	{ NRB_OVERWRITE | NRB_BACKWARD, 0 },
	{ NRB_WAKE_WATERMARK, NRB_SAMPLE_TIME | NRB_SAMPLE_CPU },
	{ NRB_WAKE_RECORDS | NRB_BACKWARD, NRB_SAMPLE_TID },
	{ NRB_WAKE_RECORDS | NRB_OVERWRITE, 0 },
};

struct nrb_ring *kind_ring(int kind, const char *path)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring;

	attr.data_size = (uint64_t)sysconf(_SC_PAGESIZE);
	attr.start = KIND_START;
	attr.flags = kinds[kind].flags;
	attr.sample_id = kinds[kind].sample_id;
	attr.path = path;
	ring = nrb_create(&attr);
	ck_assert_msg(ring, "nrb_create: %m");
	return ring;
}

void expect_record(struct nrb_reader *reader, uint32_t type, uint32_t size, const char *text)
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, type);
	ck_assert_uint_eq(record.size, size);
	ck_assert_int_eq(memcmp(record.payload, text, strlen(text)), 0);
}

void expect_lost(struct nrb_reader *reader, uint64_t lost)
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 1);
	ck_assert_uint_eq(record.type, NRB_RECORD_LOST);
	ck_assert_uint_eq(((const struct nrb_lost *)record.payload)->lost, lost);
}

void expect_end(struct nrb_reader *reader)
{
	struct nrb_record record;

	ck_assert_int_eq(nrb_reader_next(reader, &record), 0);
}
