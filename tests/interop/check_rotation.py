# SPDX-License-Identifier: ISC
"""Keys are exchanged in live sessions: the procedure of mqsecproxy.conf(5) under traffic, without a lost message, seen on the
wire between an edge and a gateway; key files that changed or went bad; and a reload in the middle of a message."""
import glob
import os
import secrets
import signal
import socket
import threading

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker
from lib.stream import Stream

proxy.need()
if not envelope.available:
    tap.skip_all("no libcrypto")

STEP = tap.rounds("STEP", 150)  # messages of each stream between two reloads
MARK = b"in the clear"
BIG = 300000
old_text, OLD = proxy.key("old")
new_text, NEW = proxy.key("new")
other_text, OTHER = proxy.key("other")
NAMES = {envelope.kid(OLD): "old", envelope.kid(NEW): "new", envelope.kid(OTHER): "other"}


def seal(key, topic, payload):
    status, out, err = proc.run([proxy.CTL, "encrypt", "--key-file", proc.path(key + ".key"), "--topic", topic], input=payload)
    if status:
        raise RuntimeError(err)
    return out


class Wire:
    """Hands bytes on between the edge and the gateway, and tells which keys it sees on them."""

    def __init__(self, to):
        self.to = to
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.last = {"up": {}, "down": {}}  # by connection: the name of the key that sealed last
        self.turns = {"up": [], "down": []}  # every change of it
        self.clear = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            version = {}
            for one, other, way in ((near, far, "up"), (far, near, "down")):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other, way, version), daemon=True).start()

    def _pass(self, one, other, way, version):
        splitter = raw.Splitter()
        try:
            while True:
                data = one.recv(1 << 18)
                if not data:
                    break
                splitter.version = version.get("is", 4)
                for p in splitter.feed(data):
                    self._see(p, way, version)
                other.sendall(data)
        except OSError:
            pass
        for s in (one, other):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _see(self, p, way, version):
        if p.kind == raw.CONNECT:
            version["is"] = p.version
        if p.kind != raw.PUBLISH:
            return
        self.clear += MARK in p.payload
        name = NAMES.get(p.payload[1:5])
        if self.last[way].get(id(version)) != name:
            self.turns[way].append(name)
        self.last[way][id(version)] = name

    def all_by(self, name, streams):
        return all(list(self.last[way].values()) == [name] * streams for way in ("up", "down"))


def rotation():
    """Add the new key behind the old one, put it first, take the old one away: each time a reload of both, under traffic"""
    if not MOSQUITTO:
        raise tap.Skip("mosquitto is not there")
    broker = Mosquitto(extra="max_queued_messages 0")
    keys = old_text + new_text + other_text

    def gateway_text(*names):
        return proxy.listener() + proxy.broker(broker.port) + keys + proxy.decrypt("t/#", *names) + proxy.decrypt("o/#", "other")

    gateway = proxy.Proxy(gateway_text("old"), name="gateway").start()
    wire = Wire(gateway.port)

    def edge_text(*names):
        return proxy.listener() + proxy.broker(wire.port) + keys + proxy.encrypt("t/#", *names)

    edge = proxy.Proxy(edge_text("old"), name="edge").start()
    ways = {"up": (edge.port, broker.port), "down": (broker.port, edge.port)}
    streams = [Stream("%s-%d-%d" % (way, version, qos), ports, version, qos, mark=MARK)
               for way, ports in ways.items() for version, qos in ((4, 1), (5, 1), (5, 2))]

    def until_moved(what):
        since = [len(s.got) for s in streams]
        tap.ok(proc.holds(lambda: all(s.moved(n, STEP) for s, n in zip(streams, since)), 30), what + ": all streams move on",
               lambda: repr([(s.name, len(s.sent), len(s.got), s.error) for s in streams]))

    def step(what, names, seals, hup=False):
        # one after the other, so that for a while they differ
        for p, text in ((gateway, gateway_text), (edge, edge_text)):
            p.configure(text(*names))
            if hup:
                before = len(p.events("reload"))
                p.child.send_signal(signal.SIGHUP)
                p.wait_event("reload", times=before + 1)
            else:
                tap.eq(p.reload()[0], 0, "%s: %s reloads" % (what, p.name))
            until_moved("%s, %s" % (what, p.name))
        tap.ok(proc.holds(lambda: wire.all_by(seals, 3), 10), "%s: every session seals with the %s key" % (what, seals), repr(wire.last))

    until_moved("the old key")
    tap.ok(wire.all_by("old", 3), "every session seals with the old key", repr(wire.last))
    step("the new key behind it", ("old", "new"), "old")
    step("the new key first", ("new", "old"), "new", hup=True)
    step("without the old one", ("new",), "new")
    for s in streams:
        tap.ok(s.end() and len(s.got) > 6 * STEP, "%s: all %d messages came, once, in order, as they were sent" % (s.name, len(s.sent)),
               lambda: "%d came, %d refused, %r" % (len(s.got), s.refused, s.error))
    tap.eq(wire.turns, {way: ["old"] * 3 + ["new"] * 3 for way in ways}, "on the wire each session turned once from the old key to the new")
    tap.eq(wire.clear, 0, "nothing passed there in clear")
    for p in (edge, gateway):
        tap.eq(p.status()["payloads-failed"], "0", "%s: no payload failed" % p.name)
    refused(gateway, broker)
    tap.eq((edge.stop(), gateway.stop()), (0, 0), "status 0")


