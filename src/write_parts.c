/* SPDX-License-Identifier: MIT */
/*
 * write_parts.c - what is made of reserve and commit: a payload from several places, a reservation given up
 */
#define NRB_STEPS_SECTION nrb_write_parts
#include <sys/uio.h>

#include "steps.h"

/* The sum of the parts' sizes into @size. Return: whether there is one. */
NRB_STEP bool sum_parts(const struct iovec *part, int parts, size_t *size)
{
	*size = 0;
	for (int i = 0; i < parts; i++)
		if (__builtin_add_overflow(*size, part[i].iov_len, size))
			return false;
	return parts >= 0;
}

/* In whole words, wherever one part ends and the next begins: of an overwrite ring somebody may be copying them. */
NRB_STEP void gather_words(uint64_t *to, const struct iovec *part, int parts)
{
	uint64_t word = 0;
	size_t filled = 0;

	for (int i = 0; i < parts; i++) {
		const unsigned char *from = part[i].iov_base;

		for (size_t left = part[i].iov_len, piece; left; left -= piece, from += piece) {
			piece = left < 8 - filled ? left : 8 - filled;
			memcpy((unsigned char *)&word + filled, from, piece);
			filled += piece;
			if (filled < 8)
				continue;
			nrb_store_relaxed(to++, word);
			word = 0;
			filled = 0;
		}
	}
	if (filled)
		nrb_store_relaxed(to, word);
}

NRB_STEP void gather(unsigned char *to, const struct iovec *part, int parts)
{
	for (int i = 0; i < parts; i++) {
		if (part[i].iov_len)
			memcpy(to, part[i].iov_base, part[i].iov_len);
		to += part[i].iov_len;
	}
}

NRB_WRITE_PATH int nrb_writev(struct nrb_ring *ring, uint32_t type, const struct iovec *part, int parts)
{
	struct nrb_reservation r;
	size_t size;
	int rc;

	if (!sum_parts(part, parts, &size))
		return -EMSGSIZE;
	rc = nrb_reserve(ring, &r, type, size);
	if (rc)
		return rc;
	if (ring->flags & NRB_OVERWRITE)
		gather_words(r.payload, part, parts);
	else
		gather(r.payload, part, parts);
	nrb_commit(ring, &r);
	return 0;
}

NRB_WRITE_PATH void nrb_discard(struct nrb_ring *ring, struct nrb_reservation *reservation)
{
	struct nrb_header header = { .type = NRB_RECORD_PADDING, .size = (uint16_t)reservation->record };

	/* Else a child that was forked in the middle of it. */
	if (ring->payload_limit)
		nrb_store_words((unsigned char *)reservation->payload - sizeof(header), &header, sizeof(header));
	nrb_commit(ring, reservation);
}
