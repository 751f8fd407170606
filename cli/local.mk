# SPDX-License-Identifier: MIT
# What the command lines of all programs have in common: numbers, arguments of options, files that reports go to.
noinst_LTLIBRARIES += cli/libcli.la
cli_libcli_la_SOURCES = cli/argument.c cli/argument.h cli/die_by.c cli/die_by.h cli/number.c cli/number.h \
	cli/output_files.c cli/output_files.h
cli_libcli_la_LIBADD = -lm
