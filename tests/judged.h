/* SPDX-License-Identifier: MIT */
/*
 * judged.h - runs that are made up, and what the verdict makes of them
 */
#ifndef TESTS_JUDGED_H
#define TESTS_JUDGED_H

#include <string.h>

#include "suite.h"
#include "verdict.h"

/* Not every suite forges everything. */
#define JUDGED static inline

#define MOST 64

/* ---- a run being forged ---- */

static struct target_result results[MOST];
static struct judgement judgements[MOST];
static struct run_judgement run;
static struct verdict_limits limits;
static size_t count;

JUDGED void begin(void)
{
	memset(results, 0, sizeof(results));
	count = 0;
	limits = (struct verdict_limits) { .min_exposure = 100 };
}

/* Nothing has been found out about it. */
JUDGED struct target_result *add_result(const char *name, enum claim claim, enum tier tier)
{
	struct target_result *r = &results[count++];

	ck_assert_uint_le(count, MOST);
	r->name = name;
	r->claim = claim;
	r->tier = tier;
	r->first_violation_ns = UINT64_MAX;
	return r;
}

JUDGED enum verdict judge(void)
{
	/* Whatever was there before must not matter. */
	memset(judgements, 0xa5, sizeof(judgements));
	memset(&run, 0xa5, sizeof(run));
	verdict_run(results, count, &limits, judgements, &run);
	/* A reason for all but a PASS, and a strength for a PASS. */
	ck_assert_int_eq(!run.reason[0], run.verdict == VERDICT_PASS);
	ck_assert_int_eq(!run.strength[0], run.verdict != VERDICT_PASS);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(!judgements[i].reason[0], judgements[i].verdict == VERDICT_PASS);
	return run.verdict;
}

#define EXPECT(verdict) ck_assert_str_eq(verdict_name(judge()), verdict_name(verdict))
#define EXPECT_IN(text, part) ck_assert_msg(strstr(text, part), "\"%s\" is not in: %s", part, text)
#define EXPECT_NOT_IN(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" is in: %s", part, text)

/* ---- in a tier that samples ---- */

JUDGED struct target_result *add(const char *name, enum claim claim, enum tier tier)
{
	struct target_result *r = add_result(name, claim, tier);

	r->slices = 1;
	r->boundaries = 5;
	for (unsigned depth = 1; depth <= LEVELS; depth++)
		r->counts.strikes_by_depth[depth] = 1000;
	return r;
}

JUDGED struct class_counts *class_of(struct target_result *r, enum strike_class class)
{
	return &r->counts.by_class[class];
}

/* A control that is caught: readers saw 2 of 1,000 plain decreases, and 960 of 1,000 in slow motion. */
JUDGED struct target_result *add_caught(enum tier tier)
{
	struct target_result *r = add("legacy", CLAIM_CONTROL, tier);

	r->expected = VIOLATION_BIT(HEAD_BACKWARD);
	r->allowed = VIOLATION_BIT(HEAD_BELOW_TAIL);
	*class_of(r, STRIKE_PLAIN) = (struct class_counts) {
		.strikes = 9000, .in_write = 4000, .exposed = 1500, .decreasing = 1000, .seen = 2
	};
	*class_of(r, STRIKE_SLOW) = (struct class_counts) {
		.strikes = 9000, .in_write = 4000, .exposed = 1500, .decreasing = 1100, .decreases = 1000, .seen = 960
	};
	class_of(r, STRIKE_PLAIN)->violations[HEAD_BACKWARD] = 2;
	class_of(r, STRIKE_SLOW)->violations[HEAD_BACKWARD] = 961;
	class_of(r, STRIKE_SLOW)->violations[HEAD_BELOW_TAIL] = 30;
	return r;
}

/* The same, seen by nobody. */
JUDGED struct target_result *add_blind(enum tier tier)
{
	struct target_result *r = add_caught(tier);

	for (unsigned class = 0; class < STRIKE_CLASSES; class ++) {
		memset(class_of(r, class)->violations, 0, sizeof(class_of(r, class)->violations));
		class_of(r, class)->seen = 0;
	}
	return r;
}

/* A sound target, clean, struck 1,500 times in either way. */
JUDGED struct target_result *add_clean(const char *name, enum tier tier)
{
	struct target_result *r = add(name, CLAIM_SOUND, tier);

	class_of(r, STRIKE_PLAIN)->exposed = 1500;
	class_of(r, STRIKE_SLOW)->exposed = 1000;
	return r;
}

#endif /* TESTS_JUDGED_H */
