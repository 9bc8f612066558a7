# SPDX-License-Identifier: ISC
# The unit stays shut in: what systemd-analyze thinks of its sandbox, which is shown to find a unit that is not.
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"
set -u
unit=$top_builddir/systemd/mqsecproxy.service
command -v systemd-analyze >/dev/null || { echo '1..0 # SKIP systemd-analyze is not there'; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

most=12 # tenths
exposed() { systemd-analyze security --no-pager --offline=yes --threshold=$most "$1" >"$folder/out" 2>&1; }

echo 1..2
if exposed "$unit"; then echo "ok 1 - exposed by at most $most tenths"; else echo "not ok 1 - exposed by at most $most tenths"; grep -E '^(✗|→)' "$folder/out" | sed 's/^/# /'; fi
grep -v '^\(PrivateUsers\|ProtectClock\|PrivateDevices\)=' "$unit" >"$folder/mqsecproxy.service"
if exposed "$folder/mqsecproxy.service"; then echo 'not ok 2 - an opened one is found'; else echo 'ok 2 - an opened one is found'; fi
