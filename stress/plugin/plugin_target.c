/* SPDX-License-Identifier: MIT */
/*
 * plugin_target.c - the functions of a target, by those of a plug-in's table
 *
 * What a table leaves out is made up from what passes through here: records written and read, writes refused. Positions
 * begin where the harness wants them to; where they count records, each stands for as many bytes as one takes. Losses
 * that nobody tells in band are told as LOST records: the count that was read after a record holds all that came before
 * it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "order.h"
#include "plugin/contain.h"
#include "plugin/plugin.h"

#define TYPE_LOST 2u
#define TYPE_SAMPLE 9u
#define PAYLOAD_MAX 2048u
#define ALIGNMENT 64u
/* What a ring may have of alloc(), in rings and beyond; touched is what is used of it. */
#define ROOM_RINGS 16
#define ROOM_BESIDE (16u << 20)
/* A capacity is measured with so many writes at most for each byte of data: records take 8 bytes or more. */
#define MEASURE_BYTES 8u

/* A ring and its one reader. In shared memory, as all that it points to is. */
struct plugged {
	struct plugin *plugin;
	const struct nrb_plugin *table;
	void *ring;
	struct nrb_plugin_host host;
	unsigned char *room;
	size_t room_size, used;
	bool opening, has_reader;
	uint64_t start;       /* where the harness has it begin */
	uint64_t first, unit; /* where its own positions did; bytes that stand for one of theirs, or 1 */

	/* The writer's and its handlers'. */
	_Alignas(64) uint64_t written;
	uint64_t refused;

	/* The consumer's. */
	_Alignas(64) uint64_t seen; /* up to here all has been read, in the ring's own positions */
	uint64_t released;          /* and released */
	uint64_t polled;            /* head as last loaded */
	uint64_t told;              /* losses */
	uint64_t pending;           /* bytes of a record that was read and not given yet; 0: none */
	uint64_t lost[2];           /* a LOST record's body: id, count */
	_Alignas(64) unsigned char payload[PAYLOAD_MAX];
};

static struct plugged *plugged_of(const struct target_ring *ring)
{
	return (struct plugged *)(uintptr_t)ring;
}

static struct plugged *of_reader(const struct target_reader *reader)
{
	return (struct plugged *)(uintptr_t)reader;
}

/* ---- positions ---- */

static bool counts_bytes(const struct plugged *p)
{
	return p->table->flags & NRB_PLUGIN_BYTES;
}

/* As the harness counts. Its rings' positions are multiples of 8. */
static uint64_t upward(const struct plugged *p, uint64_t position)
{
	return p->start + ((position - p->first) * p->unit & ~UINT64_C(7));
}

/* In the ring's own terms. Without a position that readers see, what has been written stands for it. */
static uint64_t own_head(const struct plugged *p)
{
	return p->table->head ? p->table->head(p->ring) : p->first + nrb_load_acquire(&p->written);
}

static uint64_t plug_head(const struct target_reader *reader)
{
	return upward(of_reader(reader), own_head(of_reader(reader)));
}

static uint64_t plug_tail(const struct target_reader *reader)
{
	const struct plugged *p = of_reader(reader);

	/* plugin:A  pairs with the release store in plug_release(): a head that is loaded next is no older than it. */
	return upward(p, p->table->tail ? p->table->tail(p->ring) : nrb_load_acquire(&p->released));
}

static uint64_t plug_reserved_head(const struct target_ring *ring)
{
	const struct plugged *p = plugged_of(ring);

	if (p->table->reserved_head)
		return upward(p, p->table->reserved_head(p->ring));
	return upward(p, counts_bytes(p) ? own_head(p) : p->first + nrb_load_relaxed(&p->written));
}

/* All writes refused so far. */
static uint64_t losses(const struct plugged *p)
{
	return p->table->lost ? p->table->lost(p->ring) : nrb_load_acquire(&p->refused);
}

static uint64_t plug_lost(const struct target_ring *ring)
{
	return losses(plugged_of(ring)) - plugged_of(ring)->told;
}

/* ---- writing ---- */

