/* SPDX-License-Identifier: MIT */
/*
 * check_scenario.c - what exploring is made of: rings in the states that their names say, worlds that are kept and put
 * back, and states that are told apart
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "step/stage.h"
#include "step/scenario.h"
#include "step/states.h"
#include "step/world.h"
#include "stepping.h"
#include "suite.h"
#include "targets/ring_target.h"

#define HEADER 8u
#define LOST (HEADER + 16u)

/* ---- scenarios ---- */

static struct scene scene;

static const struct scenario *open_scene(const char *name)
{
	const struct scenario *scenario = scenario_find(name);

	ck_assert_msg(scenario, "no scenario \"%s\"", name);
	ck_assert_int_eq(scene_open(&scene, &target_fixed, scenario), 0);
	return scenario;
}

static int put(unsigned level, uint32_t size)
{
	unsigned char payload[SCENE_PAYLOAD_MAX];
	int rc;

	scene_fill(&scene, level, payload, size);
	rc = target_fixed.write(scene.ring, payload, size);
	ck_assert_uint_eq(scene_written(&scene, level, rc) | scene_look(&scene), 0);
	return rc;
}

static uint64_t used(void)
{
	return target_fixed.head(scene.reader) - target_fixed.tail(scene.reader);
}

static void close_scene(void)
{
	ck_assert_uint_eq(scene_rest(&scene), 0);
	scene_close(&scene);
}

START_TEST(all_are_sound_data)
{
	for (unsigned i = 0; i < scenario_count; i++) {
		const struct scenario *scenario = &scenarios[i];

		ck_assert(scenario->name && scenario_find(scenario->name) == scenario);
		ck_assert(scenario->size >= 16 && scenario->size <= SCENE_PAYLOAD_MAX && scenario->size % 8 == 0);
		ck_assert(scenario->nested_size >= 16 && scenario->nested_size <= SCENE_PAYLOAD_MAX);
		ck_assert_uint_eq(scenario->nested_size % 8, 0);
		/* Prepared, and then each level writes once: nothing is wrong with that, for any of the targets. */
		open_scene(scenario->name);
		ck_assert_uint_eq(scene.last.count, 0);
		put(0, scenario->size);
		for (unsigned level = 1; level < LEVELS; level++)
			put(level, scenario->nested_size);
		close_scene();
	}
	ck_assert_ptr_null(scenario_find("emptyish"));
	ck_assert_ptr_null(scenario_find(""));
}
END_TEST

START_TEST(empty_ones)
{
	static const char *const names[] = {
		"empty",       "reserve and commit", "ends at the last byte", "across the last byte",
		"across 2^32", "across 2^64",        "long records"
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct scenario *scenario = open_scene(names[i]);
		uint64_t start = target_fixed.head(scene.reader), end;

		ck_assert_uint_eq(used(), 0);
		ck_assert(start == scenario_start(scenario));
		ck_assert_int_eq(put(0, scenario->size), 0);
		end = target_fixed.head(scene.reader);
		ck_assert_uint_eq(end - start, HEADER + scenario->size);
		if (!strcmp(names[i], "ends at the last byte"))
			ck_assert_uint_eq(end % SCENE_DATA_SIZE, 0);
		if (!strncmp(names[i], "across", 6))
			ck_assert_uint_lt(end % SCENE_DATA_SIZE, start % SCENE_DATA_SIZE);
		if (!strcmp(names[i], "across 2^32"))
			ck_assert(start >> 32 == 0 && end >> 32 == 1);
		if (!strcmp(names[i], "across 2^64"))
			ck_assert(end < start);
		close_scene();
	}
	ck_assert(scenario_find("reserve and commit")->in_place);
}
END_TEST

