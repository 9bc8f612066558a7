# SPDX-License-Identifier: ISC
"""An edge that adds one-time codes to the logins of clients that know nothing of them, before a gateway that checks them:
every version and profile, a crowd on one credential, and every way in which edge, gateway and what lies between them can
fail. Whatever happens, the edge sends no code that was used, and gets in when all is well again."""
import base64
import concurrent.futures
import json
import os
import random
import select
import signal
import socket
import sqlite3
import threading
import time

from lib import clients, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
PASSWORD = "canary-static"
PROFILES = ("machine-hotp", "machine-totp", "people")
NAMES = ["%s-%s" % (p, v) for p in PROFILES for v in clients.LEVEL] + \
        ["one", "two", "three", "crowd", "again", "fixed", "edge", "wrong", "kill", "down", "between", "step"]


class Switch(threading.Thread):
    """Stands between edge and gateway: relays, closes at once, refuses logins, or says nothing."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.mode, self.seen = "relay", 0
        self.start()

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(sock, self.mode), daemon=True).start()

    def serve(self, sock, mode):
        with sock:
            if mode == "close":
                return
            if mode == "relay":
                self.relay(sock)
            else:
                sock.settimeout(10)
                data = sock.recv(4096)
                self.seen += bool(data)
                if data and mode != "silent":
                    sock.sendall(raw.connack(4, int(mode)))

    def relay(self, sock):
        with socket.create_connection(("127.0.0.1", gateway.port)) as other:
            ends = {sock: other, other: sock}
            while True:
                for ready in select.select(list(ends), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    ends[ready].sendall(data)


def secret_file(user, name=None):
    return proc.write("otp-" + (name or user.name), base64.b32encode(user.secret).decode() + "\n", 0o600)


def inject(name, profile="machine-hotp", extra="", file=None):
    return "otp %s {\n\trole inject\n\tprofile %s\n\tsecret-file %s\n%s\n}\n" % (
        name, profile, file or proc.path("otp-%u"), extra)


def lane(name, port, otp, extra="", timeout="5s"):
    """A listener with a broker of its own."""
    return proxy.listener(name=name, broker=name, listen="127.0.0.1:%d" % lanes[name]) + \
        proxy.broker(port, name, "\totp %s\n\tconnect-timeout %s\n%s" % (otp, timeout, extra))


switch = Switch()
broker = Mosquitto(users={n: PASSWORD for n in NAMES + ["slash/name", "dots..", "missing", "open"]})
lanes = {n: proc.free_port() for n in PROFILES + ("supply", "fixed", "switch", "brief")}
GATEWAY = "127.0.0.1:%d" % proc.free_port()
gateway = proxy.Proxy(proxy.otp_block() + proxy.broker(broker.port) + proxy.listener(extra="\totp codes", listen=GATEWAY),
                      name="gateway")
gateway.start()
users = {n: gateway.add_user(n, n.rsplit("-", 1)[0] if n.startswith(PROFILES) else "machine-hotp") for n in NAMES
         if n != "step"}
users["step"] = gateway.add_user("step", "machine-totp")
for u in users.values():
    secret_file(u)
FIXED = secret_file(users["fixed"], "of-fixed")
TEXT = "".join(lane(p, gateway.port, p) + inject(p, p) for p in PROFILES) + \
    lane("supply", gateway.port, "supply") + inject("supply", extra="\tuser edge\n\tpassword-file " + proc.write(
        "password", PASSWORD + "\n", 0o600)) + \
    lane("fixed", gateway.port, "fixed") + inject("fixed", file=FIXED) + \
    lane("brief", gateway.port, "brief", timeout="2s") + inject("brief", "machine-totp") + \
    lane("switch", switch.port, "machine-hotp")
edge = proxy.Proxy(TEXT, name="edge")
edge.start()


def login(name, lane="machine-hotp", version=4, password=PASSWORD, patience=10):
    """The CONNACK's code, or None where there is none."""
    try:
        with raw.Client(lanes[lane], version, patience=patience) as c:
            answer = c.login("c-" + name, user=name, password=password)
            return answer.code if answer else None
    except (ConnectionError, AssertionError, OSError):
        time.sleep(0.01)  # nobody is there: as a client would
        return None


