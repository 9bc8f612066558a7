# SPDX-License-Identifier: ISC
"""What a stranger can cost: nothing at the broker, no memory for what is only declared, no time beyond the limits."""
import os
import random
import resource
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
FILTER = """filter door {
	deny connect address 127.66.0.0/16
	deny connect client-id bad-*
	deny connect user mallory
	allow connect address 127.0.0.0/8
	deny connect
}
"""
_sources = ("127.%d.%d.%d" % (a, b, c) for a in range(1, 60) for b in range(256) for c in range(1, 255))


def made(stub, extra="", blocks="", top="", **options):
    return proxy.Proxy(top + proxy.listener(extra=extra) + proxy.broker(stub.port) + blocks, **options).start()


def refused_without_broker():
    """No connection to the broker is opened for a refused client"""
    stub = StubBroker()
    front = made(stub, "\totp codes\n\tfilter door\n\tmqtt 3.1.1 5.0", proxy.otp_block() + FILTER)
    user = front.add_user("alice")
    for version, code in ((4, 5), (5, 0x87)):
        for name, fields in (("client id", {"client_id": "bad-1"}), ("user", {"user": "mallory"})):
            with raw.Client(front.port, version) as c:
                p = c.login(**fields)
                tap.eq(p and p.code, code, "level %d, a denied %s: the answer" % (version, name))
                tap.eq(c.end(), [], "then the end")

            def again():
                with raw.Client(front.port, version) as c:
                    return c.login(**fields)
            tap.ok(tap.quickest(again)[1], "at once")
        with raw.Client(front.port, version) as c:
            p = c.login(user="alice", password="p" + user.wrong())
            tap.eq(p and p.code, 4 if version == 4 else 0x86, "level %d, a wrong code" % version)
    with raw.Client(front.port, 4, "127.66.1.2") as c:
        tap.eq((c.end(), c.ended is not None), ([], True), "a denied address is closed before it says anything")
    with raw.Client(front.port, 3) as c:
        tap.eq(c.login().code, 1, "a version that the listener does not allow: CONNACK 1")
    for name, data in (("PINGREQ first", raw.pingreq()), ("type 0", b"\0\0"), ("reserved flags", b"\x13\0"),
                       ("a remaining length of five bytes", b"\x10\xff\xff\xff\xff\x01"), ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
                       ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500)),
                       ("CONNECT with another protocol", raw.packet(1, 0, raw.string("HTTP") + b"\x04\x02\0\0\0\0"))):
        with raw.Client(front.port, 4) as c:
            c.send(data)
            c.end()
            tap.ok(bytes(c.received) in (b"", b"\x20\x02\x00\x01"), name + ": closed", bytes(c.received).hex())
    # [MQTT5 3.1.2-?]: a malformed CONNECT of a 5.0 client is told so
    with raw.Client(front.port, 5) as c:
        c.send(raw.packet(1, 0, raw.string("MQTT") + b"\x05\x03\0\0\0" + raw.string("x")))
        p = c.receive()
        tap.ok(p is None or (p.kind == raw.CONNACK and p.code in (0x81, 0x82)), "5.0, a reserved flag: 0x81 or 0x82",
               repr(p))
    with raw.Client(front.port, 5) as c:
        p = c.login("big", will=("t", bytes(20000), 0, False))
        tap.eq(p and p.code, 0x95, "5.0, a CONNECT above max-connect: 0x95")
    with raw.Client(front.port, 4) as c:
        try:
            c.send(raw.connect(4, "big", will=("t", bytes(20000), 0, False)))
        except ConnectionError:
            pass
        tap.eq(c.end(), [], "3.1.1, a CONNECT above max-connect: closed")
    with raw.Client(front.port, 4) as c:
        c.send(raw.connect(4, "bad-2") + raw.subscribe(1, [("#", 0)]) + raw.publish("t", b"x") * 100)
        tap.eq([p.code for p in c.end()], [5], "what follows a refused CONNECT is thrown away")
    tap.eq(stub.accepted(), 0, "the broker saw no connection at all")
    with raw.Client(front.port, 4, next(_sources)) as c:  # where the wrong codes came from, it would have to wait
        tap.eq(c.login(user="alice", password="p" + user.code()).code, 0, "and a good client still gets in")
    tap.eq(stub.accepted(), 1, "which is the first that the broker sees")
    tap.eq(front.stop(), 0, "status 0")


