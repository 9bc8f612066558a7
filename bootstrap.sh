#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Gets what is missing on Debian, then builds in build/. Run again it only does what is left to do.
#
#   ./bootstrap.sh [--no-apt]
#
# CONFIGURE_ARGS holds more options for configure, say CONFIGURE_ARGS=--enable-werror.
set -euo pipefail
cd "$(dirname "$0")"

BUILD_PACKAGES='gcc libc6-dev make autoconf automake pkg-config libevent-dev libssl-dev libsodium-dev libsqlite3-dev check'
TEST_PACKAGES='mosquitto mosquitto-clients python3 python3-cryptography oathtool strace mandoc'
# MQTT.js; a Node.js that is not Debian's own may not go together with it.
OPTIONAL_PACKAGES='node-mqtt'

apt=yes
for arg; do
	case $arg in
	--no-apt) apt=no ;;
	-h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "usage: $0 [--no-apt]" >&2; exit 2 ;;
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

# Debian starts a broker on port 1883 when it is installed. Nobody asked for it: it is kept from being started, and
# from the next boot, unless it was there before.
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

keep_broker_off() {
	command -v systemctl >/dev/null || return 0
	note 'the new mosquitto.service is kept from starting by itself'
	as_root systemctl disable mosquitto.service >/dev/null 2>&1 || note 'it could not be disabled'
	if systemctl is-active -q mosquitto.service 2>/dev/null; then
		as_root systemctl stop mosquitto.service
	fi
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
}

install_packages() {
	local wanted optional new_broker=no
	wanted=$(missing $BUILD_PACKAGES $TEST_PACKAGES)
	optional=$(missing $OPTIONAL_PACKAGES)
	[ -n "$wanted$optional" ] || return 0
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		note 'there is no sudo, so nothing can be installed'
		apt=no
	fi
	if [ $apt = no ]; then
		note "not run: apt-get install -y --no-install-recommends$wanted$optional"
		return 0
	fi
	# An optional package that is refused every time must not cost a look at the archive every time.
	if [ -z "$wanted" ] && ! apt-get install -s --no-install-recommends $optional >/dev/null 2>&1; then
		note "cannot be installed here, tests that need it are skipped: $optional"
		return 0
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q || note 'apt-get update did not go well; going on'
	case " $wanted" in *' mosquitto '*) new_broker=yes ;; esac
	[ $new_broker = no ] || { trap allow_services EXIT; forbid_services; }
	[ -z "$wanted" ] || apt_install $wanted || { note 'apt-get failed; --no-apt builds with what is there'; exit 1; }
	if [ -n "$optional" ]; then
		apt_install $optional || note "cannot be installed here, tests that need it are skipped: $optional"
	fi
	[ $new_broker = no ] || { keep_broker_off; allow_services; trap - EXIT; }
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
build
note 'done: build/mqsecproxy, build/mqsecproxyctl'