def drawn(path=None):
    """What the edge has drawn, counters and steps together."""
    db = sqlite3.connect("file:%s?mode=ro" % (path or edge.state), uri=True, timeout=10)
    try:
        return db.execute("SELECT coalesce(sum(last + 1), 0) FROM draw").fetchone()[0]
    finally:
        db.close()


def mark(name):
    db = sqlite3.connect("file:%s?mode=ro" % gateway.state, uri=True, timeout=10)
    try:
        return db.execute("SELECT mark FROM user WHERE name = ?", (name.encode(),)).fetchone()[0]
    finally:
        db.close()


def replays(name):
    return sum("verdict=otp_replayed" in line and "user=%s " % name in line for line in gateway.log().splitlines())


def versions():
    """mosquitto's client, which knows nothing of codes, in every version and with every profile"""
    payload = proc.write("one-byte", b"1")
    for profile in PROFILES:
        for version in clients.LEVEL:
            name = "%s-%s" % (profile, version)
            with raw.Client(broker.port) as watcher:
                watcher.login("watch", user="one", password=PASSWORD)
                watcher.subscribe("t/" + name)
                status, err = clients.publish(lanes[profile], version, "t/" + name, payload, 1, user=name, password=PASSWORD)
                tap.ok(status == 0, "%s, %s: published" % (profile, version), err)
                tap.eq(watcher.message().payload, b"1", "%s, %s: there" % (profile, version))


def several_users():
    """Each user name has its own secret and counter"""
    for turn in range(3):
        for name in ("one", "two", "three"):
            tap.eq(login(name, version=3 + turn), 0, "%s, turn %d" % (name, turn + 1))
    tap.eq([mark(n) for n in ("one", "two", "three")], [3, 3, 3], "three codes each, without a gap")


def supplied():
    """A client without user name and password gets both, one without a user name and nothing to supply is refused"""
    payload = proc.write("one-byte", b"1")
    for version in clients.LEVEL:
        status, err = clients.publish(lanes["supply"], version, "s", payload, 1)
        tap.ok(status == 0, "%s: published" % version, err)
    tap.eq(mark("edge"), 3, "three codes of the supplied user")
    began = time.monotonic()
    with raw.Client(lanes["machine-hotp"]) as c:
        tap.eq(c.login("nobody").code, 4, "no user name: refused")
    tap.within(time.monotonic() - began, 0.9, 20, "a second later")
    line = edge.wait_verdict("user_missing")
    tap.ok("supplies none" in line["why"], "and the log says why", line)


def crowd():
    """20 clients of one credential at once: all get in"""
    crowd = [raw.Client(lanes["machine-hotp"], 4, patience=15) for _ in range(20)]
    for i, c in enumerate(crowd):
        c.send(raw.connect(4, "crowd-%d" % i, user="crowd", password=PASSWORD))
    codes = [c.receive().code for c in crowd]
    for c in crowd:
        c.close()
    tap.eq(codes, [0] * 20, "all are accepted")
    tap.eq(mark("crowd"), 20, "20 codes were used, none was lost")
    tap.eq(len(gateway.verdicts(user="crowd")) - len(gateway.verdicts("accepted", user="crowd")), 0, "none was refused")


def leavers():
    """Clients that leave while they stand in line hold nobody up"""
    users["leave"] = users["again"]
    for turn in range(3):
        crowd = [raw.Client(lanes["machine-hotp"], 4, patience=15) for _ in range(12)]
        for i, c in enumerate(crowd):
            c.send(raw.connect(4, "leave-%d" % i, user="again", password=PASSWORD))
        for c in crowd[::2]:
            c.reset()
        codes = [c.receive().code for c in crowd[1::2]]
        for c in crowd[1::2]:
            c.close()
        tap.eq(codes, [0] * 6, "turn %d: who stays gets in" % (turn + 1))


def steps():
    """TOTP: a step is used once; the next one is sent early, and what would have to wait too long is refused"""
    while time.time() % 10 > 7:  # three logins within one step
        time.sleep(0.1)
    tap.eq([login("step", "brief") for _ in range(2)], [0, 0], "two at once: this step and the next")
    began = time.monotonic()
    tap.eq(login("step", "brief"), 3, "the third is refused")
    tap.within(time.monotonic() - began, 0.9, 20, "a second later")
    tap.ok("the next code is free in" in edge.events("inject", user="step")[-1]["why"], "and the log says why")


