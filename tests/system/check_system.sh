# SPDX-License-Identifier: ISC
# What only a booted systemd can show. A Debian 12 of its own, made once in the build folder (SYSTEM_ROOT), gets what
# "make install" installs and is booted in a container without a network of its own; tests/system/inside.py then runs
# there as a unit, and what it prints is what this prints. Needs root, debootstrap and systemd-nspawn, else is skipped.
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"
set -u
. "${top_srcdir:-.}/tests/system/boot.sh"
work=$build/system
root=${SYSTEM_ROOT:-$work/root}

# The packages that the libraries of the programs are in.
libraries() {
	local file real
	ldd "$build/mqsecproxy" "$build/mqsecproxyctl" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u |
		while IFS= read -r file; do
			real=$(realpath "$file")
			dpkg-query -S "$file" "$real" "${real#/usr}" 2>/dev/null | sed -n 's/^\([^:, ]*\).*/\1/p' | head -n 1
		done | sort -u | paste -sd ,
}

need ldd dpkg-query
mkdir -p "$work"
make_root "$root" "systemd,systemd-sysv,python3,$(libraries)"
make -s -C "$build" install DESTDIR="$root" >"$work/install.log" 2>&1 || bail "$work/install.log" 'make install failed'
boot "$root" "$work/shared" inside.py 180
