/* SPDX-License-Identifier: MIT */
/*
 * temporary.h - a folder for files that go away again
 */
#ifndef TESTS_TEMPORARY_H
#define TESTS_TEMPORARY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * temporary_folder - make one where the environment wants such things (TMPDIR), or in /tmp
 * @name:   what its name begins with
 * @folder: receives its path
 * @size:   bytes there
 *
 * Return: 0, or -1 with errno; then @folder says what was tried. ENAMETOOLONG: there is no room for all of the path.
 */
static inline int temporary_folder(const char *name, char *folder, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	int length = snprintf(folder, size, "%s/%s.XXXXXX", tmp && *tmp ? tmp : "/tmp", name);

	if (length < 0 || (size_t)length >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkdtemp(folder) ? 0 : -1;
}

#endif /* TESTS_TEMPORARY_H */
