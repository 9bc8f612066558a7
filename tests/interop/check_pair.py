# SPDX-License-Identifier: ISC
"""Two proxies: an edge beside the clients that encrypts, a gateway before the broker that opens, or passes what the broker
is not to see. Retained messages, Wills and every QoS go through both."""
import secrets

from lib import envelope, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
if not envelope.available:
    tap.skip_all("no libcrypto")

broker = Mosquitto()
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)
gateway = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + key_text +
                      "payload private/# {\n\tpass\n}\n" + proxy.decrypt("open/#", "site"), name="gateway")
gateway.start()
edge = proxy.Proxy(proxy.listener() + proxy.broker(gateway.port) + key_text + proxy.encrypt("open/#", "site") +
                   proxy.encrypt("private/#", "site"), name="edge")
edge.start()
VERSIONS = (3, 4, 5)
PAYLOADS = [b"", b"1", bytes(range(256)) * 4, secrets.token_bytes(300000)]


def at_broker(topic, payload, flags=None):
    """What the broker has of a message: in clear under open/, an envelope under private/."""
    if topic.startswith("private/"):
        opened = envelope.open_envelope(KEY, topic, payload)
        return opened.payload
    return payload


def messages():
    """Every QoS and version, both kinds of topic"""
    for branch in ("open", "private"):
        for version in VERSIONS:
            with raw.Client(edge.port, version) as s, raw.Client(edge.port, version) as p, \
                    raw.Client(broker.port, 5) as b:
                s.login("s")
                s.subscribe(branch + "/m/#", 2)
                b.login("b")
                b.subscribe(branch + "/m/#", 2)
                p.login("p")
                for qos in (0, 1, 2):
                    for i, payload in enumerate(PAYLOADS):
                        name = "%s, level %d, QoS %d, %d bytes" % (branch, version, qos, len(payload))
                        topic = "%s/m/%d" % (branch, i)
                        p.publish(topic, payload, qos, mid=i + 1)
                        m = s.message()
                        tap.eq((m.topic, m.payload, m.qos, m.retain), (topic.encode(), payload, qos, False), name)
                        m = b.message()
                        tap.eq(at_broker(topic, m.payload), payload, name + ", at the broker")
                        if branch == "private" and len(payload) > 16:
                            tap.ok(payload not in m.raw, name + ": no plaintext at the broker")


def retained():
    """Retained messages, and their end"""
    for branch in ("open", "private"):
        for version in VERSIONS:
            topic = "%s/retained/%d" % (branch, version)
            name = "%s, level %d" % (branch, version)
            with raw.Client(edge.port, version) as p:
                p.login("p")
                p.publish(topic, b"kept " + topic.encode(), 1, retain=True)
            with raw.Client(edge.port, version) as s:
                s.login("s")
                s.subscribe(topic, 1)
                m = s.message()
                tap.eq((m.payload, m.retain), (b"kept " + topic.encode(), True), name + ": the retained message comes")
            with raw.Client(broker.port, 4) as b:
                b.login("b")
                b.subscribe(topic, 1)
                m = b.message()
                tap.eq((at_broker(topic, m.payload), m.retain), (b"kept " + topic.encode(), True), name + ": at the broker")
                if branch == "private":
                    tap.ok(envelope.open_envelope(KEY, topic, m.payload).retain, name + ": the envelope says retained")
            with raw.Client(edge.port, version) as p:
                p.login("p")
                p.publish(topic, b"", 1, retain=True)
            with raw.Client(edge.port, version) as s:
                s.login("s")
                s.subscribe(topic, 1)
                s.ping()
                tap.eq(s.waiting, [], name + ": an empty retained message clears it")


def wills():
    """Wills, retained and not, of a client that vanishes"""
    for branch in ("open", "private"):
        for version in VERSIONS:
            for retain in (False, True):
                for ending in ("reset", "close"):
                    topic = "%s/will/%d/%d/%s" % (branch, version, retain, ending)
                    with raw.Client(edge.port, version) as s, raw.Client(broker.port, 5) as b:
                        s.login("s")
                        s.subscribe(topic, 2)
                        b.login("b")
                        b.subscribe(topic, 2)
                        w = raw.Client(edge.port, version)
                        w.login("w", will=(topic, b"last words of " + topic.encode(), 2, retain))
                        w.ping()
                        getattr(w, ending)()
                        m = s.message()
                        tap.eq(m.payload, b"last words of " + topic.encode(), topic + ": the Will comes in clear")
                        m = b.message()
                        tap.eq(at_broker(topic, m.payload), b"last words of " + topic.encode(), topic + ": at the broker")
                        if branch == "private":
                            tap.ok(envelope.open_envelope(KEY, topic, m.payload).will, topic + ": the envelope says Will")
                            tap.eq(envelope.open_envelope(KEY, topic, m.payload).retain, retain, topic + ": and RETAIN")
            with raw.Client(edge.port, version) as s:
                s.login("s")
                s.subscribe("%s/will/%d/1/#" % (branch, version), 1)
                tap.eq(sorted(s.message().payload for _ in "12"),
                       [b"last words of %s/will/%d/1/%s" % (branch.encode(), version, e) for e in (b"close", b"reset")],
                       "%s, level %d: retained Wills open later" % (branch, version))


