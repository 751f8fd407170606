/* SPDX-License-Identifier: MIT */
#include "explored.h"

#include <string.h>

#include "clock.h"
#include "step/explore.h"
#include "step/play.h"
#include "step/scenario.h"
#include "suite.h"

#define PATIENCE_NS (60 * NS_PER_S)

const struct step_result *explored_target(const struct target *target, const struct stepper *stepper, unsigned depth,
					  unsigned strikes)
{
	static struct step_result result;
	const struct step_config config = {
		.target = target, .stepper = stepper, .depth = depth, .strikes = strikes, .duration_ns = PATIENCE_NS
	};

	memset(&result, 0, sizeof(result));
	step_run(&config, &result, NULL);
	ck_assert(result.done);
	return &result;
}

uint32_t explored_found(const struct step_result *result)
{
	uint32_t kinds = 0;

	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		kinds |= result->found[kind] ? VIOLATION_BIT(kind) : 0;
	return kinds;
}

void explored_expect_clean(const struct target *target, const struct stepper *stepper, unsigned depth, unsigned strikes)
{
	const struct step_result *result = explored_target(target, stepper, depth, strikes);

	ck_assert_msg(!result->error, "%s: %s", target->name, result->message);
	ck_assert_msg(!explored_found(result), "%s: violations 0x%x", target->name, explored_found(result));
	for (unsigned i = 0; i < result->passes; i++)
		ck_assert_uint_eq(result->pass[i].scenarios, result->scenarios);
}

/* One scenario alone. */
static void expect_clean_in(const struct target *target, const struct stepper *stepper, unsigned strikes,
			    const struct scenario *scenario)
{
	static struct explore_result explored;
	const struct explore_plan plan = { .stepper = stepper,
					   .depth = 1,
					   .strikes = strikes,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + PATIENCE_NS };

	memset(&explored, 0, sizeof(explored));
	explore(target, scenario, &plan, &explored, NULL);
	ck_assert_msg(!explored.error && explored.complete, "%s: %s", target->name, explored.message);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++)
		ck_assert_msg(!explored.found[kind], "%s, %s: %s", target->name, scenario->name, violation_name(kind));
}

/* As explored_twins(), with one strike on each write, and no further than the first ring state that shows it. */
static const struct step_result *caught_twins(const struct target *broken, const struct target *sound,
					      const struct stepper *stepper, uint32_t kinds)
{
	static struct step_result result;
	static struct explore_result explored;
	const struct explore_plan plan = { .stepper = stepper,
					   .depth = 1,
					   .strikes = 1,
					   .accelerations = EXPLORE_FAST,
					   .deadline_ns = clock_ns() + PATIENCE_NS };
	struct play_result played;

	memset(&result, 0, sizeof(result));
	for (unsigned i = 0; i < scenario_count && !(explored_found(&result) & kinds); i++) {
		memset(&explored, 0, sizeof(explored));
		explore(broken, &scenarios[i], &plan, &explored, NULL);
		ck_assert_msg(!explored.error && explored.complete, "%s: %s", broken->name, explored.message);
		for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
			if (!explored.found[kind])
				continue;
			result.found[kind] = explored.found[kind];
			result.witness[kind] = explored.witness[kind];
			play(broken, &scenarios[i], stepper, &explored.witness[kind], NULL, NULL, &played);
			ck_assert_msg(!played.error && played.kinds & VIOLATION_BIT(kind), "%s: %s is not shown again",
				      broken->name, violation_name(kind));
		}
		if (explored_found(&result))
			expect_clean_in(sound, stepper, 1, &scenarios[i]);
	}
	ck_assert_msg(explored_found(&result) & kinds, "%s: found 0x%x, not 0x%x", broken->name,
		      explored_found(&result), kinds);
	return &result;
}

const struct step_result *explored_twins(const struct target *broken, const struct target *sound,
					 const struct stepper *stepper, unsigned strikes, uint32_t kinds)
{
	const struct step_result *result;
	uint64_t seen = 0;

	if (strikes == 1 && !suite_full())
		return caught_twins(broken, sound, stepper, kinds);
	result = explored_target(broken, stepper, 1, strikes);
	ck_assert_msg(!result->error && result->confirmed, "%s: %s", broken->name, result->message);
	ck_assert_msg(explored_found(result) & kinds, "%s: found 0x%x, not 0x%x", broken->name, explored_found(result),
		      kinds);
	for (unsigned kind = 0; kind < VIOLATIONS; kind++) {
		const struct witness *witness = &result->witness[kind];

		if (witness->known && !(seen & 1ull << witness->scenario))
			expect_clean_in(sound, stepper, strikes, &scenarios[witness->scenario]);
		seen |= witness->known ? 1ull << witness->scenario : 0;
	}
	return result;
}