def refused(gateway, broker):
    """Then: what the old key sealed, and what the key of another rule did."""
    with raw.Client(gateway.port, 5) as c, raw.Client(broker.port) as s:
        s.login("s")
        s.subscribe("t/#")
        c.login("c")
        rows = [("old", "t/x", 0x99, "E_SCOPE"), ("other", "t/x", 0x99, "E_SCOPE"), ("new", "t/x", 0, None)]
        gateway_keys = {envelope.kid(k).hex(): n for k, n in ((OLD, "old"), (OTHER, "other"))}
        for key, topic, code, error in rows:
            tap.eq(c.publish(topic, seal(key, topic, b"late"), 1).code, code, "an envelope of the %s key" % key)
        tap.eq([(f["error"], gateway_keys[f["kid"]]) for f in gateway.events("payload")],
               [(e, k) for k, _, _, e in rows if e], "the log tells key and reason")
        tap.eq(s.message().payload, b"late", "only that of the new key came")
        # and when the old key is no longer in the file at all
        gateway.configure(gateway.text.replace(old_text, ""))
        tap.eq(gateway.reload()[0], 0, "a reload without the old key")
        c.ping()
        tap.eq(c.publish("t/x", seal("old", "t/x", b"late"), 1).code, 0x99, "an envelope of the old key")
        tap.eq(gateway.wait_event("payload", times=3)["error"], "E_KEY", "is of an unknown key")
        tap.eq(gateway.status()["payloads-failed.up.E_SCOPE"], "2", "counted by reason")
        tap.eq(gateway.status()["payloads-failed.up.E_KEY"], "1", "each")


class Door:
    """A gateway before a stub that records, and one live session through it."""

    def __init__(self, text, version=5, ident="c", wrapper=()):
        self.stub = StubBroker()
        self.front = proxy.Proxy(self.text(text), wrapper=wrapper).start()
        self.client = raw.Client(self.front.port, version)
        self.client.login(ident)
        self.leg = self.stub.wait_connection()

    def text(self, text):
        return proxy.listener() + proxy.broker(self.stub.port) + text

    def reload(self, text):
        self.front.configure(self.text(text))
        code, out, err = self.front.reload()
        # told to the workers: the session has the new policy before it reads on
        return code, out + err

    def at_stub(self, count):
        """The payloads of the first so many PUBLISH there."""
        def found():
            return [p.payload for p in self.leg.packets if p.kind == raw.PUBLISH]
        self.stub.wait(lambda: len(found()) >= count, what="%d messages" % count)
        return found()

    def close(self):
        self.client.close()
        tap.eq(self.front.stop(), 0, "status 0")
        self.stub.stop()


def opened_by(payload, topic):
    """Which key opens it, and to what."""
    for name, key in (("old", OLD), ("new", NEW)):
        try:
            return name, envelope.open_envelope(key, topic, payload).payload
        except ValueError:
            pass
    return "none", payload