def missing():
    """A secret file that is not there, is open to others or cannot be named refuses that client, and draws nothing"""
    proc.write("otp-open", base64.b32encode(b"x" * 32).decode(), 0o644)
    before = drawn()
    for name, why in (("missing", "No such file"), ("open", "chmod g-wx,o="), ("slash/name", "part of a file name"),
                      ("dots..", "part of a file name")):
        began = time.monotonic()
        tap.eq(login(name), 3, "%s: refused" % name)
        tap.within(time.monotonic() - began, 0.9, 20, "%s: a second later" % name)
        line = edge.wait_event("inject", user=name)
        tap.ok(why in line["why"], "%s: the log says why" % name, line)
        edge.wait_verdict("store_failed", user=name)
    tap.eq(drawn(), before, "nothing was drawn")
    with raw.Client(lanes["machine-hotp"], 5) as c:
        tap.eq(c.login("v5", user="missing").code, 0x88, "5.0: 0x88")


def wrong_secret():
    """A wrong secret is the gateway's to refuse; the client sees it, the edge's log too; a new file needs no reload"""
    right = users["wrong"].secret
    users["wrong"].secret = b"y" * 32
    secret_file(users["wrong"])
    for version, code in ((4, 4), (5, 0x86)):
        tap.eq(login("wrong", version=version), code, "level %d: refused by the gateway" % version)
    line = edge.wait_verdict("broker_refused", user="wrong")
    tap.eq((line["code"], "log of who verifies" in line["why"]), ("0x04", True), "the edge's log says so")
    users["wrong"].secret = right
    secret_file(users["wrong"])
    codes = [login("wrong")]
    while codes[-1] != 0 and len(codes) < 6:  # the gateway lets it wait a moment for what it refused
        codes.append(login("wrong"))
    tap.eq((codes[-1], mark("wrong")), (0, len(codes)), "with the right secret it gets in, and begins at 0")


def reload():
    """A secret without %u is taken over with a reload; one that is none leaves the old in force"""
    tap.eq(login("fixed", "fixed"), 0, "before")
    proc.write("otp-of-fixed", "not base32 at all!\n", 0o600)
    status, out, err = edge.reload()
    tap.ok(status != 0 and "base32" in out + err, "a bad secret is refused", out + err)
    tap.eq(login("fixed", "fixed"), 0, "the old one is in force")
    status, out, err = gateway.ctl("user", "delete", "fixed")
    tap.eq(status, 0, "a new secret at the gateway")
    users["fixed"] = gateway.add_user("fixed")
    secret_file(users["fixed"], "of-fixed")
    tap.ok(login("fixed", "fixed") != 0, "not yet reloaded: refused")
    status, out, err = edge.reload()
    tap.ok(status == 0, "reloaded", err)
    codes = [login("fixed", "fixed") for _ in range(4)]
    tap.ok(codes[-2:] == [0, 0], "accepted: the new secret began at 0", codes)


def gateway_away():
    """While the gateway is not there nothing is drawn, however often clients come"""
    tap.eq(login("down"), 0, "before")
    proc.stop(gateway.child)
    before = drawn()
    crowd = [raw.Client(lanes["machine-hotp"], 4) for _ in range(60)]
    for i, c in enumerate(crowd):
        c.send(raw.connect(4, "down-%d" % i, user="down", password=PASSWORD))
    codes = {c.receive().code for c in crowd}
    for c in crowd:
        c.close()
    tap.eq(codes, {3}, "60 are told that the server is not available")
    tap.eq(drawn(), before, "no code was drawn")
    gateway.start()
    tap.eq(login("down"), 0, "and then it is in at the first attempt")
    tap.eq(replays("down"), 0, "no code was sent twice")


