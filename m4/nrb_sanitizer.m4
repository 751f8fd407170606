# SPDX-License-Identifier: MIT
# NRB_SANITIZER: --enable-sanitizer=LIST builds everything with -fsanitize=LIST.
AC_DEFUN([NRB_SANITIZER], [
	AC_ARG_ENABLE([sanitizer],
		[AS_HELP_STRING([--enable-sanitizer=LIST], [build with -fsanitize=LIST, e.g. address,undefined])],
		[], [enable_sanitizer=no])
	AS_CASE([$enable_sanitizer],
		[no], [],
		[yes], [AC_MSG_ERROR([name the sanitizers: --enable-sanitizer=address,undefined])],
		[AX_CHECK_LINK_FLAG([-fsanitize=$enable_sanitizer], [
			CFLAGS="$CFLAGS -fsanitize=$enable_sanitizer -fno-sanitize-recover=all -fno-omit-frame-pointer"
			LDFLAGS="$LDFLAGS -fsanitize=$enable_sanitizer"
		], [AC_MSG_ERROR([the compiler does not know -fsanitize=$enable_sanitizer])])])
	AM_CONDITIONAL([SANITIZER], [test "x$enable_sanitizer" != xno])
])