START_TEST(full)
{
	const struct scenario *scenario = open_scene("full");

	/* One byte stays free, and sizes are multiples of 8. */
	ck_assert_uint_eq(used(), SCENE_DATA_SIZE - 8);
	ck_assert_uint_eq(target_fixed.lost(scene.ring), 0);
	ck_assert_int_eq(put(0, scenario->size), -ENOSPC);
	ck_assert_int_eq(put(1, scenario->nested_size), -ENOSPC);
	ck_assert_uint_eq(target_fixed.lost(scene.ring), 2);
	close_scene();
}
END_TEST

START_TEST(room_for_one)
{
	for (unsigned first = 0; first < 2; first++) {
		const struct scenario *scenario = open_scene("room for one");
		const uint32_t size[2] = { scenario->size, scenario->nested_size };

		ck_assert_uint_eq(target_fixed.lost(scene.ring), 0);
		ck_assert_int_eq(put(first, size[first]), 0);
		ck_assert_int_eq(put(!first, size[!first]), -ENOSPC);
		ck_assert_uint_eq(used(), SCENE_DATA_SIZE - 8);
		close_scene();
	}
}
END_TEST

/* It fits to the last byte, with the loss of the one that it interrupts; and without that there is no room for it. */
START_TEST(room_for_nested)
{
	const struct scenario *scenario = open_scene("room for nested");

	ck_assert_int_eq(put(0, scenario->size), -ENOSPC);
	ck_assert_uint_eq(target_fixed.lost(scene.ring), 1);
	ck_assert_int_eq(put(1, scenario->nested_size), 0);
	ck_assert_uint_eq(target_fixed.lost(scene.ring), 0);
	ck_assert_uint_eq(used(), SCENE_DATA_SIZE - 8);
	close_scene();
}
END_TEST

START_TEST(losses)
{
	const struct scenario *scenario = open_scene("loss to be told");

	ck_assert_uint_eq(used(), 0);
	ck_assert_uint_eq(target_fixed.lost(scene.ring), 3);
	ck_assert_int_eq(put(0, scenario->size), 0);
	ck_assert_uint_eq(used(), LOST + HEADER + scenario->size);
	ck_assert_uint_eq(scene.observer.stream.lost, 3);
	close_scene();
	scenario = open_scene("loss, room for one");
	ck_assert_uint_gt(target_fixed.lost(scene.ring), 0);
	ck_assert_uint_eq(used() + LOST + HEADER + scenario->size, SCENE_DATA_SIZE - 8);
	ck_assert_int_eq(put(0, scenario->size), 0);
	ck_assert_int_eq(put(1, scenario->nested_size), -ENOSPC);
	ck_assert_uint_eq(used(), SCENE_DATA_SIZE - 8);
	close_scene();
}
END_TEST

START_TEST(at_the_watermark)
{
	const struct scenario *scenario = open_scene("at the watermark");

	ck_assert_uint_lt(used(), SCENE_DATA_SIZE / 2);
	put(0, scenario->size);
	ck_assert_uint_gt(used(), SCENE_DATA_SIZE / 2);
	close_scene();
}
END_TEST

START_TEST(a_consumer_that_keeps_up)
{
	const struct scenario *scenario = open_scene("consumer keeps up");

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(put(0, scenario->size), 0);
		ck_assert_uint_eq(used(), 0);
	}
	ck_assert_uint_eq(scene.observer.stream.records, 3);
	close_scene();
}
END_TEST

/*
 * A write that is struck after @at of its instructions; @length: receives how many it had.
 *
 * Return: how many LOST records said 0; -1: it has fewer.
 */
