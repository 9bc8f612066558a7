#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Shows what mqsecproxy is for, against a private mosquitto: passwords with one-time codes before a broker that knows
# nothing of them, payloads that the broker cannot read, and an edge proxy that does both for a client that knows of
# neither. Everything listens on loopback, lives in a temporary folder
# and is gone afterwards. The exit status tells whether every line was ok.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

./bootstrap.sh "$@" || exit 1

PATH=$PATH:/usr/sbin
for tool in mosquitto mosquitto_passwd mosquitto_pub mosquitto_sub; do
	command -v $tool >/dev/null || { echo "quickstart: $tool is not there (Debian: mosquitto, mosquitto-clients)" >&2; exit 1; }
done

top=$PWD
tmp=$(mktemp -d) || exit 1
pids=()
passed=0
failed=0

finish() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
cd "$tmp" || exit 1

ctl() {
	"$top/build/mqsecproxyctl" -c "$tmp/proxy.conf" "$@"
}

check() { # STATUS TEXT
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		printf 'ok   %s\n' "$2"
	else
		failed=$((failed + 1))
		printf 'FAIL %s\n' "$2"
	fi
}

# Waits until a file has a line, or its writer is gone.
wait_for() { # FILE TEXT PID
	local i
	for ((i = 0; i < 200; i++)); do
		grep -qsF -- "$2" "$1" && return 0
		kill -0 "$3" 2>/dev/null || break
		sleep 0.05
	done
	grep -qsF -- "$2" "$1"
}

give_up() { # TEXT FILE
	echo "quickstart: $1" >&2
	tail -n 20 "$2" >&2
	exit 1
}

# A broker as it is found everywhere: users with passwords, nobody else. Its ports are tried until one is free.
start_broker() {
	local try pid
	: >users
	for user in alice sensor viewer watcher meter; do
		mosquitto_passwd -b users $user "legacy-$user"
	done
	for ((try = 0; try < 20; try++)); do
		broker_port=$((20000 + RANDOM % 30000))
		{
			[ "$(id -u)" -ne 0 ] || echo 'user root'
			printf '%s\n' "listener $broker_port 127.0.0.1" 'allow_anonymous false' "password_file $tmp/users" \
				'persistence false' "log_dest file $tmp/broker.log" 'log_type all'
		} >broker.conf
		: >broker.log
		mosquitto -c broker.conf >broker.err 2>&1 &
		pid=$!
		if wait_for broker.log ' running' $pid && kill -0 $pid 2>/dev/null; then
			pids+=("$pid")
			return
		fi
		wait $pid
	done
	give_up 'mosquitto does not start' broker.err
}

# Runs a proxy with NAME.conf; its port is in $port.
run_proxy() { # NAME
	local pid
	"$top/build/mqsecproxy" -c "$1.conf" 2>"$1.log" &
	pid=$!
	pids+=("$pid")
	wait_for "$1.log" 'event=ready' $pid || give_up "mqsecproxy ($1) does not start" "$1.log"
	port=$(sed -n 's/.*event=listening .*address="\{0,1\}127\.0\.0\.1:\([0-9]*\).*/\1/p' "$1.log" | head -n 1)
	[ -n "$port" ] || give_up 'no port in the log' "$1.log"
}

start_proxy() {
	cat >proxy.conf <<-CONF
		workers 1
		admin {
		    socket $tmp/ctl.sock
		}
		state {
		    path $tmp/state.db
		}
		listener door {
		    listen 127.0.0.1:0
		    broker main
		    otp    codes
		    filter who
		}
		broker main {
		    address 127.0.0.1:$broker_port
		}
		otp codes {
		    role verify
		}
		filter who {
		    deny  connect client-id intruder-*
		    allow connect
		}
		key demo {
		    file $tmp/demo.key
		}
		payload secret/# {
		    client-leg plain
		    broker-leg encrypted demo
		}
	CONF
	ctl keygen demo --out demo.key >/dev/null || give_up 'no key' proxy.conf
	for user in alice sensor viewer meter; do
		(umask 077 && ctl user add $user --profile machine-hotp >$user.secret)
		[ -s $user.secret ] || give_up "no secret for $user" proxy.conf
	done
	run_proxy proxy
	proxy_port=$port
}

# The edge proxy stands beside a client, and reaches the broker through the proxy above. It has what the client lacks.
start_edge() {
	mkdir edge
	(umask 077 && echo legacy-meter >meter.password)
	cat >edge.conf <<-CONF
		workers 1
		admin {
		    socket $tmp/edge/ctl.sock
		}
		state {
		    path $tmp/edge/state.db
		}
		listener local {
		    listen 127.0.0.1:0
		    broker gateway
		}
		broker gateway {
		    address 127.0.0.1:$proxy_port
		    otp     me
		}
		otp me {
		    role          inject
		    secret-file   $tmp/meter.secret
		    user          meter
		    password-file $tmp/meter.password
		}
		key demo {
		    file $tmp/demo.key
		}
		payload field/# {
		    client-leg plain
		    broker-leg encrypted demo
		}
	CONF
	run_proxy edge
	edge_port=$port
}