def across_versions():
    """A publisher of one version, subscribers of the others"""
    subscribers = {v: raw.Client(edge.port, v) for v in VERSIONS}
    for v, s in subscribers.items():
        s.login("s%d" % v)
        s.subscribe("private/across", 2)
    for v in VERSIONS:
        with raw.Client(edge.port, v) as p:
            p.login("p")
            p.publish("private/across", b"from %d" % v, 2)
        for w, s in subscribers.items():
            tap.eq(s.message().payload, b"from %d" % v, "from level %d to level %d" % (v, w))
    for s in subscribers.values():
        s.close()


def a_session_kept():
    """A persistent session is queued for, and its messages open when it comes back"""
    for version in (4, 5):
        keep = [(17, 300)] if version == 5 else None
        with raw.Client(edge.port, version) as s:
            s.login("keeper-%d" % version, clean=False, props=keep)
            s.subscribe("private/kept/%d" % version, 2)
            s.send(raw.disconnect(version))
            s.end()
        with raw.Client(edge.port, version) as p:
            p.login("p")
            for i in range(20):
                p.publish("private/kept/%d" % version, b"queued %d" % i, 1 + i % 2, mid=i + 1)
        with raw.Client(edge.port, version) as s:
            a = s.login("keeper-%d" % version, clean=False, props=keep)
            tap.eq(a.session, 1, "level %d: the session is there" % version)
            tap.eq([s.message().payload for _ in range(20)], [b"queued %d" % i for i in range(20)],
                   "level %d: what was queued opens, in order" % version)


def seals_twice_differ():
    """The same message twice is two different envelopes; PFI travels inside"""
    with raw.Client(edge.port, 5) as p, raw.Client(broker.port, 5) as b, raw.Client(edge.port, 5) as s:
        b.login("b")
        b.subscribe("private/twice", 1)
        s.login("s")
        s.subscribe("private/twice", 1)
        p.login("p")
        seen = []
        for _ in "12":
            p.publish("private/twice", "päyload", 1, props=[(1, 1)])
            m = b.message()
            seen.append(m.payload)
            tap.eq(m.prop(1) in (None, 0), True, "no payload format indicator at the broker")
            tap.ok(envelope.open_envelope(KEY, "private/twice", m.payload).utf8, "it is in the envelope")
            tap.eq(s.message().prop(1), 1, "and comes back out")
        tap.ok(seen[0] != seen[1], "two envelopes")


def damaged():
    """What does not open is never delivered"""
    def subscriber():
        s = raw.Client(edge.port, 5)
        s.login("s")
        s.subscribe("private/damaged", 1)
        s.subscribe("private/other", 1)
        return s
    failed = int(edge.status()["payloads-failed"])
    with raw.Client(broker.port, 5) as b, raw.Client(edge.port, 5) as p:
        b.login("b")
        b.subscribe("private/damaged", 1)
        p.login("p")
        s = subscriber()
        p.publish("private/damaged", b"good", 1)
        good = b.message().payload
        tap.eq(s.message().payload, b"good", "a good one is")
        rows = (("a flipped bit", "private/damaged", good[:-1] + bytes([good[-1] ^ 1])),
                ("a cut end", "private/damaged", good[:-1]), ("plaintext", "private/damaged", b"plain"),
                ("another topic", "private/other", good),
                ("another key", "private/damaged", good[:1] + b"\0\0\0\0" + good[5:]))
        for name, topic, payload in rows:
            b.send(raw.publish(topic, payload, 1, mid=9, version=5))
            while b.receive().kind != raw.PUBACK:
                pass
            p.publish("private/damaged", b"after", 1)
            m = s.message()
            tap.eq((m.topic, m.payload), (b"private/damaged", b"after"), name + ": not delivered, and the session goes on")
            while b.receive().payload == payload:
                pass
        s.close()
    tap.eq(int(edge.status()["payloads-failed"]) - failed, len(rows), "the edge counts them")


def finish():
    """The end"""
    tap.eq(edge.stop(), 0, "the edge ends with status 0")
    tap.eq(gateway.stop(), 0, "the gateway ends with status 0")


tap.run([messages, retained, wills, across_versions, a_session_kept, seals_twice_differ, damaged, finish])
