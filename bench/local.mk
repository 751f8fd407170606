# SPDX-License-Identifier: MIT
# Everything but main: the tests link it as well.
noinst_LTLIBRARIES += bench/libbench.la
bench_libbench_la_SOURCES = \
	bench/asked.c bench/asked.h bench/beside.c bench/change.c bench/change.h bench/contestant.h bench/counters.c \
	bench/counters.h bench/histogram.c bench/histogram.h bench/latency.c bench/mode.c \
	bench/mode.h bench/nested.c bench/open_rings.c bench/open_rings.h bench/plan.c bench/plan.h \
	bench/probe.c bench/probe.h bench/process.c bench/process.h bench/repetition.c \
	bench/repetition.h bench/report/bench_text.c bench/report/compare.c bench/report/files.c \
	bench/report/json.c bench/report/reports.h bench/report/svg.c bench/report/table.c \
	bench/report/text_parts.h bench/request.c bench/request.h bench/statistics.c \
	bench/statistics.h bench/summary.c bench/summary.h bench/worker.c bench/worker.h \
	bench/writing.c
bench_libbench_la_CPPFLAGS = -I$(srcdir)/bench $(AM_CPPFLAGS)
bench_libbench_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

# In the build tree bench/bench, installed nrb-bench: other packages own the short name.
noinst_PROGRAMS += bench/bench
bench_bench_SOURCES = bench/main.c
bench_bench_CPPFLAGS = -I$(srcdir)/bench $(AM_CPPFLAGS)
bench_bench_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
bench_bench_LDADD = bench/libbench.la bench/libcontestants.la stress/libstress.la -lm
bench_bench_LDFLAGS = $(AM_LDFLAGS) -static
include bench/contestants.mk
