#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Builds and runs the whole suite. What passes is not shown, the last lines are the totals; everything stands in
# build/check.log. --no-apt and --all-brokers are for bootstrap.sh; other arguments go to make, say
# TESTS=tests/unit/check_frame.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

bootstrap=()
while [[ ${1:-} = --no-apt || ${1:-} = --all-brokers ]]; do
	bootstrap+=("$1")
	shift
done
./bootstrap.sh ${bootstrap[@]+"${bootstrap[@]}"} || exit 1
echo 'runtests: running, this takes some minutes'
# -O: lines of tests that run at once do not get into each other, so that none that fails is overlooked.
make -s -O -C build -j"$((2 * $(nproc)))" check "$@" 2>&1 | tee build/check.log | grep -E '^(FAIL|ERROR|XPASS|SKIP): '
status=${PIPESTATUS[0]}
sed -n 's/^# \([A-Z]*: *[0-9]*\)$/\1/p' build/check.log
if [ "$status" -eq 0 ]; then
	echo 'runtests: all passed'
else
	echo 'runtests: FAILED, see build/check.log and build/test-suite.log'
fi
exit "$status"
