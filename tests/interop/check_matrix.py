# SPDX-License-Identifier: ISC
"""Clients of every version and make publish and subscribe through the proxy, at every QoS, small and large, encrypted
and not: what arrives is what was sent, in order, and the broker sees envelopes where it should."""
import hashlib
import os
import random
import subprocess

from lib import clients, envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

SIZES = (0, 1, 1024, 1 << 20)
VERSIONS = ("3.1", "3.1.1", "5.0")

if not (MOSQUITTO and clients.PUB and clients.SUB):
    tap.skip_all("mosquitto or its clients are not there")
if not proxy.direct():
    proxy.need()
HAVE_JS = clients.have_mqttjs()
random.seed(1)
PAYLOADS = [random.randbytes(n) for n in SIZES]
FILES = [proc.write("payload-%d" % n, p) for n, p in zip(SIZES, PAYLOADS)]
KINDS = [("mosquitto", v) for v in VERSIONS] + ([("mqttjs", v) for v in VERSIONS] if HAVE_JS else [])

broker = Mosquitto()
key_text, key = proxy.key("site")
TEXT = proxy.listener() + proxy.broker(broker.port) + key_text + proxy.encrypt("enc/#", "site")
front = proxy.Direct(broker.port) if proxy.direct() else proxy.Proxy(TEXT)
front.start()


def topic(branch, kind, version, qos, size):
    return "/".join([branch, kind, version, str(qos), str(size)])


def publish_all(branch):
    """Every kind of client, every QoS, every size; what a subscriber has to see of each client and QoS."""
    for kind, version in KINDS:
        for qos in (0, 1, 2):
            pairs = [(topic(branch, kind, version, qos, n), f) for n, f in zip(SIZES, FILES)]
            who = "%s %s publishes under %s at QoS %d" % (kind, version, branch, qos)
            if kind == "mqttjs":
                status, err = clients.js_publish(front.port, version, "js-p", qos, pairs)
                tap.ok(status == 0, who, err)
                continue
            results = [clients.publish(front.port, version, t, f if n else None, qos)
                       for (t, f), n in zip(pairs, SIZES)]
            tap.ok(all(s == 0 for s, _ in results), who, repr(results))


def judge(who, messages, branch, unseal=None):
    """All messages of a branch against what was sent: once each, the payload, the QoS, the order."""
    got, order, bad = {}, {}, []
    for t, qos, retain, payload in messages:
        _, kind, version, sent_qos, size = t.split("/")
        if unseal:
            try:
                payload = unseal(t, payload)
            except ValueError as e:
                bad.append("%s: %s" % (t, e))
        if t in got:
            bad.append(t + " came twice")
        got[t] = payload
        order.setdefault((kind, version, sent_qos), []).append(int(size))
        if qos != int(sent_qos) or retain:
            bad.append("%s: QoS %d, RETAIN %d" % (t, qos, retain))
    for kind, version in KINDS:
        for qos in (0, 1, 2):
            for n, payload in zip(SIZES, PAYLOADS):
                t = topic(branch, kind, version, qos, n)
                if got.get(t) != payload:
                    bad.append("%s: %s" % (t, "missing" if t not in got else "other bytes"))
            if order.get((kind, version, str(qos))) != list(SIZES):
                bad.append("%s %s %d: order %s" % (kind, version, qos, order.get((kind, version, str(qos)))))
    tap.ok(not bad, who, "\n".join(bad[:20]))


