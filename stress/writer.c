/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "payload.h"

__thread struct writer *this_writer __attribute__((tls_model("initial-exec")));

static void enter_write(struct writer *writer)
{
	/* A load and a store: whoever nests in between leaves it as it found it. */
	nrb_local_store(&writer->in_write, nrb_local_load(&writer->in_write) + 1);
	nrb_local_fence();
}

/* Few instructions: they may be running in slow motion. */
static void leave_write(struct writer *writer)
{
	nrb_local_fence();
	nrb_local_store(&writer->in_write, nrb_local_load(&writer->in_write) - 1);
	slow_motion_write_returned(&writer->slow, nrb_local_load(&writer->depth));
}

/* Each level has its own numbers, and no handler runs within itself, so plain arithmetic does. */
static bool account(struct writer *writer, unsigned level, int rc)
{
	writer->counts.attempts[level]++;
	if (rc)
		writer->counts.refused[level]++;
	return rc == 0;
}

bool writer_write_payload(struct writer *writer, unsigned level, const void *payload, uint32_t size)
{
	int rc;

	enter_write(writer);
	rc = writer->target->write(writer->ring, payload, size);
	leave_write(writer);
	return account(writer, level, rc);
}

bool writer_write(struct writer *writer, unsigned level, uint32_t size)
{
	payload_fill(writer->scratch[level], size, writer->stream, writer->lane + level,
		     writer->counts.attempts[level]);
	return writer_write_payload(writer, level, writer->scratch[level], size);
}

bool writer_write_in_place(struct writer *writer, unsigned level, uint32_t size,
			   void (*pause)(struct writer *, unsigned))
{
	uint64_t sequence = writer->counts.attempts[level];
	struct target_reservation reservation;
	int rc;

	enter_write(writer);
	rc = writer->target->reserve(writer->ring, &reservation, size);
	if (!rc) {
		/* In two parts, so that what a reader could see too early would not verify. */
		payload_fill(reservation.payload, PAYLOAD_MIN, writer->stream, writer->lane + level, sequence);
		if (pause)
			pause(writer, level);
		payload_fill(reservation.payload, size, writer->stream, writer->lane + level, sequence);
		writer->target->commit(writer->ring, &reservation);
	}
	leave_write(writer);
	return account(writer, level, rc);
}

void writer_blame(struct writer *writer, const struct strike *strike, enum violation kind)
{
	struct boundaries *map = writer->config->boundaries;

	/* Without a number nothing has struck. */
	if (map && strike->number && strike->mapped)
		boundaries_followed(map, strike->pc, writer->injector->tier, VIOLATION_BIT(kind),
				    strike_claim(&writer->log.blamed, strike->number));
}
