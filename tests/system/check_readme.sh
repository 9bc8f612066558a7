# SPDX-License-Identifier: ISC
# Walks a fresh Debian 12, with a mosquitto in use, through README.md as somebody does who has just unpacked the tarball:
# the commands are taken out of it, run by a user with sudo, and what it shows has to come. Up to the installation with
# the network, since packages are fetched; the rest, tests/system/readme.py, in the booted container without one.
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"
set -u
. "${top_srcdir:-.}/tests/system/boot.sh"
work=$build/system/readme
base=$work/base
root=$work/root

need make
mkdir -p "$work/shared" "$work/archives"
make_root "$base" systemd,systemd-sysv,python3-minimal,python3,sudo,ca-certificates,mosquitto,mosquitto-clients
rm -rf "$root"
cp -a "$base" "$root" || skip 'no room for a copy of Debian'

# Somebody who may use sudo, and the broker as it has been there for years.
echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/newcomer"
chroot "$root" useradd -m -d /srv/newcomer -s /bin/bash newcomer
printf 'listener 1883\npassword_file /etc/mosquitto/passwd\n' >"$root/etc/mosquitto/conf.d/plant.conf"
chroot "$root" sh -c 'mosquitto_passwd -b -c /etc/mosquitto/passwd alice legacy && chown mosquitto /etc/mosquitto/passwd' 2>/dev/null
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >"$root/etc/hosts"
make -s -C "$build" dist >"$work/dist.log" 2>&1 || bail "$work/dist.log" 'make dist failed'
tar -xf "$(ls -t "$build"/mqsecproxy-*.tar.* | head -n 1)" -C "$root/srv/newcomer"
mv "$root/srv/newcomer/"mqsecproxy-* "$root/srv/newcomer/mqsecproxy"
chroot "$root" chown -R newcomer: /srv/newcomer

# The first command of "Put it before your broker" builds and installs; then the quickstart, which shows what is built.
sed -n '/^## Put it/,$p' "$top/README.md" | sed -n '/^```sh$/,/^```$/{/^```/d;p}' | head -n 1 >"$work/shared/first"
grep -q bootstrap.sh "$work/shared/first" || bail "$work/shared/first" 'README.md does not begin with bootstrap.sh'
timeout -k 10 1500 systemd-nspawn --quiet --register=no --keep-unit --directory="$root" --bind="$work/shared:/shared" \
	--bind="$work/archives:/var/cache/apt/archives" --resolv-conf=copy-host --pipe --user=newcomer \
	/bin/bash -c 'cd ~/mqsecproxy && . /shared/first && ./quickstart.sh' >"$work/shared/built" 2>&1 </dev/null
status=$?
if [ $status -ne 0 ] && grep -qE 'Failed to fetch|Temporary failure|Could not resolve' "$work/shared/built"; then
	skip 'no packages can be fetched'
fi
[ $status -eq 0 ] || bail "$work/shared/built" "README.md: the first command failed with status $status"
boot "$root" "$work/shared" readme.py 180
