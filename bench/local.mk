# SPDX-License-Identifier: MIT
# In the build tree bench/bench, installed nrb-bench: other packages own the short name.
noinst_PROGRAMS += bench/bench
bench_bench_SOURCES = bench/main.c bench/measure.c bench/measure.h
bench_bench_LDADD = stress/libstress.la
bench_bench_LDFLAGS = $(AM_LDFLAGS) -static
include bench/contestants.mk