static int strike_and_count(uint32_t at, uint32_t *length)
{
	static struct stage_write write[2];
	struct stage stage;
	int zero = -1;
	bool taken;

	ck_assert_int_eq(stage_open(&stage, &stepper_trap, &target_fixed, scenario_find("loss to be told")), 0);
	stage_begin(&stage, &write[0], 0, 0);
	while (!stage_returned(&stage, &write[0])) {
		if (write[0].boundary == at) {
			stage_begin(&stage, &write[1], 1, write[0].machine.blocked);
			while (!stage_returned(&stage, &write[1]))
				require(!stage_step(&stage, &write[1]) && !stage.error);
			require(!stage_finish(&stage, &write[1], &taken) && taken);
			zero = 0;
		}
		require(!stage_step(&stage, &write[0]) && !stage.error);
	}
	*length = write[0].boundary;
	ck_assert_uint_eq(stage.scene.observer.stream.lost, 3);
	/* At rest, one more is refused and told. */
	require(!stage_finish(&stage, &write[0], &taken) && taken);
	ck_assert_uint_eq(stage.scene.observer.stream.lost, 4);
	if (!zero)
		zero = (int)stage.scene.observer.zero_lost;
	stage_close(&stage);
	return zero;
}

/* Who strikes where the interrupted write has seen the loss and not yet told it has that one tell of 0: legal. */
START_TEST(a_loss_told_by_either)
{
	unsigned runs = 0, zero = 0;
	uint32_t length, all;
	int one;

	ck_assert_int_eq(strike_and_count(UINT32_MAX, &all), -1);
	for (uint32_t at = 0; (one = strike_and_count(at, &length)) >= 0; at += 1 + all / 40, runs++) {
		ck_assert_int_le(one, 1);
		zero += (unsigned)one;
	}
	ck_assert_uint_gt(zero, 0);
	ck_assert_uint_lt(zero, runs);
}
END_TEST

/* ---- worlds ---- */

static uint64_t memory[3][64]; /* of which so much is told: */
static const size_t told[3] = { sizeof(memory[0]), 24, 8 };

static void open_world(struct world *world)
{
	struct target_region region[3];

	for (unsigned i = 0; i < 3; i++)
		region[i] = (struct target_region) { .address = memory[i], .size = told[i] };
	ck_assert_int_eq(world_open(world, region, 3), 0);
}

static void scribble(uint64_t *random)
{
	for (unsigned n = (unsigned)(suite_random(random) % 6); n > 0; n--) {
		unsigned i = (unsigned)(suite_random(random) % 3);

		memory[i][suite_random(random) % (told[i] / 8)] = suite_random(random) % 4;
	}
}

static bool same_memory(uint64_t (*copy)[64])
{
	for (unsigned i = 0; i < 3; i++)
		if (memcmp(copy[i], memory[i], told[i]))
			return false;
	return true;
}

START_TEST(worlds)
{
	enum { IMAGES = 64 };
	static uint64_t copy[IMAGES][3][64];
	struct world_image *image[IMAGES];
	uint64_t random = 0x9e3779b9u;
	struct world world;

	memset(memory, 7, sizeof(memory));
	open_world(&world);
	for (unsigned i = 0; i < IMAGES; i++) {
		scribble(&random);
		memcpy(copy[i], memory, sizeof(memory));
		image[i] = world_keep(&world);
		ck_assert_ptr_nonnull(image[i]);
		require(hash_same(image[i]->hash, world_hash(&world)));
	}
	for (unsigned i = 0; i < 1000; i++) {
		unsigned one = (unsigned)(suite_random(&random) % IMAGES), other = i % IMAGES;

		scribble(&random);
		world_put_back(&world, image[one]);
		require(same_memory(copy[one]));
		require(hash_same(image[one]->hash, world_hash(&world)));
		require(hash_same(image[one]->hash, image[other]->hash) == same_memory(copy[other]));
	}
	/* What is not told of stays as it is. */
	memory[1][3] = 99;
	world_put_back(&world, image[0]);
	ck_assert_uint_eq(memory[1][3], 99);
	for (unsigned i = 0; i < IMAGES; i++)
		free(image[i]);
	world_close(&world);
}
END_TEST