def matrix(branch):
    subscribers = []
    for version in VERSIONS:
        ident = "sub-%s-%s" % (branch, version)
        subscribers.append(("mosquitto_sub " + version, clients.mosquitto_subscriber(
            front.port, version, ident, branch + "/#")))
        broker.wait_subscribed(ident)
        if HAVE_JS:
            s = clients.js_subscriber(front.port, version, ident + "-js", branch + "/#")
            s.wait_ready()
            subscribers.append(("MQTT.js " + version, s))
    at_broker = clients.mosquitto_subscriber(broker.port, "5.0", "behind-" + branch, branch + "/#")
    broker.wait_subscribed("behind-" + branch)
    publish_all(branch)
    wanted = len(KINDS) * 3 * len(SIZES)
    for who, s in subscribers:
        judge("%s behind the proxy sees every message of %s/# once, whole and in order" % (who, branch),
              s.wait(wanted), branch)
        s.stop()
    messages = at_broker.wait(wanted)
    at_broker.stop()
    if branch == "enc" and not proxy.direct():
        judge("at the broker every message of enc/# is an envelope that opens to what was sent", messages, branch,
              lambda t, p: envelope.open_envelope(key, t, p).payload)
        tap.ok(len({p for _, _, _, p in messages}) == len(messages), "no two envelopes are the same")
    else:
        judge("at the broker every message of %s/# is what was sent" % branch, messages, branch)


def plain():
    """A topic without a rule passes unchanged"""
    matrix("plain")


def encrypted():
    """A topic with a rule is encrypted at the broker and plain at the clients"""
    if not envelope.available:
        raise tap.Skip("no libcrypto")
    matrix("enc")


def order():
    """Many messages of one connection stay in order"""
    lines = [b"%d %s" % (i, b"x" * (i * 37 % 3000)) for i in range(300)]
    for version in VERSIONS:
        for qos in (0, 1, 2):
            with raw.Client(front.port, clients.LEVEL[version], patience=20) as c:
                c.login("order")
                c.subscribe("enc/order", 2)
                status, err = clients.publish_lines(front.port, version, "enc/order", lines, qos)
                got = [c.message().payload for _ in lines]
                tap.ok(status == 0 and got == lines, "300 lines of mosquitto_pub %s at QoS %d stay in order" % (
                    version, qos), err)


def properties():
    """The properties of a 5.0 PUBLISH pass both ways"""
    props = [(1, 1), (2, 600), (3, "text/plain"), (8, "reply/to"), (9, b"\0\1"), (38, ("a", "b")), (38, ("a", "c"))]
    for branch in ("plain", "enc"):
        with raw.Client(front.port, 5) as s, raw.Client(front.port, 5) as p:
            s.login("sub")
            s.subscribe(branch + "/props", 1)
            p.login("pub")
            p.publish(branch + "/props", "héllo", 1, props=props)
            m = s.message()
            tap.eq(m.payload, "héllo".encode(), branch + ": payload with properties")
            tap.eq(sorted(i for i in m.props if i[0] != 2), sorted(
                (i, v.encode() if isinstance(v, str) else tuple(x.encode() for x in v) if isinstance(v, tuple) else v)
                for i, v in props if i != 2), branch + ": the properties arrive")


def limits():
    """Packet sizes that a 5.0 peer asks for hold in clear, though envelopes are longer"""
    if proxy.direct() or not envelope.available:
        raise tap.Skip("needs encryption")
    small = Mosquitto(extra="max_packet_size 2000\n")
    edge = proxy.Proxy(proxy.listener() + proxy.broker(small.port) + key_text + proxy.encrypt("enc/#", "site") +
                       proxy.decrypt("dec/#", "site")).start()

    def arrives(s, marker):
        """The payloads up to the marker, which fits everywhere."""
        out = []
        while True:
            m = s.message()
            if m.payload == marker:
                return out
            out.append(m)

    with raw.Client(edge.port, 5) as s, raw.Client(small.port, 5) as p:
        s.login("narrow", props=[(39, 100)])
        s.subscribe("#", 1)
        p.login("p")
        # the broker leg is plain: what fits in clear may not fit sealed
        p.publish("dec/n", b"n" * 70, 1)
        p.publish("pass", b"", 1)
        got = arrives(s, b"")
        tap.ok(all(len(m.raw) <= 100 for m in got), "no packet above its limit is sent to a client")
    with raw.Client(edge.port, 5) as s, raw.Client(edge.port, 5) as p:
        s.login("narrow2", props=[(39, 100)])
        s.subscribe("enc/n", 1)
        shown = p.login("pub").prop(39)
        tap.ok(shown is not None and shown < 2000, "the broker's limit is shown lowered")
        for n in (40, 80, 300, 81):
            p.publish("enc/n", b"n" * n, 1)
        p.publish("enc/n", b"", 1)
        tap.ok([len(m.payload) for m in arrives(s, b"")] == [40, 80, 81], "a client that takes 100 bytes gets what fits in clear")
        tap.ok(s.ping(), "what is too large for it is not sent to it, and it stays")
        if shown and shown < 2000:
            fits = shown - len(raw.publish("enc/n", b"", 1, mid=1, version=5)) - 1
            p.publish("enc/n", b"x" * fits, 1)
            tap.ok(p.ping(), "a packet of just the size shown (%d) passes" % shown)
        try:
            p.send(raw.publish("enc/n", b"x" * 1990, 1, mid=2, version=5))
            end = p.end()
        except ConnectionError:
            end = []
        tap.ok(end and end[-1].kind == raw.DISCONNECT and end[-1].code == 0x95, "a larger one is told 0x95")
    tap.eq(edge.stop(), 0, "status 0")
    small.stop()