/* Nested ones count here too, and other threads', whose instructions may fall into ours. */
static int count(struct plugged *p, int rc)
{
	uint64_t *counter = !rc ? &p->written : rc == -ENOSPC ? &p->refused : NULL;

	if (counter && p->plugin->target.shared)
		nrb_add_relaxed(counter, 1);
	else if (counter)
		nrb_local_add(counter, 1);
	return rc;
}

static int plug_write(struct target_ring *ring, const void *payload, size_t size)
{
	struct plugged *p = plugged_of(ring);

	return count(p, p->table->write(p->ring, payload, size));
}

_Static_assert(sizeof(struct nrb_plugin_reservation) <= sizeof(((struct target_reservation *)0)->state), "it fits");

static struct nrb_plugin_reservation *reservation_of(struct target_reservation *reservation)
{
	return (struct nrb_plugin_reservation *)(void *)reservation->state;
}

static int plug_reserve(struct target_ring *ring, struct target_reservation *reservation, size_t size)
{
	struct plugged *p = plugged_of(ring);
	int rc = p->table->reserve(p->ring, reservation_of(reservation), size);

	reservation->payload = reservation_of(reservation)->payload;
	return rc ? count(p, rc) : 0;
}

static void plug_commit(struct target_ring *ring, struct target_reservation *reservation)
{
	struct plugged *p = plugged_of(ring);

	p->table->commit(p->ring, reservation_of(reservation));
	count(p, 0);
}

static int plug_attach(struct target_ring *ring)
{
	return plugged_of(ring)->table->attach(plugged_of(ring)->ring);
}

static void plug_detach(struct target_ring *ring)
{
	plugged_of(ring)->table->detach(plugged_of(ring)->ring);
}

/* ---- reading ---- */

/* Take the next record out of the ring. Return: 1, 0: there is none, or -EBADMSG. */
static int fetch(struct plugged *p)
{
	int64_t size;

	if (p->pending)
		return 1;
	/* What is beyond the head that was loaded is none yet. */
	if (p->table->head && !counts_bytes(p) && p->seen == p->polled)
		return 0;
	size = p->table->read(p->ring, p->payload, sizeof(p->payload));
	if (size < 0 || size > (int64_t)sizeof(p->payload))
		return -EBADMSG;
	if (!size) {
		/* Up to there, all that is to be had. What never comes, is missing at rest. */
		p->seen = counts_bytes(p) ? p->polled : p->seen;
		return 0;
	}
	p->pending = (uint64_t)size;
	return 1;
}

static int64_t plug_poll(struct target_reader *reader, uint64_t *head)
{
	struct plugged *p = of_reader(reader);
	uint64_t now = own_head(p);

	if (head)
		*head = upward(p, now);
	if (p->table->head && (int64_t)(now - p->seen) < 0)
		return -EPROTO;
	p->polled = now;
	/* Only what can be had is there: else who waits for the last record would wait for ever. */
	return fetch(p) ? 1 : 0;
}

static int plug_next(struct target_reader *reader, struct target_record *record)
{
	struct plugged *p = of_reader(reader);
	int rc = fetch(p);
	uint64_t lost;

	record->position = upward(p, p->seen);
	if (rc <= 0)
		return rc;
	lost = losses(p);
	if (lost != p->told) {
		p->lost[1] = lost - p->told;
		p->told = lost;
		record->type = TYPE_LOST;
		record->size = sizeof(p->lost);
		record->payload = p->lost;
		return 1;
	}
	record->type = TYPE_SAMPLE;
	record->size = (uint32_t)p->pending;
	record->payload = p->payload;
	p->pending = 0;
	if (!counts_bytes(p))
		p->seen++;
	return 1;
}

static void plug_release(struct target_reader *reader)
{
	struct plugged *p = of_reader(reader);

	if (p->table->release)
		p->table->release(p->ring);
	/* plugin:B  pairs with plugin:A. */
	nrb_store_release(&p->released, p->seen);
}

static uint64_t plug_skip(struct target_reader *reader)
{
	struct plugged *p = of_reader(reader);
	uint64_t skipped = p->polled - p->seen;

	p->pending = 0;
	if (p->table->head)
		p->seen = p->polled;
	plug_release(reader);
	return skipped;
}

