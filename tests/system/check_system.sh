# SPDX-License-Identifier: ISC
# What only a booted systemd can show. A Debian 12 of its own, made once in the build folder (SYSTEM_ROOT), gets what
# "make install" installs and is booted in a container without a network of its own; tests/system/inside.py then runs
# there as a unit, and what it prints is what this prints. Needs root, debootstrap and systemd-nspawn, else is skipped.
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"
set -u
top=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
work=$build/system
root=${SYSTEM_ROOT:-$work/root}
SECONDS_MAX=150

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

[ "$(id -u)" -eq 0 ] || skip 'no systemd can be booted: not root'
for tool in debootstrap systemd-nspawn ldd dpkg-query; do
	command -v $tool >/dev/null || skip "no systemd can be booted: no $tool"
done

# The packages that the libraries of the programs are in.
libraries() {
	local file real
	ldd "$build/mqsecproxy" "$build/mqsecproxyctl" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u |
		while IFS= read -r file; do
			real=$(realpath "$file")
			dpkg-query -S "$file" "$real" "${real#/usr}" 2>/dev/null | sed -n 's/^\([^:, ]*\).*/\1/p' | head -n 1
		done | sort -u | paste -sd ,
}

make_root() {
	local packages
	packages=systemd,systemd-sysv,python3,$(libraries)
	[ "$(cat "$root.packages" 2>/dev/null)" != "$packages" ] || return 0
	rm -rf "$root"
	debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$work/debootstrap.log" 2>&1 || return 1
	echo "$packages" >"$root.packages"
}

mkdir -p "$work" "$work/shared"
make_root || skip "no systemd can be booted: debootstrap failed, see $work/debootstrap.log"
make -s -C "$build" install DESTDIR="$root" >"$work/install.log" 2>&1 || {
	echo 'Bail out! make install failed'
	tail -n 20 "$work/install.log" | sed 's/^/# /'
	exit 1
}

cat >"$root/etc/systemd/system/inside.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/tests/interop HOME=/root
ExecStart=/usr/bin/python3 /tests/system/inside.py
StandardOutput=file:/shared/out
StandardError=file:/shared/out

[Install]
WantedBy=multi-user.target
UNIT
# With a machine id it is no first boot, at which all units would be enabled.
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../inside.service "$root/etc/systemd/system/multi-user.target.wants/inside.service"
rm -f "$work/shared/out"

# Nothing of a run stays in the root: it is overlaid by memory.
timeout -k 10 $SECONDS_MAX systemd-nspawn --quiet --register=no --keep-unit --private-network --volatile=overlay --directory="$root" \
	--bind-ro="$top/tests:/tests" --bind="$work/shared:/shared" --boot --console=pipe >"$work/boot.log" 2>&1 </dev/null
if [ ! -s "$work/shared/out" ]; then
	tail -n 5 "$work/boot.log" | sed 's/^/# /'
	skip "no systemd can be booted here, see $work/boot.log"
fi
cat "$work/shared/out"
