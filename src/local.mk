# SPDX-License-Identifier: MIT
include_HEADERS = src/nrb.h src/nrb_channel.h
lib_LTLIBRARIES += src/libnrb.la
src_libnrb_la_SOURCES = src/batch.c src/batch.h src/channel.c src/channel.h src/channel_write.c src/control.h \
	src/mapping.c src/mapping.h src/modes.h src/order.h src/reader.c src/reader_loop.c src/reader_set.c \
	src/reader_set.h \
	src/reader_state.h src/registry.c src/ring.c src/ring.h src/section.h src/section_copy.h \
	src/steps.h src/thread.c src/trailer.c src/trailer.h \
	src/wait.c src/wakeup.c src/wakeup.h src/write.c src/write_modes.c src/write_modes.h src/write_parts.c
src_libnrb_la_CFLAGS = $(AM_CFLAGS) $(LIBURCU_CFLAGS) -fvisibility=default
src_libnrb_la_LIBADD = $(LIBURCU_LIBS) $(PTHREAD_LIBS)
# nodelete: a handler may be inside while somebody calls dlclose().
src_libnrb_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/src/libnrb.map
src_libnrb_la_DEPENDENCIES = src/libnrb.map
pkgconfig_DATA = src/nrb.pc
EXTRA_DIST += src/libnrb.abi src/libnrb.map
