# SPDX-License-Identifier: ISC
# TAP for tests in bash: `ok STATUS NAME [WHY]` for each check, `tap_end` last.
tap_count=0
tap_failed=0

ok() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		printf 'ok %d - %s\n' "$tap_count" "$2"
		return
	fi
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$2"
	[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
}

tap_end() {
	printf '1..%d\n' "$tap_count"
	[ "$tap_failed" -eq 0 ]
}
