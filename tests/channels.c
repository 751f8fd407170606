/* SPDX-License-Identifier: MIT */
#include "channels.h"

#include <pthread.h>
#include <string.h>

#include "suite.h"

struct nrb_channel *channel_make(struct nrb_set *set, uint64_t id)
{
	struct nrb_channel *channel = nrb_channel_create(set, id, NULL);

	ck_assert_msg(channel, "nrb_channel_create: %m");
	return channel;
}

int channel_put(struct nrb_channel *channel, uint64_t word)
{
	return nrb_channel_write(channel, NRB_RECORD_SAMPLE, &word, sizeof(word));
}

void thread_run(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, body, argument), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

int seen_add(void *argument, const struct nrb_delivery *delivery)
{
	struct seen *seen = argument;

	require(seen->records < SEEN_MOST);
	seen->type[seen->records] = delivery->record->type;
	seen->id[seen->records] = delivery->id;
	memcpy(&seen->word[seen->records++],
	       (const char *)delivery->record->payload + (delivery->record->type == NRB_RECORD_LOST ? 8 : 0), 8);
	return 0;
}