def key_files():
    """A key file that changed in place is read on reload; one that is bad leaves everything as it was, and says why"""
    proc.write("site.key", OLD.hex() + "\n", 0o600)
    site = "key site {\n\tfile %s\n}\n" % proc.path("site.key") + proxy.encrypt("t/#", "site")
    wider = site + proxy.encrypt("late/#", "site")
    door = Door(site)

    def seals(name, want):
        before = len(door.at_stub(0))
        door.client.publish("t/x", MARK, 1)
        tap.eq(opened_by(door.at_stub(before + 1)[-1], "t/x"), (want, MARK), name)

    def bad(name, word):
        code, text = door.reload(wider)
        tap.ok(code == 78 and word in text and "site.key" in text, name + ": refused, naming the file", "%d %s" % (code, text))
        before = len(door.front.events("reload"))
        door.front.child.send_signal(signal.SIGHUP)
        door.front.wait_event("reload", times=before + 1)
        tap.ok("refused" in door.front.log().rsplit("event=reload", 1)[1], name + ": SIGHUP says so in the log", door.front.log()[-400:])
        seals(name + ": the old key stays", "old")
        before = len(door.at_stub(0))
        door.client.publish("late/x", MARK, 1)
        tap.eq(door.at_stub(before + 1)[-1], MARK, name + ": and so does the whole of the old configuration")

    seals("the key that was there at start", "old")
    proc.write("site.key", "no key\n", 0o600)
    bad("junk", "hex")
    proc.write("site.key", NEW.hex()[:-1] + "\n", 0o600)
    bad("a digit too few", "hex")
    proc.write("site.key", NEW.hex() + "\n", 0o644)
    bad("others may read it", "chmod")
    os.unlink(proc.path("site.key"))
    bad("it vanished", "No such file")
    os.mkdir(proc.path("site.key"))
    bad("a folder", "regular")
    os.rmdir(proc.path("site.key"))
    proc.write("site.key", NEW.hex() + "\n", 0o600)
    seals("a new key that nobody told of", "old")
    code, text = door.reload(site)
    tap.eq(code, 0, "a reload")
    seals("the new key in the same file", "new")
    proc.write("twin.key", NEW.hex() + "\n", 0o600)
    code, text = door.reload(site + "key twin {\n\tfile %s\n}\n" % proc.path("twin.key"))
    tap.ok(code == 78 and "twin" in text, "the same key under two names is refused", text)
    seals("and changes nothing", "new")
    door.close()


def first_and_last():
    """A live session through a gateway without any key, to which the first one comes, and from which the last one goes"""
    topic, sealed = "t/x", seal("old", "t/x", MARK)
    opens, seals = old_text + proxy.decrypt("t/#", "old"), old_text + proxy.encrypt("t/#", "old")
    # what is sent, and who opens what the broker gets
    rows = [("no key yet", None, sealed, "old"), ("the first one opens", opens, sealed, "none"), ("the last one went", "", sealed, "old"),
            ("in clear", None, MARK, "none"), ("the first one seals", seals, MARK, "old"), ("it went again", "", MARK, "none")]
    door = Door("")
    for i, (name, text, payload, want) in enumerate(rows):
        if text is not None:
            tap.eq(door.reload(text)[0], 0, name + ": reloaded")
        tap.eq(door.client.publish(topic, payload, 1).code, 0, name + ": acknowledged")
        tap.eq(opened_by(door.at_stub(i + 1)[i], topic), (want, MARK), name + ": at the broker")
    door.close()


def renewal():
    """A live session seals under a new SALT each hour, when the clock was set, and after a reload"""
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        raise tap.Skip("libfaketime is not there")
    if proxy.sanitized():
        raise tap.Skip("libfaketime and a sanitizer do not go together")
    text = old_text + proxy.encrypt("t/#", "old")
    # what the clock shows more than it is; whether the monotonic one goes with it; whether a new SALT is due
    rows = [("the clock is 0.5 s ahead", 0.5, False, False), ("the clock was set on by 5 s", 5, False, True),
            ("no step", 5, False, False), ("the clock was set back by 1 hour", -3600, False, True),
            ("almost an hour later", 3590, True, False), ("an hour later", 3603, True, True)]
    for together in (False, True):
        said = proc.write("clock", "+0\n")
        door = Door(text, wrapper=["env", "LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + said, "FAKETIME_NO_CACHE=1",
                                   "DONT_FAKE_MONOTONIC=%d" % (not together)])
        seen, numbers = [], set()

        def salt():
            before = len(door.at_stub(0))
            for i in range(3):
                door.client.publish("t/x", MARK, 1)
            for p in door.at_stub(before + 3)[before:]:
                if opened_by(p, "t/x") != ("old", MARK):
                    raise AssertionError("it does not open: " + p.hex())
                numbers.add(p[5:24])
                seen.append(p[5:17])
            return seen[-1] if seen[-3] == seen[-1] else None

        last = salt()
        for name, offset, monotonic, new in rows:
            if monotonic != together:
                continue
            proc.write("clock", "%+.1f\n" % offset)
            now = salt()
            tap.ok(now is not None and (now != last) == new, "%s: %s SALT" % (name, "a new" if new else "the same"), repr(seen[-4:]))
            last = now
        tap.eq(door.reload(text)[0], 0, "a reload")
        tap.ok(salt() != last, "a reload: a new SALT")
        tap.eq(len(numbers), len(seen), "no number twice under a SALT")
        door.close()


def wait_read(a, b, what):
    """Until nothing between two ports of loopback waits unread."""
    proc.until(lambda: proc.unread(a, b) == 0, what=what)


