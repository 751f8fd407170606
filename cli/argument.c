/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "argument.h"

#include <errno.h>
#include <string.h>

#include "number.h"

void argument_refuse(struct argp_state *state, int rc, const char *option, const char *argument, const char *wanted)
{
	argp_error(state, "%s=%s: %s; give %s", option, argument, rc == -ERANGE ? "out of range" : "not understood",
		   wanted);
}

uint64_t argument_number(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
			 const char *wanted)
{
	uint64_t value = min;
	int rc = number_parse(argument, min, max, &value);

	if (rc)
		argument_refuse(state, rc, option, argument, wanted);
	return value;
}

uint64_t argument_ns(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
		     const char *wanted)
{
	uint64_t ns = min;
	int rc = number_parse_ns(argument, &ns);

	if (!rc && (ns < min || ns > max))
		rc = -ERANGE;
	if (rc)
		argument_refuse(state, rc, option, argument, wanted);
	return ns;
}

double argument_share(struct argp_state *state, const char *option, const char *argument, double min, double max,
		      const char *wanted)
{
	double share = min;
	int rc = number_parse_share(argument, &share);

	if (!rc && (share < min || share > max))
		rc = -ERANGE;
	if (rc)
		argument_refuse(state, rc, option, argument, wanted);
	return share;
}

uint64_t argument_size(struct argp_state *state, const char *option, const char *argument, uint64_t min, uint64_t max,
		       const char *wanted)
{
	uint64_t size = min;
	int rc = number_parse_size(argument, &size);

	if (!rc && (size < min || size > max))
		rc = -ERANGE;
	if (!rc && size & (size - 1))
		rc = -EINVAL;
	if (rc)
		argument_refuse(state, rc, option, argument, wanted);
	return size;
}

/* The index of the first @length characters of @text in @names, or of the NULL behind the last. */
static unsigned find(const char *text, size_t length, const char *const *names)
{
	unsigned i = 0;

	while (names[i] && (strlen(names[i]) != length || strncmp(names[i], text, length) != 0))
		i++;
	return i;
}

unsigned argument_word(struct argp_state *state, const char *option, const char *argument, const char *const *names,
		       const char *wanted)
{
	unsigned i = find(argument, strlen(argument), names);

	if (!names[i])
		argument_refuse(state, -EINVAL, option, argument, wanted);
	return i;
}

unsigned argument_output(struct argp_state *state, const char *argument, const char *const *names, const char **file,
			 const char *wanted)
{
	const size_t length = strcspn(argument, ":");
	unsigned i = find(argument, length, names);

	*file = argument[length] ? argument + length + 1 : NULL;
	if (!names[i] || (*file && !**file))
		argument_refuse(state, -EINVAL, "--output", argument, wanted);
	return i;
}