def declared_length():
    """A declared length of 268,435,455 costs no memory"""
    if proxy.sanitized():
        raise tap.Skip("memory under a sanitizer says nothing")
    stub = StubBroker()
    front = made(stub, "\tmax-connections 2000\n\tmax-pending 2000\n\tmax-pending-per-address 2000", workers=1)
    with raw.Client(front.port) as c:
        c.login()
    before = front.rss()
    crowd = [raw.Client(front.port) for _ in range(400)]
    for c in crowd:
        c.sock.send(b"\x10\xff\xff\xff\x7f")
    ended = sum(c.end() == [] for c in crowd)
    tap.eq(ended, len(crowd), "400 CONNECTs of 268,435,455 declared bytes are closed at once")
    tap.within(front.rss() - before, -1 << 20, 8 * 1024, "without memory (KiB)")
    # after CONNECT a PUBLISH of that size is legal, and streams
    crowd = []
    for i in range(50):
        c = raw.Client(front.port)
        c.login("size-%d" % i)
        c.send(b"\x30\xff\xff\xff\x7f" + raw.string("t") + bytes(1000))
        crowd.append(c)
    stub.wait(lambda: sum(c.bytes > 1000 for c in stub.connections) >= 50, 10, "50 streams")
    tap.within(front.rss() - before, -1 << 20, 16 * 1024, "50 PUBLISHes of 268,435,455 declared bytes stream (KiB)")
    for c in crowd:
        c.close()
    # and other kinds are never taken whole at such a length
    for data in (b"\x82\xff\xff\xff\x7f", b"\xa2\xff\xff\xff\x7f", b"\x40\xff\xff\xff\x7f", b"\xe0\xff\xff\xff\x7f"):
        with raw.Client(front.port) as c:
            c.login("kind")
            c.send(data)
            tap.eq(c.end(), [], "first byte %02x with that length: closed" % data[0])
    tap.within(front.rss() - before, -1 << 20, 16 * 1024, "without memory (KiB)")
    tap.eq(front.stop(), 0, "status 0")


def timeouts():
    """Who is silent or drips is gone after connect-timeout, whatever the progress"""
    stub = StubBroker()
    front = made(stub, "\tconnect-timeout 1s")
    opened = time.monotonic()
    silent = raw.Client(front.port)
    wire = raw.connect(4, "drip" * 4)
    dripping = raw.Client(front.port)
    sent = 0
    while time.monotonic() - opened < 20 and not dripping.ended:
        if sent < len(wire) - 1:
            try:
                dripping.sock.send(wire[sent:sent + 1])
                sent += 1
            except ConnectionError:
                break
        try:
            dripping.receive(0.1)
        except TimeoutError:
            pass
    gone = time.monotonic() - opened
    silent.end()
    tap.within(silent.ended_at - opened if not silent.waiting else 0, 0.9, 20, "a silent client is closed")
    tap.within(gone, 0.9, 20, "a client that sends a byte at a time is closed as well")
    tap.ok(sent > 3, "it did drip (%d bytes)" % sent)
    tap.eq((bytes(silent.received), bytes(dripping.received)), (b"", b""), "without a word")
    tap.eq(stub.accepted(), 0, "and never reached the broker")
    with raw.Client(front.port) as c:
        c.login("patient")
        began = time.monotonic()
        proc.holds(lambda: not c.quiet(0.1), 1.5)
        tap.ok(time.monotonic() - began > 1.4 and c.ping(), "an accepted client is not")
    tap.eq(len(front.verdicts("timeout")), 2, "two lines say timeout")
    tap.eq(front.stop(), 0, "status 0")


def timeout_of_a_silent_broker():
    """A broker that never sends CONNACK: refused after its connect-timeout"""
    stub = StubBroker(answer=lambda c, p: b"")
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port, extra="\tconnect-timeout 500ms")).start()
    for version, code in ((4, 3), (5, 0x88)):
        with raw.Client(front.port, version) as c:
            began = time.monotonic()
            p = c.login("waits")
            tap.eq(p and p.code, code, "level %d: the answer" % version)
            tap.within(time.monotonic() - began, 0.45, 20, "level %d: the time" % version)
            tap.eq(c.end(), [], "level %d: then the end" % version)
    stub.wait(lambda: all(c.closed for c in stub.connections), 5, "the legs to close")
    tap.ok(not any(p.kind == raw.DISCONNECT for c in stub.connections for p in c.packets), "no DISCONNECT is made up")
    tap.eq(front.stop(), 0, "status 0")


