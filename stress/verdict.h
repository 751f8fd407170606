/* SPDX-License-Identifier: MIT */
/*
 * verdict.h - what a run's findings are worth (pure)
 */
#ifndef STRESS_VERDICT_H
#define STRESS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "result.h"

/* What a control teaches about the harness in one tier: how much of what happens its readers see. */
struct sight {
	char note[16];   /* " (timer)", behind a target's name; empty where the run has no other tier */
	bool caught;     /* some control of the tier was caught as it is known to fail */
	bool boundaries; /* and its exposed boundaries are known */
	/*
	 * Decreases seen of those that happened: what the true share is not below, at 95 %; 0 when none happened.
	 * For the kernel tier: seen of all interrupts that struck a write, since where it is exposed is not known; and
	 * of those at one that is, for breakpoints, which strike it too.
	 */
	double share_plain;
	double share_slow;
};

/* The judgement of one target in one tier. */
struct judgement {
	enum verdict verdict;
	bool caught;      /* control: seen failing in the way it is known for */
	double exposure;  /* exposed strikes, each weighed with the share that readers see of its class */
	double bound;     /* sound and clean: its violation rate per exposed strike is below this at 95 %; else 0 */
	char reason[400]; /* one line; empty for a PASS */
};

/* The judgement of a run. */
struct run_judgement {
	enum verdict verdict;
	struct sight sight[TIERS];
	char reason[400];    /* one line: why this verdict */
	char strength[4096]; /* PASS: how strong the evidence is; else empty */
};

/* What a run must reach to mean something. */
struct verdict_limits {
	double min_exposure; /* weighed exposed strikes that a sound target needs, per tier */
	bool interrupted;    /* the run was stopped before its time */
	bool steps_alone;    /* no other tier ran: then all single strikes are the least */
};

/*
 * verdict_run - judge a whole run
 * @results: each target in each tier that ran, @count of them
 * @limits: see there
 * @judgements: receives one for each
 * @run: receives the run's
 *
 * A sound target's bound counts only in a tier that caught a control. The worst verdict wins, in the order of
 * enum verdict.
 */
void verdict_run(const struct target_result *results, size_t count, const struct verdict_limits *limits,
		 struct judgement *judgements, struct run_judgement *run);

/* The exit status of a verdict, the one for SKIP as given. */
int verdict_exit_status(enum verdict verdict, int skip_status);

#endif /* STRESS_VERDICT_H */
