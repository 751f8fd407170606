/* SPDX-License-Identifier: MIT */
/*
 * strength.h - how strong the evidence of a PASS is, in one line (pure)
 */
#ifndef STRESS_STRENGTH_H
#define STRESS_STRENGTH_H

#include "verdict.h"

/*
 * strength_tell - what each sound target was put through, tier by tier, into run->strength
 * @run: its sights are read
 *
 * Where a tier has many sound targets, it tells how many, and the evidence of the one with the least: the others'
 * is no weaker. What does not fit is left out as a whole, and said to be.
 *
 * Return: whether there was any sound target.
 */
bool strength_tell(const struct target_result *results, size_t count, const struct judgement *judgements,
		   struct run_judgement *run);

#endif /* STRESS_STRENGTH_H */