def pre_auth_memory():
    """Half CONNECTs cost at most pre-auth-memory: the oldest go first, and a good client still gets in"""
    stub = StubBroker()
    front = made(stub, "\tmax-connections 4000\n\tmax-pending 4000\n\tmax-pending-per-address 4000\n\tconnect-timeout 60s",
                 top="pre-auth-memory 1M\n", workers=1)
    before = front.rss()
    half = raw.connect(4, "half", will=("t", bytes(15000), 0, False))[:-1]
    crowd = []
    for _ in range(600):
        c = raw.Client(front.port)
        c.send(half)
        crowd.append(c)
    stay = []
    tap.ok(proc.holds(lambda: stay.append(still_open(crowd)) or stay[-1] <= 110, 10), "at most 1 MiB of them stays",
           lambda: stay[-1])
    if not proxy.sanitized():
        tap.within(front.rss() - before, -1 << 20, 8 * 1024, "memory (KiB)")
    tap.ok(stay[-1] > 10, "but not none", stay[-1])
    newest = [c.ended is None for c in crowd[-10:]]
    tap.eq(newest, [True] * 10, "the newest stay")
    with raw.Client(front.port) as c:
        tap.eq(c.login("good").code, 0, "a good client gets in")
    for c in crowd:
        c.close()
    inside = 0
    for i in range(80):
        with raw.Client(front.port) as c:
            inside += c.login("long-%d" % i, will=("t", bytes(15000), 0, False)).code == 0
    tap.eq(inside, 80, "what is in counts no more: more than 1 MiB of long CONNECTs, one after the other")
    tap.eq(front.stop(), 0, "status 0")


def still_open(clients):
    """How many of them were not closed by the other side."""
    n = 0
    for c in clients:
        try:
            c.receive(0.001)
        except TimeoutError:
            n += 1
    return n


