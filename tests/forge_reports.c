/* SPDX-License-Identifier: MIT */
/*
 * forge_reports DIR - write the forged runs as JSON, for report_schema.sh to hold against the schema
 */
#include <stdio.h>
#include <stdlib.h>

#include "forged.h"
#include "symbol.h"

static int dump(const struct forged *forged, const char *directory)
{
	char path[4096];
	FILE *out;
	int rc;

	snprintf(path, sizeof(path), "%s/%s.json", directory, forged->name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		return -1;
	}
	rc = report_json(&forged->report, out);
	return fclose(out) || rc ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct forged forged;

	if (argc != 2) {
		fprintf(stderr, "usage: forge_reports DIR\n");
		return EXIT_FAILURE;
	}
	for (unsigned i = 0; i < FORGES; i++) {
		forges[i](&forged);
		if (dump(&forged, argv[1]))
			return EXIT_FAILURE;
	}
	symbol_close();
	return EXIT_SUCCESS;
}
