/* SPDX-License-Identifier: MIT */
/*
 * argument.h - what options are given, as argp parsers take it
 *
 * What cannot be taken ends the program: a message that names @option and @argument, that says what is wrong with it,
 * and that tells the user to give @wanted; status argp_err_exit_status.
 */
#ifndef CLI_ARGUMENT_H
#define CLI_ARGUMENT_H

#include <argp.h>
#include <stdint.h>

/* @rc: -ERANGE: out of range; else not understood. */
void argument_refuse(struct argp_state *state, int rc, const char *option, const char *argument, const char *wanted);

/* A number in [@min, @max]; a time in ns; a share; a power of two of bytes. As number.h reads them. */
uint64_t argument_number(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
			 const char *wanted);
uint64_t argument_ns(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
		     const char *wanted);
double argument_share(struct argp_state *state, const char *option, const char *argument, double min, double max,
		      const char *wanted);
uint64_t argument_size(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
		       const char *wanted);

/* One of @names, NULL behind the last. Return: its index. */
unsigned argument_word(struct argp_state *state, const char *option, const char *argument, const char *const *names,
		       const char *wanted);

/*
 * argument_output - FORM[:FILE], as every --output takes it
 * @names: the forms, NULL behind the last
 * @file:  receives the file within @argument, or NULL: standard output
 *
 * Return: the form's index.
 */
unsigned argument_output(struct argp_state *state, const char *argument, const char *const *names, const char **file,
			 const char *wanted);

#endif /* CLI_ARGUMENT_H */
