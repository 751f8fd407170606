/* SPDX-License-Identifier: MIT */
/*
 * text_asserts.h - what a text must hold, for Check
 */
#ifndef TESTS_TEXT_ASSERTS_H
#define TESTS_TEXT_ASSERTS_H

#include <errno.h>
#include <string.h>

#include <check.h>

static inline void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is missing in:\n%s", part, text);
}

static inline void assert_begins(const char *text, const char *part)
{
	ck_assert_msg(!strncmp(text, part, strlen(part)), "\"%s\" does not begin:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" should not be in:\n%s", part, text);
}

/* Without libdw the module is all that is known of a function. */
static inline void assert_function(const char *text, const char *name)
{
	ck_assert_msg(!strcmp(text, name) || strstr(text, program_invocation_short_name), "%s in place of %s", text,
		      name);
}

/* The last line, which is whole: it begins a line and ends with one. */
static inline const char *last_line(const char *text)
{
	size_t length = strlen(text);

	ck_assert_uint_gt(length, 1);
	ck_assert_int_eq(text[length - 1], '\n');
	while (length > 1 && text[length - 2] != '\n')
		length--;
	return text + length - 1;
}

#endif /* TESTS_TEXT_ASSERTS_H */
