/* SPDX-License-Identifier: MIT */
#include "trailer.h"

#include <errno.h>
#include <string.h>

#define FIELDS                                                                                                         \
	(NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_ID | NRB_SAMPLE_STREAM_ID | NRB_SAMPLE_CPU |                    \
	 NRB_SAMPLE_IDENTIFIER)

uint32_t nrb_trailer_size(uint64_t sample_id)
{
	return 8 * (uint32_t)__builtin_popcountll(sample_id);
}

int nrb_trailer_check(uint64_t sample_id, uint64_t sample_type)
{
	if (sample_id & ~FIELDS || (sample_id && sample_type && (sample_type & FIELDS) != sample_id))
		return -EPROTOTYPE;
	return 0;
}

void nrb_trailer_parse(const void *trailer, uint64_t sample_id, struct nrb_sample_id *id)
{
	const unsigned char *at = trailer;
	unsigned char *to = (unsigned char *)id;
	/* In the order in which they stand; pid and tid, and cpu and a zero, are two halves of a word. */
	static const struct {
		uint64_t field;
		size_t offset;
	} fields[] = {
		{ NRB_SAMPLE_TID, offsetof(struct nrb_sample_id, pid) },
		{ NRB_SAMPLE_TIME, offsetof(struct nrb_sample_id, time) },
		{ NRB_SAMPLE_ID, offsetof(struct nrb_sample_id, id) },
		{ NRB_SAMPLE_STREAM_ID, offsetof(struct nrb_sample_id, stream_id) },
		{ NRB_SAMPLE_CPU, offsetof(struct nrb_sample_id, cpu) },
		{ NRB_SAMPLE_IDENTIFIER, offsetof(struct nrb_sample_id, identifier) },
	};

	memset(id, 0, sizeof(*id));
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!(sample_id & fields[i].field))
			continue;
		memcpy(to + fields[i].offset, at, 8);
		at += 8;
	}
}
