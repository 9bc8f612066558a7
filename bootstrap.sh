#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Gets what is missing on Debian, then builds in build/. Run again it only does what is left to do.
#
#   ./bootstrap.sh [--no-apt] [--all-brokers]
#
# --all-brokers also gets the heavy brokers that the tests can do without, and from npm aedes and MQTT.js (into build/).
# CONFIGURE_ARGS holds more options for configure, say CONFIGURE_ARGS=--enable-werror.
set -euo pipefail
cd "$(dirname "$0")"

BUILD_PACKAGES='gcc libc6-dev make autoconf automake pkg-config libevent-dev libssl-dev libsodium-dev libsqlite3-dev libqrencode-dev check'
# AES-256-GCM for x86-64; elsewhere there is no such package, and libcrypto does it.
[[ "$(dpkg --print-architecture 2>/dev/null || uname -m)" != @(amd64|x86_64) ]] || BUILD_PACKAGES="$BUILD_PACKAGES libipsec-mb-dev"
TEST_PACKAGES='mosquitto mosquitto-clients python3 python3-cryptography oathtool strace mandoc libfaketime'
# Clients. A Node.js that is not Debian's own may not go together with node-mqtt.
OPTIONAL_PACKAGES='node-mqtt python3-paho-mqtt paho.mqtt.c-examples'
# Debian starts each of these when it is installed.
BROKER_PACKAGES='mosquitto'
HEAVY_BROKER_PACKAGES='rabbitmq-server ejabberd'

apt=yes
all_brokers=no
for arg; do
	case $arg in
	--no-apt) apt=no ;;
	--all-brokers) all_brokers=yes ;;
	-h | --help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "usage: $0 [--no-apt] [--all-brokers]" >&2; exit 2 ;;
	esac
done

note() {
	printf '%s\n' "bootstrap: $*"
}

# Runs a command as root, after it was shown.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		printf '+ %s\n' "$*"
		"$@"
	else
		printf '+ sudo %s\n' "$*"
		sudo "$@"
	fi
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing() {
	local package
	for package; do
		installed "$package" || printf '%s ' "$package"
	done
}

# Debian starts a broker when it is installed. Nobody asked for it: what is new is kept from being started, and from the
# next boot; what was there before stays as it is.
POLICY=/usr/sbin/policy-rc.d
policy_made=no

forbid_services() {
	[ ! -e $POLICY ] || return 0
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY" && policy_made=yes
}

allow_services() {
	[ $policy_made = no ] || as_root rm -f $POLICY
	policy_made=no
}

units() {
	find /etc/systemd/system -path '*.wants/*' -printf '%f\n' 2>/dev/null | sort -u
}

keep_off() { # UNIT...
	local unit
	command -v systemctl >/dev/null || return 0
	for unit; do
		note "the new $unit is kept from starting by itself"
		as_root systemctl disable "$unit" >/dev/null 2>&1 || note 'it could not be disabled'
		if systemctl is-active -q "$unit" 2>/dev/null; then
			as_root systemctl stop "$unit"
		fi
	done
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
}

# Whether there is a need to look at the archive: an optional package that is refused every time is none.
installable() {
	local package
	for package; do
		! apt-get install -s --no-install-recommends "$package" >/dev/null 2>&1 || return 0
	done
	return 1
}

install_packages() {
	local wanted optional brokers package before
	wanted=$(missing $BUILD_PACKAGES $TEST_PACKAGES)
	brokers=$(missing $BROKER_PACKAGES)
	optional=$(missing $OPTIONAL_PACKAGES)
	if [ $all_brokers = yes ]; then
		wanted=$wanted$(missing $HEAVY_BROKER_PACKAGES)
		brokers=$brokers$(missing $HEAVY_BROKER_PACKAGES)
		command -v npm >/dev/null || wanted="${wanted}npm "
	fi
	[ -n "$wanted$optional" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		note 'there is no sudo, so nothing can be installed'
		apt=no
	fi
	if [ $apt = no ]; then
		note "not run: apt-get install -y --no-install-recommends $wanted$optional"
		return 0
	fi
	if [ -z "$wanted" ] && ! installable $optional; then
		note "cannot be installed here, tests that need it are skipped: $optional"
		return 0
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q || note 'apt-get update did not go well; going on'
	before=$(units)
	[ -z "$brokers" ] || { trap allow_services EXIT; forbid_services; }
	[ -z "$wanted" ] || apt_install $wanted || { note 'apt-get failed; --no-apt builds with what is there'; exit 1; }
	for package in $optional; do # one by one: what one is refused for is no matter of the others
		apt_install "$package" || note "cannot be installed here, tests that need it are skipped: $package"
	done
	[ -z "$brokers" ] || { keep_off $(comm -13 <(echo "$before") <(units)); allow_services; trap - EXIT; }
}

# As package-lock.json says, and no program of a package is run on the way.
install_from_npm() {
	if [ $apt = no ]; then
		note 'not run: npm ci'
		return 0
	fi
	mkdir -p build/npm
	[ ! -d build/npm/node_modules ] || ! cmp -s tests/interop/package-lock.json build/npm/package-lock.json || return 0
	cp tests/interop/package.json tests/interop/package-lock.json build/npm/
	(cd build/npm && npm ci --ignore-scripts --no-audit --no-fund) || { rm -f build/npm/package-lock.json; return 1; }
}

configured_otherwise() {
	local arg now
	now=$(build/config.status --config)
	for arg in ${CONFIGURE_ARGS:-}; do
		case " $now " in *"$arg"*) ;; *) return 0 ;; esac
	done
	return 1
}

build() {
	local generated
	for generated in configure Makefile.in build-aux/tap-driver.sh build-aux/install-sh; do
		[ -e $generated ] || { autoreconf -fi; break; }
	done
	mkdir -p build
	if [ ! -e build/config.status ] || configured_otherwise; then
		(cd build && ../configure -q --sysconfdir=/etc --localstatedir=/var ${CONFIGURE_ARGS:-})
	fi
	make -s -C build -j"$(nproc)"
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
	install_packages
else
	note "this is no Debian: these packages, or what they are called here, have to be there: $BUILD_PACKAGES $TEST_PACKAGES"
fi
[ $all_brokers = no ] || install_from_npm
build
note 'done: build/mqsecproxy, build/mqsecproxyctl'
