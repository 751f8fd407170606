/* SPDX-License-Identifier: MIT */
/*
 * options_targets.h - which targets a command line asks for, and in which order they run
 */
#ifndef STRESS_OPTIONS_TARGETS_H
#define STRESS_OPTIONS_TARGETS_H

#include "options.h"

/* Each once; what there is no room for is left out. */
void options_add_all(struct options *options);

/* A target of ours by its name, or a plug-in by its path. Return: 0, or with a @message -ENOENT: there is none of that
 * name, or -EINVAL: that plug-in cannot be used. */
int options_add_named(struct options *options, const char *name, char *message, size_t size);

/* When all are named: controls come first, and what is judged gets one to be measured by. */
void options_order_targets(struct options *options);

#endif /* STRESS_OPTIONS_TARGETS_H */