/* One consumer: who comes late finds nobody to open. */
static struct target_reader *plug_reader_open(struct target_ring *ring)
{
	struct plugged *p = plugged_of(ring);

	if (p->has_reader) {
		errno = EBUSY;
		return NULL;
	}
	p->has_reader = true;
	return (struct target_reader *)ring;
}

static void plug_reader_close(struct target_reader *reader)
{
	of_reader(reader)->has_reader = false;
}

/* ---- opening ---- */

static void *allocate(const struct nrb_plugin_host *host, size_t size)
{
	struct plugged *p = (struct plugged *)((uintptr_t)host - offsetof(struct plugged, host));
	void *memory = p->room + p->used;

	if (!p->opening || size > p->room_size - p->used) {
		errno = ENOMEM;
		return NULL;
	}
	p->used += (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	return memory;
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(struct plugged *p)
{
	if (p->room)
		munmap(p->room, p->room_size);
	munmap(p, sizeof(*p));
}

static struct plugged *open_ring(struct plugin *plugin, uint64_t data_size)
{
	struct plugged *p = map(sizeof(*p));
	int error;

	if (!p)
		return NULL;
	p->plugin = plugin;
	p->table = plugin->table;
	p->room_size = ROOM_RINGS * data_size + ROOM_BESIDE;
	p->room = map(p->room_size);
	p->host = (struct nrb_plugin_host) { .version = NRB_PLUGIN_VERSION, .alloc = allocate };
	p->unit = 1;
	if (p->room) {
		statics_begin(&plugin->statics);
		errno = ENOMEM;
		p->opening = true;
		p->ring = p->table->open(&p->host, data_size);
		p->opening = false;
		plugin->statics.open -= !p->ring;
	}
	if (p->ring)
		return p;
	error = errno ? errno : EIO;
	unmap(p);
	errno = error;
	return NULL;
}

static void plug_close(struct target_ring *ring)
{
	struct plugged *p = plugged_of(ring);

	if (!p)
		return;
	p->table->close(p->ring);
	p->plugin->statics.open--;
	unmap(p);
}

/* Bytes of a ring of @data_size for each record of those that it takes, so that positions that count records say how
 * full it is. */
static uint64_t measure(struct plugin *plugin, uint64_t data_size)
{
	static const uint64_t payload[NRB_PLUGIN_PAYLOAD_MIN / 8];
	uint64_t records = 0, most = data_size / MEASURE_BYTES;
	bool attached;
	struct plugged *p;

	if (plugin->measured_size == data_size)
		return plugin->measured;
	p = open_ring(plugin, data_size);
	if (!p)
		return MEASURE_BYTES;
	attached = !p->table->attach || !p->table->attach(p->ring);
	if (attached)
		for (; records < most && !p->table->write(p->ring, payload, sizeof(payload)); records++)
			contain_moved++;
	if (attached && p->table->detach)
		p->table->detach(p->ring);
	plug_close((struct target_ring *)p);
	plugin->measured_size = data_size;
	plugin->measured = records ? (data_size / records & ~7ull) : MEASURE_BYTES;
	plugin->measured = plugin->measured < MEASURE_BYTES ? MEASURE_BYTES : plugin->measured;
	return plugin->measured;
}

static struct target_ring *plug_open(const struct target_attr *attr)
{
	struct plugin *plugin = plugin_of(attr->target);
	uint64_t unit = plugin->table->flags & NRB_PLUGIN_BYTES ? 1 : measure(plugin, attr->data_size);
	struct plugged *p = open_ring(plugin, attr->data_size);

	if (!p)
		return NULL;
	p->unit = unit;
	p->start = attr->start;
	p->lost[0] = attr->id;
	p->first = p->table->head ? p->table->head(p->ring) : 0;
	p->seen = p->released = p->polled = p->first;
	p->told = losses(p);
	return (struct target_ring *)p;
}

size_t plugin_allocated(const struct target_ring *ring)
{
	return plugged_of(ring)->used;
}

static unsigned plug_regions(struct target_ring *ring, struct target_reader *reader, struct target_region *region)
{
	struct plugged *p = plugged_of(ring);
	const struct plugin_statics *statics = &p->plugin->statics;
	struct nrb_plugin_region own[TARGET_REGIONS] = { { .address = NULL } };
	unsigned count = 0, more = 0;

	(void)reader;
	/* A payload that is not given yet lies there, too. */
	region[count++] = (struct target_region) { .address = &p->written,
						   .size = sizeof(*p) - offsetof(struct plugged, written) };
	for (unsigned i = 0; i < statics->count; i++)
		region[count++] = statics->at[i];
	if (p->used)
		region[count++] = (struct target_region) { .address = p->room, .size = p->used };
	if (p->table->regions)
		more = p->table->regions(p->ring, own, TARGET_REGIONS - count);
	for (unsigned i = 0; i < more && count < TARGET_REGIONS; i++)
		region[count++] = (struct target_region) { .address = own[i].address, .size = own[i].size & ~7ul };
	return count;
}

/* ---- the target ---- */

/* What can be told of it, with what it offers. */
static uint32_t checks_of(const struct nrb_plugin *table)
{
	uint32_t checks = VIOLATION_ENDS | VIOLATION_BIT(TORN_RECORD) | VIOLATION_BIT(BAD_RECORD) |
			  VIOLATION_BIT(SEQUENCE_GAP) | VIOLATION_BIT(SEQUENCE_REPEAT);
	bool bytes = table->flags & NRB_PLUGIN_BYTES;

	if (table->head)
		checks |= VIOLATION_BIT(HEAD_BACKWARD) | VIOLATION_BIT(HEAD_BELOW_TAIL);
	/* Records are counted as they pass. */
	if (table->reserved_head || (table->head && !bytes))
		checks |= VIOLATION_BIT(STUCK_HEAD);
	if (table->lost)
		checks |= VIOLATION_BIT(LOST_MISMATCH);
	if (table->tail && bytes)
		checks |= VIOLATION_BIT(OVERRUN);
	return checks;
}

static void claim(struct target *target, const struct nrb_plugin *table)
{
	uint32_t expected = table->expected;

	target->claim = table->claim == NRB_PLUGIN_CONTROL ? CLAIM_CONTROL : CLAIM_SOUND;
	if (table->max_depth == 1 && target->claim == CLAIM_SOUND) {
		/* What nobody may do is done, to show why. */
		target->claim = CLAIM_CONTROL;
		expected = expected ? expected : target->checks;
	}
	for (unsigned tier = 0; tier < TIERS; tier++)
		target->expected[tier] = expected;
	target->allowed = table->allowed;
	if (target->claim == CLAIM_CONTROL && !table->allowed)
		target->allowed = target->checks;
	target->max_depth = table->max_depth == 1 ? 0 : table->max_depth;
}

void plugin_make_target(struct plugin *plugin, bool known)
{
	const struct nrb_plugin *table = plugin->table;

	plugin->target = (struct target) {
		.name = table->name,
		.summary = table->summary ? table->summary : "a plug-in",
		.checks = checks_of(table),
		.masks_signals = table->flags & NRB_PLUGIN_MASKS_SIGNALS,
		.shared = table->flags & NRB_PLUGIN_SHARED_WRITERS,
		.consumes = !table->release,
		.foreign = true,
		.file = plugin->path,
		.max_payload = table->max_payload,
		.driver = DRIVER_HARNESS,
		.text = plugin->statics.text,
		.open = plug_open,
		.close = plug_close,
		.attach = table->attach ? plug_attach : NULL,
		.detach = table->detach ? plug_detach : NULL,
		.write = plug_write,
		.reserve = table->reserve ? plug_reserve : NULL,
		.commit = table->reserve ? plug_commit : NULL,
		.reserved_head = plug_reserved_head,
		.lost = plug_lost,
		.reader_open = plug_reader_open,
		.reader_close = plug_reader_close,
		.head = plug_head,
		.tail = plug_tail,
		.poll = plug_poll,
		.next = plug_next,
		.release = plug_release,
		.skip = plug_skip,
		.regions = known ? plug_regions : NULL,
	};
	claim(&plugin->target, table);
}