def logins(name, lane, n):
    """So many, a few at a time, since a refusal takes its second. The codes of the answers."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return list(pool.map(lambda _: login(name, lane), range(n)))


def nobody_there():
    """What lies between accepts and closes, 300 times: the edge does not run away from the gateway's window"""
    tap.eq(login("between", "switch"), 0, "before")
    for mode, n in (("close", 300), ("3", 300)):
        switch.mode = mode
        tap.ok(set(logins("between", "switch", n)) <= {None, 3}, "%s: not accepted" % mode)
        switch.mode = "relay"
        tap.eq(login("between", "switch"), 0, "%s: in at the first attempt" % mode)
    tap.eq(replays("between"), 0, "no code that was used was sent")
    switch.mode = "5"
    logins("between", "switch", 300)
    switch.mode = "relay"
    codes = []
    while len(codes) < 20 and 0 not in codes:
        codes.append(login("between", "switch"))
    tap.ok(codes[-1] == 0, "refused 300 times by something else: in after %d attempts" % len(codes), codes)
    tap.eq([login("between", "switch") for _ in range(3)], [0] * 3, "and from then on")


def dead_broker():
    """The broker behind the gateway is down: codes are sent and used up by nobody; then the edge is in at once"""
    broker.stop()
    codes = [login("down") for _ in range(11)]
    tap.eq(set(codes), {3}, "11 attempts are told that the server is not available")
    broker.start()
    tap.eq([login("down"), login("down")], [0, 0], "in at the first attempt")


def killed(victim, clients, patience):
    """A proxy is killed at any moment, again and again, while clients reconnect: then they are in, and no code went out twice"""
    rounds = tap.rounds("KILL_ROUNDS", 8)
    stopping, results = threading.Event(), []

    def client():
        while not stopping.is_set():
            results.append(login("kill", patience=patience))
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for t in threads:
        t.start()
    for _ in range(rounds):
        time.sleep(random.uniform(0, 0.15))
        proc.stop(victim.child, signal.SIGKILL)
        victim.start()
    stopping.set()
    for t in threads:
        t.join()
    tap.eq(login("kill"), 0, "in after %d kills, %d logins of which %d were accepted" % (
        rounds, len(results), results.count(0)))
    tap.eq(replays("kill"), 0, "no code was sent twice")


def gateway_killed():
    """The gateway is killed again and again"""
    killed(gateway, 2, patience=8)


def edge_killed():
    """The edge is killed again and again"""
    killed(edge, 3, patience=5)


def counters():
    """Counters that were not used for long are told and forgotten by hand, and only then"""
    out = proc.run([proxy.CTL, "-c", edge.conf, "--json", "store", "check"])[1]
    rows = json.loads(out)
    tap.ok(rows["codes-drawn-for"] > 3 and rows["codes-drawn-for-unused"] == 0, "store check counts them", rows)
    tap.eq(proc.run([proxy.CTL, "-c", edge.conf, "store", "forget-draws", "1d"])[:2], (0, b"forgotten 0\n"), "none is older than a day")
    tap.eq(proc.run([proxy.CTL, "-c", edge.conf, "store", "forget-draws", "1h"])[0], 2, "less than a day is refused")
    tap.eq(login("kill"), 0, "all get in as before")
    db = sqlite3.connect(edge.state, timeout=10)
    db.execute("UPDATE draw SET at = at - 400 * 86400 WHERE key = (SELECT key FROM draw WHERE good >= 0 LIMIT 1)")
    db.commit()
    db.close()
    out = proc.run([proxy.CTL, "-c", edge.conf, "--json", "store", "check"])[1]
    tap.eq(json.loads(out)["codes-drawn-for-unused"], 1, "one was not used for a year")
    tap.eq(proc.run([proxy.CTL, "-c", edge.conf, "store", "forget-draws", "365d"])[:2], (0, b"forgotten 1\n"), "it is forgotten")


def silence():
    """Neither codes nor secrets nor passwords are in a log"""
    both = edge.log() + gateway.log()
    tap.ok(PASSWORD not in both, "no password")
    tap.ok(not any(u.at(i) in both for u in users.values() if u.kind == "hotp" for i in range(12)), "no code")
    tap.ok(not any(base64.b32encode(u.secret).decode().rstrip("=") in both for u in users.values()), "no secret")


def finish():
    """The end"""
    tap.eq((edge.stop(), gateway.stop()), (0, 0), "both end with status 0")
    broker.stop()


tap.run([versions, several_users, supplied, crowd, leavers, steps, missing, wrong_secret, reload, gateway_away, nobody_there,
         dead_broker, gateway_killed, edge_killed, counters, silence, finish])