def pending_limits():
    """At most so many wait unaccepted, from one address and in all"""
    stub = StubBroker()
    front = made(stub, "\tconnect-timeout 30s\n\tmax-connections 1000\n\tmax-pending 40\n\tmax-pending-per-address 10",
                 workers=1)
    crowd = [raw.Client(front.port, source="127.9.9.9") for _ in range(30)]
    tap.ok(proc.holds(lambda: still_open(crowd) <= 10, 5) and still_open(crowd) == 10, "10 of 30 from one address stay",
           lambda: still_open(crowd))
    with raw.Client(front.port, source="127.9.9.10") as c:
        tap.eq(c.login("other").code, 0, "another address gets in")
    for c in crowd:
        c.close()
    proc.until(lambda: int(front.status().get("pending", -1)) == 0, 5, "no pending connection")
    with raw.Client(front.port, source="127.9.9.9") as c:
        tap.eq(c.login("again").code, 0, "and so does the first again")
    inside, oldest = raw.Client(front.port), raw.Client(front.port)
    tap.eq(inside.login("inside").code, 0, "one that came before the oldest that waits gets in")
    many = [raw.Client(front.port, source="127.8.0.%d" % (i // 5 + 1)) for i in range(100)]
    tap.ok(proc.holds(lambda: still_open(many) <= 40, 5) and still_open(many) > 0, "of 100 from 20 addresses at most 40 stay",
           lambda: still_open(many))
    tap.within(int(front.status()["pending"]), 1, 40, "status says so")
    tap.eq((still_open([inside]), still_open([oldest]), still_open(many[-20:])), (1, 0, 20),
           "who waits longest goes for the newest, who is in stays")
    inside.close()
    for c in many:
        c.close()
    proc.until(lambda: int(front.status()["pending"]) == 0, 5, "no pending connection")
    with raw.Client(front.port) as c:
        tap.eq(c.login("after").code, 0, "afterwards a client gets in")
    tap.eq(front.stop(), 0, "status 0")


def connection_limit():
    """max-connections: refused with 3 or 0x97"""
    stub = StubBroker()
    front = made(stub, "\tmax-connections 5\n\tmax-pending 10", workers=2)
    inside = [raw.Client(front.port) for _ in range(5)]
    for i, c in enumerate(inside):
        tap.eq(c.login("in-%d" % i).code, 0, "client %d gets in" % (i + 1))
    for version, code in ((4, 3), (5, 0x97)):
        with raw.Client(front.port, version) as c:
            try:
                p = c.login("out")
                tap.eq(p and p.code, code, "level %d: one too many" % version)
            except ConnectionError as e:
                tap.ok(False, "level %d: one too many" % version, repr(e))
            tap.eq(c.end(), [], "then the end")
    tap.eq(stub.accepted(), 5, "the broker saw five")
    for c in inside:
        c.ping()
    inside[0].send(raw.disconnect())
    inside[0].end()
    inside[0].close()
    proc.until(lambda: int(front.status()["connections"]) <= 4, 5, "a free place")
    with raw.Client(front.port) as c:
        tap.eq(c.login("next").code, 0, "a place that became free is taken")
    for c in inside:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


def garbage():
    """Damaged sessions from both sides end, and harm nobody else"""
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    tap.note("SEED=%d" % seed)
    rng = random.Random(seed)

    def spoil(data):
        data = bytearray(data)
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            at = rng.randrange(len(data))
            kind = rng.randrange(3)
            if kind == 0:
                data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
            elif kind == 1:
                del data[at:at + rng.randrange(1, 9)]
            else:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            if not data:
                return b"\xff"
        return bytes(data)

    def answer(c, p):
        reply = StubBroker.agree(c, p)
        if c.connect and c.connect.client_id.startswith(b"good"):
            return reply
        extra = raw.publish(rng.choice(("enc/a", "a", "dec/a")), rng.randbytes(rng.randrange(200)), rng.randrange(3), mid=7,
                            version=c.version)
        return spoil((reply or b"") + extra) if p.kind != raw.CONNECT or rng.random() < 0.2 else reply
    stub = StubBroker(answer)
    key_text, _ = proxy.key("noise")
    front = made(stub, "\tconnect-timeout 1s", key_text + proxy.encrypt("enc/#", "noise") + proxy.decrypt("dec/#", "noise"))
    good = raw.Client(front.port)
    good.login("good one")
    for i in range(tap.rounds("GARBAGE", 400)):
        version = rng.choice((3, 4, 5))
        wire = raw.connect(version, "x", user="u", will=("enc/w", b"w", 1, False)) + spoil(
            raw.subscribe(1, [("#", 2)], version) + raw.publish("enc/a", b"x" * 50, 1, mid=2, version=version) +
            raw.publish("dec/a", b"y" * 50, 2, mid=3, version=version) + raw.ack(raw.PUBREL, 3) + raw.pingreq() +
            raw.publish("a", b"z" * 50, version=version))
        if rng.random() < 0.3:
            wire = spoil(wire)
        with raw.Client(front.port, version) as c:
            try:
                while wire:
                    n = rng.randrange(1, len(wire) + 1)
                    c.sock.send(wire[:n])
                    wire = wire[n:]
                if rng.random() < 0.5:
                    c.sock.shutdown(1)
                c.sock.settimeout(0.02)
                while c.sock.recv(65536):
                    pass
            except OSError:
                pass
    tap.ok(good.ping(), "a good client is served all the while")
    tap.ok(front.running(), "the proxy lives")
    proc.until(lambda: front.status()["connections"] == "1", 15, "the damaged sessions to end")
    tap.eq(front.status()["connections"], "1", "and only the good client's session is left")
    good.close()
    tap.eq(front.stop(), 0, "status 0")


def no_descriptors():
    """Out of descriptors: who is in stays in, the processor rests, and it recovers"""
    stub = StubBroker()
    # the limit comes after the start: the start lowers max-connections to what the descriptors suffice for
    front = made(stub, "\tmax-connections 400\n\tmax-pending 400", workers=1)
    first = raw.Client(front.port)
    first.login("first")
    try:
        _, hard = resource.prlimit(front.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(front.pid, resource.RLIMIT_NOFILE, (40, hard))
    except PermissionError:
        front.stop()
        raise tap.Skip("another process's limits are out of reach")
    crowd = [raw.Client(front.port) for _ in range(60)]
    proc.holds(lambda: front.events("accept"), 0.5)
    spent, began = proc.cpu_seconds(front.pid), time.monotonic()
    while time.monotonic() - began < 1.5:
        first.quiet(0.2)
    spent = proc.cpu_seconds(front.pid) - spent
    tap.within(spent, 0, 0.2, "it does not spin: seconds of processor in 1.5 s")
    tap.ok(first.ping(), "who is in is served")
    tap.ok(len(front.lines) < 200, "nor does it fill the log", len(front.lines))
    for c in crowd:
        c.close()

    def enters():
        try:
            with raw.Client(front.port, patience=3) as c:
                return c.login("later").code == 0
        except (ConnectionError, TimeoutError, AttributeError):
            return False
    tap.ok(proc.holds(enters, 15), "when descriptors are free again, clients get in")
    tap.ok(first.ping(), "and the first is still served")
    first.close()
    tap.eq(front.stop(), 0, "status 0")


def few_descriptors_at_start():
    """Started with few descriptors: the limit is lowered with a warning, and clients are served"""
    stub = StubBroker()
    front = made(stub, "\tmax-connections 10000", workers=1, wrapper=["prlimit", "--nofile=256:256"])
    with raw.Client(front.port) as c:
        tap.eq(c.login("one").code, 0, "a client gets in")
        tap.ok(c.ping(), "and is served")
    tap.ok(any(e.get("level") == "warning" for e in front.events()), "a warning is in the log", front.log)
    # 250 that say nothing, each from its own address, must not take the descriptors that a client's two legs need
    silent = [raw.Client(front.port, source=next(_sources)) for _ in range(250)]
    inside = []
    for i in range(5):
        c = raw.Client(front.port, patience=5)
        inside.append(c)
        try:
            p = c.login("among-%d" % i)
        except (ConnectionError, TimeoutError) as e:
            p = None
            tap.note(repr(e))
        tap.ok(p is not None and p.code == 0, "client %d gets in beside a crowd that says nothing" % (i + 1), repr(p))
    tap.eq(front.events("dial") + front.events("accept"), [], "no descriptor was missing")
    for c in silent + inside:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


def flood_at_another_listener():
    """A flood at one listener closes nobody who waits at another"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tmax-pending 3") + proxy.listener(name="other") + proxy.broker(stub.port),
                        workers=1).start()
    others = [raw.Client(front.port_of("other")) for _ in range(5)]
    proc.until(lambda: front.status()["listener.other.pending"] == "5", 5, "five to wait")
    flood = [raw.Client(front.port) for _ in range(20)]
    tap.ok(proc.holds(lambda: still_open(flood) <= 3, 5) and still_open(flood) > 0, "of 20 that flood at most 3 stay",
           lambda: still_open(flood))
    tap.eq(still_open(others), 5, "those at the other listener stay")
    for i, c in enumerate(others):
        try:
            p = c.login("other-%d" % i)
        except ConnectionError:
            p = None
        tap.eq(p and p.code, 0, "and client %d of them gets in" % (i + 1))
    for c in flood + others:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


def pre_auth_memory_spares():
    """Who holds no memory is not closed for it"""
    stub = StubBroker()
    front = made(stub, "\tmax-connections 4000\n\tmax-pending 4000\n\tmax-pending-per-address 4000\n\tconnect-timeout 60s",
                 top="pre-auth-memory 1M\n", workers=1)
    early = [raw.Client(front.port) for _ in range(10)]
    proc.until(lambda: front.status()["pending"] == "10", 5, "ten to wait")
    half = raw.connect(4, "half", will=("t", bytes(15000), 0, False))[:-1]
    crowd = []
    for _ in range(300):
        c = raw.Client(front.port)
        c.send(half)
        crowd.append(c)
    tap.ok(proc.holds(lambda: still_open(crowd) <= 110, 10), "half CONNECTs are closed", lambda: still_open(crowd))
    tap.eq(still_open(early), 10, "those that came first, and hold nothing, stay")
    for c in early + crowd:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


tap.run([refused_without_broker, declared_length, timeouts, timeout_of_a_silent_broker, pending_limits, pre_auth_memory,
         connection_limit, garbage, no_descriptors, few_descriptors_at_start, flood_at_another_listener,
         pre_auth_memory_spares])
