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
	/* In the order in which they stand; pid and tid, and cpu and a zero, are two halves of a word. */
	const struct {
		uint64_t field;
		void *to;
	} fields[] = {
		{ NRB_SAMPLE_TID, &id->pid }, { NRB_SAMPLE_TIME, &id->time },
		{ NRB_SAMPLE_ID, &id->id },   { NRB_SAMPLE_STREAM_ID, &id->stream_id },
		{ NRB_SAMPLE_CPU, &id->cpu }, { NRB_SAMPLE_IDENTIFIER, &id->identifier },
	};

	memset(id, 0, sizeof(*id));
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!(sample_id & fields[i].field))
			continue;
		memcpy(fields[i].to, at, 8);
		at += 8;
	}
}