def half_up():
    """A reload in the middle of a long PUBLISH from a client: it is treated by one policy, whole"""
    topic, big = "t/x", MARK * (BIG // len(MARK))
    keys = old_text + new_text
    old, new = proxy.encrypt("t/#", "old"), proxy.encrypt("t/#", "new", "old")
    opens_old, opens_new = proxy.decrypt("t/#", "old"), proxy.decrypt("t/#", "new")
    small = "max-message 64k\n"
    short = big[:200000]
    # before, after; what is sent, in clear and as it is; what the broker gets by the one and by the other: the key it is sealed
    # with, or None, and the code of the answer
    rows = [("another key", old, new, big, None, ("old", 0), ("new", 0)), ("no rule any more", old, "", big, None, ("old", 0), ("none", 0)),
            ("a rule where there was none", "", new, big, None, ("none", 0), ("new", 0)),
            ("what opens it is taken away", opens_old, opens_new, big, "old", ("none", 0), (None, 0x99)),
            ("what opens it comes", opens_new, opens_old, big, "old", (None, 0x99), ("none", 0)),
            ("what opens it whole is taken away", opens_old, opens_new, short, "old", (None, 0x99), (None, 0x99)),
            ("too long by now", old, small + old, big, None, ("old", 0), (None, 0x95))]
    for version in (4, 5):
        for name, before, after, plain, sealed, began, anew in rows:
            name = "level %d, %s" % (version, name)
            door = Door(keys + before, version)
            payload = seal(sealed, topic, plain) if sealed else plain
            packet = raw.publish(topic, payload, 1, mid=7, version=version)
            for cut in (len(packet) // 2, len(packet) - 1, 3):
                # one that had begun to pass goes on so; what is still held falls under the new rule
                key, code = began if cut > 3 else anew
                seen = len(door.at_stub(0))
                tap.eq(door.reload(keys + before)[0], 0, name + ": as before")
                door.client.send(packet[:cut])
                wait_read(door.front.port, door.client.port, "the first part")
                tap.eq(door.reload(keys + after)[0], 0, name + ": reloaded after %d bytes" % cut)
                door.client.send(packet[cut:])
                answer = door.client.receive()
                if code == 0x95:
                    tap.ok(answer is None or (answer.kind, answer.code) == (raw.DISCONNECT, code), name + ": the session ends", repr(answer))
                    break
                tap.eq((answer.kind, answer.mid, answer.code), (raw.PUBACK, 7, code if version == 5 else 0), name + ": answered once")
                if key is None:
                    door.client.ping()
                    tap.eq(len(door.at_stub(0)), seen, name + ": not passed on")
                    continue
                got = opened_by(door.at_stub(seen + 1)[-1], topic)
                tap.ok(got == (key, plain), name + ": whole, sealed by %s" % key, got[0])
                if sealed is None:
                    door.client.publish(topic, b"what comes next", 1)
                    door.at_stub(seen + 2)
            if "none" not in (began[0], anew[0]):
                tap.ok(MARK * 3 not in bytes(door.leg.received), name + ": nothing of it in clear at the broker")
            door.close()


def half_down():
    """The same from a broker, half of it there"""
    topic, big = "t/x", MARK * (BIG // len(MARK))
    keys = old_text + new_text
    old, new = proxy.encrypt("t/#", "old"), proxy.encrypt("t/#", "new")
    # one that is opened whole is held; a longer one has begun to pass
    rows = [("what opens it is taken away", old, new, 200000, False), ("that of a longer one is", old, new, BIG, True),
            ("it stays", old, proxy.encrypt("t/#", "new", "old"), BIG, True)]
    for version in (4, 5):
        for name, before, after, size, comes in rows:
            payload = big[:size]
            name = "level %d, %s" % (version, name)
            door = Door(keys + before, version)
            packet = raw.publish(topic, seal("old", topic, payload), 1, mid=7, version=version)
            far = door.leg.sock.getpeername()[1]
            door.stub.send(door.leg, packet[:len(packet) // 2])
            wait_read(far, door.stub.port, "the first half")
            tap.eq(door.reload(keys + after)[0], 0, name + ": reloaded")
            door.stub.send(door.leg, packet[len(packet) // 2:] + raw.publish("x", b"behind", 0, version=version))
            if comes:
                tap.ok(door.client.expect(raw.PUBLISH).payload == payload, name + ": it comes whole")
                door.client.send(raw.ack(raw.PUBACK, 7))
            tap.eq(door.client.expect(raw.PUBLISH).payload, b"behind", name + ": what is behind it comes")
            door.client.ping()
            tap.eq(door.stub.kinds(door.leg).count("PUBACK"), 1, name + ": acknowledged once")
            if not comes:
                tap.eq(door.front.status()["payloads-failed.down.E_SCOPE"], "1", name + ": counted")
            door.close()


tap.run([rotation, key_files, first_and_last, renewal, half_up, half_down])
