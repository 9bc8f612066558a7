# SPDX-License-Identifier: ISC
# Sourced: a Debian 12 of its own in a container, and a systemd booted in it.
top=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}

bail() { # LOG MESSAGE
	echo "Bail out! $2"
	tail -n 20 "$1" | sed 's/^/# /'
	exit 1
}

need() { # TOOL...
	local tool
	[ "$(id -u)" -eq 0 ] || skip 'no systemd can be booted: not root'
	for tool in debootstrap systemd-nspawn "$@"; do
		command -v "$tool" >/dev/null || skip "no systemd can be booted: no $tool"
	done
}

# A root with these packages; made once.
make_root() { # ROOT PACKAGES
	[ "$(cat "$1.packages" 2>/dev/null)" != "$2" ] || return 0
	rm -rf "$1"
	debootstrap --variant=minbase --include="$2" bookworm "$1" >"$1.log" 2>&1 ||
		skip "no systemd can be booted: debootstrap failed, see $1.log"
	echo "$2" >"$1.packages"
}

# Boots a root, runs a program of tests/system there as a unit, and shows what it printed. Nothing of the run stays in the
# root: it is overlaid by memory.
boot() { # ROOT SHARED PROGRAM SECONDS
	cat >"$1/etc/systemd/system/inside.service" <<UNIT
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/tests/interop HOME=/root
ExecStart=/usr/bin/python3 /tests/system/$3
StandardOutput=file:/shared/out
StandardError=file:/shared/out

[Install]
WantedBy=multi-user.target
UNIT
	# With a machine id it is no first boot, at which all units would be enabled.
	echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
	mkdir -p "$1/etc/systemd/system/multi-user.target.wants" "$2"
	ln -sf ../inside.service "$1/etc/systemd/system/multi-user.target.wants/inside.service"
	rm -f "$2/out"
	timeout -k 10 "$4" systemd-nspawn --quiet --register=no --keep-unit --private-network --volatile=overlay \
		--directory="$1" --bind-ro="$top/tests:/tests" --bind-ro="$top/README.md:/README.md" --bind="$2:/shared" \
		--boot --console=pipe >"$2/boot.log" 2>&1 </dev/null
	if [ ! -s "$2/out" ]; then
		tail -n 5 "$2/boot.log" | sed 's/^/# /'
		skip "no systemd can be booted here, see $2/boot.log"
	fi
	cat "$2/out"
}
