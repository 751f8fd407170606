/* SPDX-License-Identifier: MIT */
/*
 * die_by.h - the end of a program that a signal told to stop
 */
#ifndef CLI_DIE_BY_H
#define CLI_DIE_BY_H

/* End as one who was stopped by signal @number ends, so that a shell or make knows. */
void die_by(int number);

#endif /* CLI_DIE_BY_H */
