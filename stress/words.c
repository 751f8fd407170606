/* SPDX-License-Identifier: MIT */
#include "words.h"

const char *violation_name(enum violation violation)
{
	static const char *const names[VIOLATIONS] = {
		[HEAD_BACKWARD] = "head_backward",
		[HEAD_BELOW_TAIL] = "head_below_tail",
		[TORN_RECORD] = "torn_record",
		[BAD_RECORD] = "bad_record",
		[SEQUENCE_GAP] = "sequence_gap",
		[SEQUENCE_REPEAT] = "sequence_repeat",
		[OVERRUN] = "overrun",
		[LOST_MISMATCH] = "lost_mismatch",
		[STUCK_HEAD] = "stuck_head",
		[MISSED_WAKEUP] = "missed_wakeup",
		[CRASH] = "crash",
		[HANG] = "hang",
	};

	return names[violation];
}

const char *tier_name(enum tier tier)
{
	static const char *const names[TIERS] = {
		[TIER_STEP] = "step", [TIER_AIM] = "aim",       [TIER_TIMER] = "timer",
		[TIER_KICK] = "kick", [TIER_KERNEL] = "kernel",
	};

	return names[tier];
}

const char *claim_name(enum claim claim)
{
	return claim == CLAIM_SOUND ? "sound" : "control";
}

const char *strike_class_name(enum strike_class class)
{
	static const char *const names[STRIKE_CLASSES] = {
		[STRIKE_PLAIN] = "plain",
		[STRIKE_SLOW] = "slow",
		[STRIKE_IN_SLOW] = "in_slow",
	};

	return names[class];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICTS] = {
		[VERDICT_PASS] = "PASS",   [VERDICT_SKIP] = "SKIP", [VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
		[VERDICT_ERROR] = "ERROR", [VERDICT_FAIL] = "FAIL",
	};

	return names[verdict];
}
