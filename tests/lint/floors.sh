# SPDX-License-Identifier: ISC
# The law of the house: a room includes only from the rooms below that it is allowed, libraries stay behind their fences,
# every source has its licence line, one file reads the clock and none knows the machine it was written on. The rules
# are run once more over a copy with one bad thing planted at a time, and must find each.
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"
set -u
export LC_ALL=C
top=$(cd "${top_srcdir:-.}" && pwd)
. "$top/tests/support/tap.sh"

# What a room may include, besides itself and base/. An entry with a slash is one header; "main" are the programs.
allowed() {
	case $1 in
	base) echo ;;
	mqtt | otp | seal) echo ;;
	acl) echo mqtt ;;
	conf) echo mqtt otp acl seal ;;
	proxy) echo mqtt otp seal acl ;;
	sys) echo ;;
	store) echo otp/credential.h sys ;;
	net) echo sys ;;
	worker) echo proxy conf acl seal otp net store sys ;;
	admin) echo worker sys ;;
	ctl) echo conf mqtt otp seal acl store sys ;;
	mqsecproxy.c) echo conf worker admin seal/envelope.h sys ;;
	mqsecproxyctl.c) echo ctl conf otp seal acl store sys ;;
	*) echo NOBODY-KNOWS-THIS-ROOM ;;
	esac
}

# The files that may include a library's headers, as one glob each.
fence() {
	case $1 in
	event2/* | event.h | evhttp.h) echo 'net/* worker/* admin/* store/redis.c' ;;
	openssl/ssl.h) echo 'net/tls.c' ;;
	openssl/*) echo 'seal/* otp/* net/tls.c' ;;
	sodium.h | sodium/*) echo 'base/secret.c seal/* otp/*' ;;
	sqlite3.h) echo 'store/sqlite*' ;;
	hiredis/*) echo 'store/redis.c' ;;
	qrencode.h) echo 'ctl/*' ;;
	intel-ipsec-mb.h) echo 'seal/multibuffer.c' ;;
	systemd/*) echo ;;
	# The pure wing knows no descriptor, clock or thread; a library that must be prepared once is prepared once.
	sys/mman.h | pthread.h)
		echo 'sys/* store/* net/* worker/* admin/* ctl/* mqsecproxy.c mqsecproxyctl.c base/secret.c seal/multibuffer.c' ;;
	sys/* | unistd.h | fcntl.h | poll.h | time.h | signal.h | netdb.h)
		echo 'sys/* store/* net/* worker/* admin/* ctl/* mqsecproxy.c mqsecproxyctl.c base/secret.c' ;;
	*) echo '*' ;;
	esac
}

fits() { # WORD GLOB…
	local word=$1 glob
	shift
	for glob; do
		# shellcheck disable=SC2053
		[[ $word == $glob ]] && return 0
	done
	return 1
}

# "FILE LINE FORM HEADER" of every include below $1, FORM " or <.
includes() {
	(cd "$1" && find . -name '*.[ch]' | sed 's|^\./||' | sort |
		xargs awk 'match($0, /^[ \t]*#[ \t]*include[ \t]*["<][^">]*[">]/) {
			s = substr($0, RSTART, RLENGTH); sub(/^[^"<]*/, "", s)
			print FILENAME, FNR, substr(s, 1, 1), substr(s, 2, length(s) - 2) }')
}

# Complaints about the includes of a source folder, one a line.
check_includes() {
	local file line form header room target rule rules fences
	includes "$1" | while read -r file line form header; do
		room=${file%%/*}
		if [ "$form" = '<' ]; then
			set -f; fences=($(fence "$header")); set +f
			fits "$file" ${fences[@]+"${fences[@]}"} || echo "$file:$line: <$header> is not for this file"
			continue
		fi
		target=${header%%/*}
		[ "$target" = "$header" ] && { echo "$file:$line: \"$header\" does not show its room"; continue; }
		[ "$target" = base ] || [ "$target" = "$room" ] && continue
		rules=($(allowed "$room"))
		for rule in ${rules[@]+"${rules[@]}"}; do
			[ "$rule" = "$target" ] || [ "$rule" = "$header" ] && continue 2
		done
		echo "$file:$line: $room may not include \"$header\""
	done
}

# Text files of a tree that people wrote, as relative paths.
written() {
	(cd "$1" && find . \( -path ./.git -o -path ./build -o -path './build-*' -o -path ./_build -o -path ./_inst -o -path './mqsecproxy-*' -o -path ./autom4te.cache -o -name corpus \
		-o -name node_modules -o -name __pycache__ -o -path ./tests/vectors \) -prune -o -type f \
		\( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.am' -o -name '*.ac' -o -name '*.m4' -o -name '*.md' \
		-o -name '*.js' -o -name '*.conf' -o -name '*.service*' -o -name '*.[1-9]' -o -path './.ci/*' \) -print |
		sed 's|^\./||' | grep -v -e '^aclocal\.m4$' | sort)
}

check_licences() {
	local file n
	written "$1" | grep -E '\.(c|h|sh|py|js)$|^\.ci/' | while read -r file; do
		[ -s "$1/$file" ] || [ "${file##*/}" != __init__.py ] || continue
		head -n 5 "$1/$file" | grep -q 'SPDX-License-Identifier: ISC' || echo "$file: no licence line at its top"
		n=$(grep -c '^[^A-Za-z]*SPDX-License-Identifier:' "$1/$file")
		[ "$n" -le 1 ] || echo "$file: $n licence lines"
	done
}