def too_large():
    """A payload above max-message is refused whole, one of just that size passes"""
    if proxy.direct():
        raise tap.Skip("needs encryption")
    payload = bytes(SIZES[-1])
    for version in (3, 4, 5):
        with raw.Client(front.port, version, patience=20) as c, raw.Client(broker.port, 4, patience=20) as b:
            b.login("b")
            b.subscribe("enc/large/#", 1)
            c.login("large")
            c.publish("enc/large/%d" % version, payload, 1)
            tap.eq(len(b.message().payload), len(payload) + 24 + 16 * 64, "level %d: max-message itself passes" % version)
            try:
                c.send(raw.publish("enc/large/%d" % version, payload + b"x", 1, mid=2, version=version))
                answers = [(p.kind, p.code) for p in c.end()]
            except ConnectionError as e:
                answers = repr(e)
            tap.eq(answers, [(raw.DISCONNECT, 0x95)] if version == 5 else [], "level %d: a byte more: refused" % version)
            b.ping()
            tap.eq(b.waiting, [], "level %d: nothing of it reaches the broker" % version)


def huge():
    """100 MB stream through in bounded memory"""
    size = 100 * 1000 * 1000
    block = random.randbytes(1 << 20)
    digest = hashlib.sha256()
    with open(proc.path("huge"), "wb") as f:
        left = size
        while left:
            piece = block[:min(left, len(block))]
            f.write(piece)
            digest.update(piece)
            left -= len(piece)
    for version in ("3.1.1", "5.0"):
        ident = "huge-" + version
        with open(proc.path("huge.out"), "wb") as out:
            s = proc.start([clients.SUB, "-h", "127.0.0.1", "-p", str(front.port), "-V",
                            clients.MOSQUITTO_VERSION[version], "-i", ident, "-t", "huge", "-C", "1", "-N"],
                           stdout=out, stderr=subprocess.DEVNULL)
        broker.wait_subscribed(ident)
        if front.child:
            before = front.rss()
            proc.reset_peak(front.pid)
        status, err = clients.publish(front.port, version, "huge", proc.path("huge"), 1)
        tap.ok(status == 0, "100 MB are published in " + version, err)
        tap.eq(s.wait(60), 0, "a subscriber of %s takes 100 MB" % version)
        got = hashlib.sha256()
        with open(proc.path("huge.out"), "rb") as f:
            for piece in iter(lambda: f.read(1 << 20), b""):
                got.update(piece)
        tap.eq(got.hexdigest(), digest.hexdigest(), "100 MB arrive unchanged in " + version)
        if front.child and not proxy.sanitized():
            growth = proc.status(front.pid, "VmHWM") - before
            tap.within(growth, -1 << 20, 9 * 1024, "100 MB in %s: the proxy's memory (KiB) stays" % version)
    os.unlink(proc.path("huge"))
    os.unlink(proc.path("huge.out"))


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")


if not HAVE_JS:
    tap.skip("MQTT.js", "node or its package mqtt is not there")
tap.run([plain, encrypted, order, properties, limits, too_large, huge, finish])
