/* SPDX-License-Identifier: MIT */
#ifndef DUMP_OPTIONS_H
#define DUMP_OPTIONS_H

#include "dump.h"

/* The command line. Ends the process with status 2 where it is wrong. @path: receives the ring's file. */
void options_parse_dump(struct dump_options *options, const char **path, int argc, char **argv);

#endif /* DUMP_OPTIONS_H */
