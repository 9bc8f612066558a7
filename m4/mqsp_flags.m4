# Compiler flags: what is asked for is used where the compiler has it.

# MQSP_ADD(VARIABLE, FLAG, [EXTRA]): appends FLAG to VARIABLE if a program compiles and links with it.
AC_DEFUN([MQSP_ADD], [
	AS_VAR_PUSHDEF([cache], [mqsp_cv_flag_$2])
	AC_CACHE_CHECK([for $2], [cache], [
		mqsp_saved=$CFLAGS
		CFLAGS="$CFLAGS -Werror $2 $3"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$mqsp_saved
	])
	AS_VAR_IF([cache], [yes], [$1="$$1 $2"])
	AS_VAR_POPDEF([cache])
])

AC_DEFUN([MQSP_WARNINGS], [
	WARN_CFLAGS="-std=c11"
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wvla
		-Wstrict-prototypes -Wmissing-prototypes -Wnull-dereference -Wformat=2 -Wundef
		-Wpointer-arith -Wcast-qual -Wwrite-strings],
		[MQSP_ADD([WARN_CFLAGS], flag)])
	AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

# _FORTIFY_SOURCE does something in an optimising build only, so it is tried in one.
AC_DEFUN([MQSP_HARDENING], [
	HARDEN_CFLAGS=
	HARDEN_LDFLAGS=
	AS_IF([test "x$enable_sanitizers" = xno && test "x$enable_fuzz" = xno], [
		MQSP_ADD([HARDEN_CFLAGS], [-D_FORTIFY_SOURCE=3], [-O2])
		m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
			-ftrivial-auto-var-init=zero -fPIE], [MQSP_ADD([HARDEN_CFLAGS], flag)])
		MQSP_ADD([HARDEN_LDFLAGS], [-pie])
		MQSP_ADD([HARDEN_LDFLAGS], [[-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code]])
	])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
])

# Objects hold both forms: the daemon is linked from the one, the many test programs from the other.
AC_DEFUN([MQSP_LTO], [
	LTO_CFLAGS=
	LTO_LDFLAGS=
	NO_LTO_LDFLAGS=
	AS_IF([test "x$enable_lto" = xyes && test "x$enable_sanitizers" = xno && test "x$enable_fuzz" = xno], [
		MQSP_ADD([LTO_CFLAGS], [[-flto=auto -ffat-lto-objects]])
		AS_IF([test -n "$LTO_CFLAGS"], [
			LTO_LDFLAGS="-flto=auto -w" # each file's warnings were seen when it was compiled
			NO_LTO_LDFLAGS=-fno-lto
		])
	])
	AC_SUBST([LTO_CFLAGS])
	AC_SUBST([LTO_LDFLAGS])
	AC_SUBST([NO_LTO_LDFLAGS])
])

AC_DEFUN([MQSP_SANITIZERS], [
	SANITIZE_FLAGS=
	AS_IF([test "x$enable_sanitizers" != xno], [
		SANITIZE_FLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
	])
	AS_IF([test "x$enable_fuzz" = xyes], [SANITIZE_FLAGS="$SANITIZE_FLAGS -fsanitize=fuzzer-no-link"])
	AC_SUBST([SANITIZE_FLAGS])
])
