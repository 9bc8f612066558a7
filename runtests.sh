#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Builds and runs the whole suite; the last lines are its totals. Arguments go to make, say TESTS=tests/unit/check_frame.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

./bootstrap.sh || exit 1
make -s -C build check "$@"
status=$?
log=build/test-suite.log
if [ -e $log ] && [ $status -ne 0 ]; then
	echo
	grep -h '^not ok\|^Bail out' $(grep -l '^:test-result: \(FAIL\|ERROR\)' $(find build/tests -name '*.trs') /dev/null |
		sed 's/\.trs$/.log/') /dev/null
	echo "runtests: FAILED, see $log"
fi
exit $status
