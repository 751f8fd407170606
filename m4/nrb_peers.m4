# SPDX-License-Identifier: MIT
# NRB_PEER(name, VARIABLE, pkg-config module, Debian package, what it is)
# An optional contestant of the benchmark: --without-NAME, HAVE_VARIABLE, VARIABLE_CFLAGS and VARIABLE_LIBS.
AC_DEFUN([NRB_PEER], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [do not measure $5])], [], [with_$1=check])
AS_IF([test "x$with_$1" != xno],
	[PKG_CHECK_MODULES([$2], [$3], [AC_DEFINE([HAVE_$2], [1], [Define if $5 is there.])],
		[AS_IF([test "x$with_$1" = xyes], [AC_MSG_ERROR([$1 was asked for: install $4])])
		AC_MSG_WARN([no $1: the benchmark is without $5])])])
])

# What users would pick instead of libnrb.
AC_DEFUN([NRB_PEERS], [
NRB_PEER([ck], [CK], [ck >= 0.6], [libck-dev], [Concurrency Kit's ring])
NRB_PEER([dpdk], [DPDK], [libdpdk >= 20.11], [libdpdk-dev], [DPDK's ring])
NRB_PEER([lttng], [LTTNG], [lttng-ust >= 2.13], [liblttng-ust-dev], [LTTng-UST])
AM_CONDITIONAL([HAVE_LTTNG], [test -n "$LTTNG_LIBS"])
# Of its hundred libraries the ring's own; the others come with it.
AS_IF([test -n "$DPDK_LIBS"],
	[DPDK_LIBS="-lrte_ring"
	# As a system's headers, whose warnings are not ours.
	DPDK_CFLAGS=`AS_ECHO(["$DPDK_CFLAGS"]) | $SED 's/-I */-isystem /g'`])
])
