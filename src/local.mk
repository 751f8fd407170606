# SPDX-License-Identifier: MIT
include_HEADERS = src/nrb.h
lib_LTLIBRARIES += src/libnrb.la
src_libnrb_la_SOURCES = src/control.h src/mapping.c src/mapping.h src/order.h src/reader.c src/reader_state.h \
	src/ring.c src/ring.h \
	src/steps.h src/write.c
src_libnrb_la_CFLAGS = $(AM_CFLAGS) -fvisibility=default
# nodelete: a handler may be inside while somebody calls dlclose().
src_libnrb_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/src/libnrb.map
src_libnrb_la_DEPENDENCIES = src/libnrb.map
pkgconfig_DATA = src/nrb.pc
EXTRA_DIST += src/libnrb.map
