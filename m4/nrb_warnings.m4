# SPDX-License-Identifier: MIT
# NRB_WARNINGS: the warnings this project is kept free of, as NRB_CFLAGS; --enable-werror makes them errors.
AC_DEFUN([NRB_WARNINGS], [
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
	AX_APPEND_COMPILE_FLAGS([-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
		-Wundef -Wvla -Wformat=2], [NRB_CFLAGS], [-Werror])
	AS_IF([test "x$enable_werror" = xyes], [NRB_CFLAGS="$NRB_CFLAGS -Werror"])
	AC_SUBST([NRB_CFLAGS])
])