/* Each word counts, the last of each region included; and where it stands. */
START_TEST(each_word_is_told_apart)
{
	struct hash seen[64 + 3 + 1 + 1];
	struct world world;
	unsigned count = 0;

	memset(memory, 0, sizeof(memory));
	open_world(&world);
	seen[count++] = world_hash(&world);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned word = 0; word < told[i] / 8; word++) {
			memory[i][word] = 1;
			seen[count++] = world_hash(&world);
			memory[i][word] = 0;
		}
	}
	require(hash_same(seen[0], world_hash(&world)));
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < i; k++)
			require(!hash_same(seen[i], seen[k]));
	world_close(&world);
}
END_TEST

/* ---- states ---- */

static struct hash hash_of(uint64_t number)
{
	struct hash hash = HASH_INIT;

	hash_words(&hash, number, 0);
	return hash;
}

START_TEST(states_grow_and_find)
{
	enum { COUNT = 5000 };
	struct states states;

	ck_assert_int_eq(states_open(&states), 0);
	for (uint32_t i = 1; i <= COUNT; i++) {
		require(!states_find(&states, hash_of(i)));
		require(states_add(&states, hash_of(i), 3ull * i) == i);
		if (i > 1)
			states.at[i - 1].next = i;
	}
	for (uint32_t i = 1; i <= COUNT; i++) {
		require(states_find(&states, hash_of(i)) == i);
		require(states.at[i].head == 3ull * i && !states.at[i].kinds);
	}
	require(!states_find(&states, hash_of(COUNT + 1)));
	ck_assert_uint_eq(states_left(&states, 1), COUNT);
	ck_assert_uint_eq(states_left(&states, COUNT), 1);
	ck_assert_uint_eq(states_left(&states, 0), 0);
	states_close(&states);
}
END_TEST

/* In the table they collide: both words of a hash count. */
START_TEST(states_that_share_a_slot)
{
	struct states states;

	ck_assert_int_eq(states_open(&states), 0);
	for (uint32_t i = 1; i <= 600; i++)
		require(states_add(&states, (struct hash) { .a = 5, .b = i }, i) == i);
	for (uint32_t i = 1; i <= 600; i++)
		require(states_find(&states, (struct hash) { .a = 5, .b = i }) == i);
	require(!states_find(&states, (struct hash) { .a = 5, .b = 601 }));
	require(!states_find(&states, (struct hash) { .a = 6, .b = 1 }));
	states_close(&states);
}
END_TEST

START_TEST(hashes)
{
	enum { SIZE = 264 };
	static uint64_t bytes[SIZE / 8];
	static struct hash seen[8 * SIZE + SIZE / 8];
	unsigned count = 0;

	/* Each bit, and each length. */
	for (unsigned bit = 0; bit < 8 * SIZE; bit++) {
		seen[count] = HASH_INIT;
		bytes[bit / 64] ^= 1ull << bit % 64;
		hash_bytes(&seen[count++], bytes, SIZE);
		bytes[bit / 64] ^= 1ull << bit % 64;
	}
	for (unsigned size = 8; size <= SIZE; size += 8) {
		seen[count] = HASH_INIT;
		hash_bytes(&seen[count++], bytes, size);
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < i; k++)
			require(seen[i].a != seen[k].a && seen[i].b != seen[k].b);
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("scenario");
	TCase *rings = suite_case(suite, "scenarios");
	TCase *data = suite_case(suite, "data");

	tcase_add_test(rings, all_are_sound_data);
	tcase_add_test(rings, empty_ones);
	tcase_add_test(rings, full);
	tcase_add_test(rings, room_for_one);
	tcase_add_test(rings, room_for_nested);
	tcase_add_test(rings, losses);
	tcase_add_test(rings, at_the_watermark);
	tcase_add_test(rings, a_consumer_that_keeps_up);
	suite_add(rings, a_loss_told_by_either, stepping_missing(&stepper_trap));
	tcase_add_test(data, worlds);
	tcase_add_test(data, each_word_is_told_apart);
	tcase_add_test(data, states_grow_and_find);
	tcase_add_test(data, states_that_share_a_slot);
	tcase_add_test(data, hashes);
	return suite;
}
