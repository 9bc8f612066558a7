# SPDX-License-Identifier: ISC
"""Many clients behind an edge, each user with codes of its own, when the broker restarts: all come back, at the pace of
clients, and none is refused for its code. RECONNECTS is how many; 5,000 by hand."""
import base64
import os
import random
import resource
import secrets
import selectors
import shutil
import signal
import socket
import time

from lib import proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
N = tap.rounds("RECONNECTS", 200)
USERS = min(N, 500)  # a credential has some clients, as in a fleet
STRACE = shutil.which("strace") if not proxy.sanitized() else None


class Counted:
    """A proxy whose syncs are counted, where strace is there."""

    def __init__(self, name):
        self.out = proc.path(name + ".strace")
        self.wrapper = [STRACE, "-f", "--seccomp-bpf", "-o", self.out, "-e", "trace=fdatasync,fsync"] if STRACE else ()

    def syncs(self):
        with open(self.out, "rb") as f:
            return sum(b"sync(" in line for line in f)


counted = {name: Counted(name) for name in ("edge", "gateway")}
LIMITS = "\tmax-connections %d\n\tmax-pending %d\n\tmax-pending-per-address %d" % (2 * N + 100, 2 * N + 100, 2 * N + 100)
broker = Mosquitto()
gateway = proxy.Proxy(proxy.otp_block() + proxy.broker(broker.port) + proxy.listener(extra="\totp codes\n" + LIMITS),
                      name="gateway", wrapper=counted["gateway"].wrapper)
users = ["fleet-%d" % i for i in range(USERS)]


class Device:
    """One client, which knows nothing of codes: after a close it waits as clients do, and connects again."""

    def __init__(self, i):
        self.i, self.sock, self.due, self.accepted, self.refused, self.closed = i, None, 0, 0, [], 0


def play(devices, port, done, seconds):
    """Lets the devices live until done(); gives how long that took."""
    selector, began = selectors.DefaultSelector(), time.monotonic()
    for d in devices:
        if d.sock:
            selector.register(d.sock, selectors.EVENT_READ, d)

    def drop(d):
        selector.unregister(d.sock)
        d.sock.close()
        d.sock, d.due = None, time.monotonic() + random.uniform(1, 3)

    while not done() and time.monotonic() < began + seconds:
        now = time.monotonic()
        for d in devices:
            if d.sock is None and d.due <= now:
                d.sock = socket.create_connection(("127.0.0.1", port), 10)
                d.sock.sendall(raw.connect(4, "device-%d" % d.i, user=users[d.i % USERS], password="pw"))
                selector.register(d.sock, selectors.EVENT_READ, d)
        for key, _ in selector.select(0.02):
            d = key.data
            try:
                data = d.sock.recv(4096)
            except OSError:
                data = b""
            if data[:1] == b" " and data[3:4] == b"\0":
                d.accepted += 1
            elif data[:1] == b" ":
                d.refused.append(data[3])
            if not data or (data[:1] == b" " and data[3:4] != b"\0"):
                d.closed += 1
                drop(d)
    for d in devices:
        if d.sock:
            selector.unregister(d.sock)
    return time.monotonic() - began


devices = [Device(i) for i in range(N)]


def all_in():
    """All log in"""
    global edge
    lines = []
    for name in users:
        secret = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
        proc.write("otp-" + name, secret + "\n", 0o600)
        lines.append("otpauth://hotp/mqsecproxy:%s?secret=%s&algorithm=SHA256&digits=8&counter=0" % (name, secret))
    listing = proc.write("fleet.txt", "\n".join(lines) + "\n", 0o600)
    status, out, err = gateway.ctl("user", "import", listing)
    tap.ok(status == 0, "%d users are imported" % USERS, out + err)
    gateway.start()
    edge = proxy.Proxy(
        "otp me {\n\trole inject\n\tsecret-file %s\n}\n" % proc.path("otp-%u") +
        proxy.broker(gateway.port, extra="\totp me\n\tconnect-timeout 20s") + proxy.listener(extra=LIMITS), name="edge",
        wrapper=counted["edge"].wrapper)
    edge.start()
    took = play(devices, edge.port, lambda: all(d.accepted for d in devices), 120)
    tap.eq(sum(d.accepted for d in devices), N, "%d clients are in, after %.1f s" % (N, took))


def restart():
    """The broker restarts"""
    before = {d.i: d.accepted for d in devices}
    syncs = {n: c.syncs() for n, c in counted.items()} if STRACE else None
    for d in devices:
        d.refused, d.closed = [], 0
    proc.stop(broker.child)
    play(devices, edge.port, lambda: all(d.closed for d in devices), 60)
    broker.start()
    took = play(devices, edge.port, lambda: all(d.accepted > before[d.i] for d in devices), 180)
    back = sum(d.accepted > before[d.i] for d in devices)
    refusals = [c for d in devices for c in d.refused]
    tap.eq(back, N, "all %d are back, %.1f s after it listens again" % (N, took))
    tap.ok(not any(c in (4, 5) for c in refusals), "none was refused for its code; %d were told that the server is not "
           "available" % len(refusals), refusals[:20])
    verdicts = [v["verdict"] for p in (edge, gateway) for v in p.verdicts()]
    codes = [v for v in verdicts if v.startswith("otp_")]
    tap.eq(codes, [], "no verdict in either log is about a code")
    if not STRACE:
        raise tap.Skip("commits are not counted: no strace, or under a sanitizer")
    logins = sum(d.accepted - before[d.i] for d in devices)
    for name, c in counted.items():
        n = c.syncs() - syncs[name]
        tap.ok(0 < n <= 3 * logins, "%s: %d syncs for %d logins, %.2f a login, %.0f a second at %.0f logins a second" % (
            name, n, logins, n / logins, n / took, logins / took))


def finish():
    """The end"""
    for d in devices:
        if d.sock:
            d.sock.close()
    for p in (edge, gateway):  # strace itself does not pass the signal on
        os.kill((proc.children(p.pid) or [p.pid])[0], signal.SIGTERM)
    tap.eq((edge.wait_exit(), gateway.wait_exit()), (0, 0), "both end with status 0")
    for p in (edge, gateway):
        p.stop()
    broker.stop()


tap.run([all_in, restart, finish], 600)