# The code that a device of that user would send as its n-th.
code() { # USER N
	ctl otp code --secret-file "$1.secret" --digits 8 --algorithm sha256 --counter "$2"
}

publish() { # PORT CLIENT-ID USER PASSWORD TOPIC MESSAGE
	timeout 20 mosquitto_pub -h 127.0.0.1 -p "$1" -i "$2" -u "$3" -P "$4" -t "$5" -m "$6" -q 1 >/dev/null 2>&1
}

# Writes the first message it gets to CLIENT-ID.out, as it came; goes on when it has subscribed.
subscribe() { # PORT CLIENT-ID USER PASSWORD TOPIC
	mosquitto_sub -h 127.0.0.1 -p "$1" -i "$2" -u "$3" -P "$4" -t "$5" -q 1 -C 1 -W 20 -N >"$2.out" 2>"$2.err" &
	sub_pid=$!
	pids+=("$sub_pid")
	wait_for broker.log "Sending SUBACK to $2" $sub_pid
}

refused() { # ARGUMENTS OF publish
	! publish "$@"
}

start_broker
start_proxy
start_edge
echo "broker on port $broker_port, mqsecproxy before it on port $proxy_port, an edge proxy on port $edge_port"
text='the valve is open'

once=legacy-alice$(code alice 0)
publish "$proxy_port" alice-1 alice "$once" greeting hello
check $? 'the right password with the right code is let in'
refused "$proxy_port" alice-2 alice "$once" greeting hello
check $? 'the same code a second time is refused'
refused "$proxy_port" alice-3 alice legacy-alice00000000 greeting hello
check $? 'a wrong code is refused'
refused "$proxy_port" intruder-1 sensor "legacy-sensor$(code sensor 0)" greeting hello &&
	! grep -q 'intruder-1' broker.log
check $? 'a client id that the filter denies does not reach the broker, right code or not'

publish "$broker_port" direct-1 alice legacy-alice greeting hello
check $? 'the broker itself takes the legacy password'
refused "$broker_port" direct-2 alice "$once" greeting hello
check $? 'and not one with a code: what the proxy passed on was the legacy password alone'

subscribe "$broker_port" watcher-1 watcher legacy-watcher 'secret/#' && watcher=$sub_pid &&
	subscribe "$proxy_port" viewer-1 viewer "legacy-viewer$(code viewer 0)" 'secret/#' && viewer=$sub_pid
check $? 'one subscriber at the broker, one behind the proxy'
publish "$proxy_port" sensor-1 sensor "legacy-sensor$(code sensor 1)" secret/plant "$text"
check $? 'a device publishes plaintext through the proxy'
wait "${watcher:-$$}" "${viewer:-$$}" 2>/dev/null
[ -s watcher-1.out ] && ! grep -qaF "$text" watcher-1.out &&
	[ "$(ctl decrypt --key-file demo.key --topic secret/plant <watcher-1.out)" = "$text" ]
check $? "the subscriber at the broker got ciphertext ($(wc -c <watcher-1.out) bytes) that the key opens"
[ "$(cat viewer-1.out)" = "$text" ]
check $? "the subscriber behind the proxy got: $(tr -cd '[:print:]' <viewer-1.out)"

meter() {
	timeout 20 mosquitto_pub -h 127.0.0.1 -p "$edge_port" -i meter -t field/level -m "$text" -q 1 >/dev/null 2>&1
}

subscribe "$broker_port" watcher-2 watcher legacy-watcher 'field/#' && watcher=$sub_pid && meter
check $? 'a client without user, password, code and key publishes plaintext through an edge proxy'
wait "${watcher:-$$}" 2>/dev/null
[ -s watcher-2.out ] && ! grep -qaF "$text" watcher-2.out &&
	[ "$(ctl decrypt --key-file demo.key --topic field/level <watcher-2.out)" = "$text" ]
check $? 'it reached the broker, as its user, as ciphertext that the key opens'
meter && [ "$(grep -c 'verdict=accepted .*user=meter' proxy.log)" -eq 2 ]
check $? 'and again: the edge adds a fresh code to each login'

echo "$passed ok, $failed failed"
if [ $failed -ne 0 ]; then
	echo '--- proxy.log' >&2
	tail -n 30 proxy.log >&2
	echo '--- edge.log' >&2
	tail -n 30 edge.log >&2
	echo '--- broker.log' >&2
	tail -n 30 broker.log >&2
	exit 1
fi
