# SPDX-License-Identifier: MIT
# How to embed the library: installed as documentation, to be built by who reads it; and built and run by the tests.
examplesdir = $(docdir)/examples
dist_examples_DATA = examples/flight_recorder.c examples/perf_data.c examples/perf_data.h examples/profiler.c \
	examples/stack.c examples/stack.h

# Rings of others as plug-ins of nrb-stress: built by tests/plugins.sh, as their first lines say.
pluginexamplesdir = $(examplesdir)/plugins
dist_pluginexamples_DATA = examples/plugins/broken.c examples/plugins/ck_fifo.c examples/plugins/ck_ring.c \
	examples/plugins/lttng_channel.c examples/plugins/lttng_session.c examples/plugins/lttng_session.h \
	examples/plugins/lttng_ust.c examples/plugins/sound.c examples/plugins/spinlock.cc examples/plugins/wfcqueue.c

check_PROGRAMS += examples/flight_recorder
examples_flight_recorder_SOURCES = examples/flight_recorder.c
examples_flight_recorder_LDADD = src/libnrb.la
examples_flight_recorder_LDFLAGS = $(AM_LDFLAGS) -static

# rpath: although it is not installed, it is to be a shared object.
check_LTLIBRARIES += examples/libnrb-profiler.la
examples_libnrb_profiler_la_SOURCES = examples/perf_data.c examples/perf_data.h examples/profiler.c examples/stack.c \
	examples/stack.h
examples_libnrb_profiler_la_LIBADD = src/libnrb.la
examples_libnrb_profiler_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath $(libdir)
