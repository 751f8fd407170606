# SPDX-License-Identifier: MIT
# What bench measures; its tests link it as well.
noinst_LTLIBRARIES += bench/libcontestants.la
bench_libcontestants_la_SOURCES = bench/contestant.h bench/contestants.c bench/contestants.h \
	bench/limits/copy.h bench/limits/limit-copy.c bench/limits/limit-publish.c bench/limits/limit.c \
	bench/limits/limit.h bench/limits/memcpy-publish.c bench/own_ring.c bench/own_ring.h \
	bench/paths/channel.c bench/paths/fixed-lock.c bench/paths/fixed.c bench/paths/legacy.c bench/paths/mask.c \
	bench/paths/overwrite.c bench/paths/path.c bench/paths/path.h bench/paths/reserve-commit.c \
	bench/paths/sample-id.c bench/paths/steps_path.h bench/paths/target_path.h bench/paths/write.c
bench_libcontestants_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench
bench_libcontestants_la_LIBADD = bench/libpeers.la bench/librte_peer.la stress/libstress.la

# By others, each with the flags that its makers want it compiled with.
noinst_LTLIBRARIES += bench/libpeers.la bench/librte_peer.la
bench_libpeers_la_SOURCES = bench/peers/ck-ring.c bench/peers/lttng.c bench/peers/lttng_module.h \
	bench/peers/peer.h bench/peers/wfcqueue.c
if HAVE_LTTNG
bench_libpeers_la_SOURCES += bench/peers/lttng_daemon.c bench/peers/lttng_daemon.h
endif
bench_libpeers_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench -DPKGLIBDIR='"$(pkglibdir)"'
bench_libpeers_la_CFLAGS = $(AM_CFLAGS) $(CK_CFLAGS) $(LIBURCU_CFLAGS)
bench_libpeers_la_LIBADD = $(LIBURCU_LIBS)
bench_librte_peer_la_SOURCES = bench/peers/peer.h bench/peers/rte-ring.c
bench_librte_peer_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench
bench_librte_peer_la_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
bench_librte_peer_la_LIBADD = $(DPDK_LIBS)

# What brings LTTng-UST along when it is loaded.
if HAVE_LTTNG
pkglib_LTLIBRARIES = bench/nrb_bench_lttng.la
bench_nrb_bench_lttng_la_SOURCES = bench/peers/lttng_module.c bench/peers/lttng_module.h \
	bench/peers/lttng_tracepoint.h
bench_nrb_bench_lttng_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/bench
bench_nrb_bench_lttng_la_CFLAGS = $(AM_CFLAGS) $(LTTNG_CFLAGS) -Wno-unused-parameter
bench_nrb_bench_lttng_la_LIBADD = $(LTTNG_LIBS)
bench_nrb_bench_lttng_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
endif
