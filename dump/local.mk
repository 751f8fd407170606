# SPDX-License-Identifier: MIT
# Everything but main: the tests link it as well.
noinst_LTLIBRARIES += dump/libdump.la
dump_libdump_la_SOURCES = dump/diagnose.c dump/dump.c dump/dump.h dump/guard.c dump/guard.h dump/json.c \
	dump/options.c dump/options.h dump/perf_data.c dump/record.h dump/sink.h dump/source.c dump/source.h \
	dump/text.c
dump_libdump_la_CFLAGS = $(AM_CFLAGS)
dump_libdump_la_LIBADD = cli/libcli.la src/libnrb.la -lm

# In the build tree dump/dump, installed nrb-dump: other packages own the short name.
noinst_PROGRAMS += dump/dump
dump_dump_SOURCES = dump/main.c
dump_dump_LDADD = dump/libdump.la
dump_dump_LDFLAGS = $(AM_LDFLAGS) -static