# The words are put together here, so that this file does not hold them.
check_places() {
	local words
	words="(^|[^A-Za-z0-9_.])/""work/|\.\./""shared|/root""/|/home""/[a-z]"
	(cd "$1" && written . | xargs grep -nE -- "$words" /dev/null)
}

# One file reads the time, so that everything else can be given any.
check_clocks() {
	(cd "$1" && find . -name '*.[ch]' ! -path ./sys/clock.c | sed 's|^\./||' | sort |
		xargs grep -nE '(^|[^A-Za-z0-9_])(clock_gettime|gettimeofday|timespec_get|time|ftime|clock)\(' /dev/null)
}

# Not an error: where a seam may be missing.
long_files() {
	written "$1" | grep -E '\.[ch]$' | while read -r file; do
		n=$(wc -l <"$1/$file")
		[ "$n" -le 450 ] || echo "$file: $n lines"
	done
}

none() { # NAME COMPLAINTS
	ok "$([ -z "$2" ]; echo $?)" "$1" "$2"
}

# Plants one bad line, which the check must name, and takes it out again. Paths below src/ are given from there for the
# check of includes.
planted() { # NAME FILE LINE CHECK [FOLDER]
	local complaints file=$copy/$2
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$3" >>"$file"
	complaints=$("$4" "$copy${5:+/$5}")
	case $complaints in
	*"${2#"${5:+$5/}"}"*) ok 0 "found: $1" ;;
	*) ok 1 "found: $1" "$complaints" ;;
	esac
	if [ -e "$top/$2" ]; then
		cat "$top/$2" >"$file"
	else
		rm -f "$file"
	fi
}

copy=$(mktemp -d) || exit 99
trap 'rm -rf "$copy"' EXIT
cp -R "$top/src" "$copy/src" && chmod -R u+w "$copy/src" || exit 99

n=$(includes "$top/src" | wc -l)
ok "$([ "$n" -gt 200 ]; echo $?)" 'the includes are found' "$n"
none 'includes follow the floors' "$(check_includes "$top/src")"
none 'one licence line a file' "$(check_licences "$top")"
none 'no file knows this machine' "$(check_places "$top")"
none 'one file reads the clock' "$(check_clocks "$top/src")"
long=$(long_files "$top")
[ -z "$long" ] || printf '%s\n' "$long" | sed 's/^/# long: /'

planted 'upward' src/base/text.c '#include "mqtt/frame.h"' check_includes src
planted 'sideways' src/otp/hotp.c '#include "seal/aead.h"' check_includes src
planted 'from the pure wing into the other' src/proxy/session.c '#include "sys/log.h"' check_includes src
planted 'one header of a room more than allowed' src/store/async.c '  #  include "otp/judge.h"' check_includes src
planted 'a program as a room' src/ctl/table.c '#include "worker/worker.h"' check_includes src
planted 'without its room' src/seal/aead.c '#include "cmac.h"' check_includes src
planted 'a room that nobody knows' src/attic/x.c '#include "mqtt/frame.h"' check_includes src
planted 'libevent in the engine' src/proxy/session.c '#include <event2/event.h>' check_includes src
planted 'libcrypto in the tool' src/ctl/keygen.c '#include <openssl/evp.h>' check_includes src
planted 'libssl in a cipher room' src/seal/aead.c '#include <openssl/ssl.h>' check_includes src
planted 'libsodium beside its file' src/base/buf.c '#include <sodium.h>' check_includes src
planted 'SQLite beside its file' src/store/async.c '#include <sqlite3.h>' check_includes src
planted 'a descriptor in the pure wing' src/mqtt/frame.c '#include <unistd.h>' check_includes src
planted 'a file without a licence' src/acl/new.c 'int new;' check_licences
planted 'a second licence' src/acl/cidr.h '/* SPDX-License-Identifier: MIT */' check_licences
planted 'a clock of its own' src/net/addr.c 'static long now(void) { return (long)time(NULL); }' check_clocks src
planted 'a better one' src/store/turns.c '	(void)clock_gettime(CLOCK_MONOTONIC, &t);' check_clocks src
planted 'a path of a machine' src/net/addr.c "/* see /""work/main */" check_places
tap_end
