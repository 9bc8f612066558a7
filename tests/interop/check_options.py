# SPDX-License-Identifier: ISC
"""The options of payload rules among real clients and a real broker: an edge and a gateway with all of them on. What the broker
holds is opened by the example opener, which shares no code with the proxy."""
import json
import os
import secrets
import sys
import time

from lib import clients, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
try:
    sys.path.insert(0, os.path.join(proc.top_srcdir, "examples"))
    import open_envelope as opener
except ImportError:
    tap.skip_all("python3-cryptography is not there")

PAD = 64
ALL = "\tseal-properties yes\n\tpad %d\n\tmax-age 1h\n\tstrict-retain no\n\tempty deliver\n" % PAD
broker = Mosquitto()
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)


def rule(topics, client, to_broker, options=""):
    return "payload %s {\n\tclient-leg %s\n\tbroker-leg %s\n%s}\n" % (topics, client, to_broker, options)


SEALED = "encrypted site"
gateway = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + key_text + rule("open/#", SEALED, "plain", ALL), name="gateway")
gateway.start()
edge = proxy.Proxy(proxy.listener() + proxy.broker(gateway.port) + key_text + rule("open/#", "plain", SEALED, ALL) +
                   rule("private/free/#", "plain", SEALED, "\tbind-topic no\n") + rule("private/#", "plain", SEALED, ALL), name="edge")
edge.start()

PFI, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, SUBSCRIPTION, WILL_DELAY, USER = 1, 2, 3, 8, 9, 11, 24, 38
INSIDE = [(USER, ("a", "1")), (CONTENT_TYPE, "text/plain"), (USER, ("b", "2")), (RESPONSE_TOPIC, "re/ply"), (USER, ("a", "0")),
          (CORRELATION, b"\0\xff"), (USER, ("a", "1"))]


def plain(props):
    """Strings as they come back."""
    def text(v):
        return v.encode() if isinstance(v, str) else v
    return [(i, tuple(map(text, v)) if isinstance(v, tuple) else text(v)) for i, v in props]


def inside(m):
    return [p for p in m.props if p[0] in (CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, USER)]


def encoded(props):
    """Without the length before them, which varies in size."""
    all_of_it = raw.properties(props)
    return all_of_it[-sum(len(raw.properties([p])) - 1 for p in props):] if props else b""


def watcher(port, topic, version=5):
    c = raw.Client(port, version)
    c.login("w-%d-%d" % (port, version))
    c.subscribe(topic, 2)
    return c


def seal(key, topic, payload, num, flags=0):
    """An envelope made here, with any number."""
    salt = secrets.token_bytes(12)
    header = bytes([128 | flags]) + opener.key_id(key) + salt + num.to_bytes(7, "big")
    gcm = opener.AESGCM(opener.cmac(key, b"\0\1X\0" + salt) + opener.cmac(key, b"\0\2X\0" + salt))
    aad = header + len(payload).to_bytes(4, "big") + (b"" if flags & opener.UNBOUND else topic.encode())
    return header + gcm.encrypt(header[17:] + bytes([0, 0, 0, 0, 1]), payload, aad)


def properties():
    """Properties come back as they were sent, in order; the broker sees none of what is inside"""
    for branch in ("open", "private"):
        topic = branch + "/p"
        with watcher(edge.port, topic) as s, watcher(edge.port, topic, 4) as old, watcher(broker.port, topic) as b, \
                raw.Client(edge.port, 5) as p:
            p.login("p")
            for qos in (0, 1, 2):
                for props in (INSIDE, [], INSIDE[1:2]):
                    name = "%s, QoS %d, %d properties" % (branch, qos, len(props))
                    p.publish(topic, b"payload of " + topic.encode(), qos, props=[(PFI, 1)] + props + [(EXPIRY, 600)])
                    m = s.message()
                    tap.eq((m.payload, inside(m), m.prop(PFI)), (b"payload of " + topic.encode(), plain(props), 1), name)
                    tap.eq(old.message().payload, b"payload of " + topic.encode(), name + ": 3.1.1 gets the payload")
                    m = b.message()
                    if branch == "open":
                        tap.eq(inside(m), plain(props), name + ": at the broker")
                        continue
                    o = opener.open_envelope(KEY, topic, m.payload)
                    tap.eq((inside(m), m.prop(PFI) in (0, None)), ([], True), name + ": the broker sees none")
                    tap.eq((o.payload, o.props, o.pfi), (b"payload of " + topic.encode(), encoded(props), 1), name + ": opened by others")
                    tap.ok(m.prop(EXPIRY) is not None, name + ": the broker may see the expiry")
        with watcher(edge.port, topic) as s, raw.Client(edge.port, 4) as p:
            p.login("p")
            p.publish(topic, b"of 3.1.1", 1)
            m = s.message()
            tap.eq((m.payload, inside(m)), (b"of 3.1.1", []), branch + ": from 3.1.1 to 5.0")


def nobody_adds():
    """What the broker adds outside does not come through"""
    with watcher(edge.port, "private/added") as s, watcher(broker.port, "private/added") as b, raw.Client(edge.port, 5) as p:
        p.login("p")
        p.publish("private/added", b"x", 1)
        envelope = b.message().payload
        s.message()
        b.send(raw.publish("private/added", envelope, 0, version=5, props=INSIDE))
        m = s.message()
        tap.eq((m.payload, inside(m)), (b"x", []), "properties put beside an envelope are discarded")


def lengths():
    """Padding: lengths come in steps"""
    with watcher(broker.port, "private/l") as b, watcher(edge.port, "private/l") as s, raw.Client(edge.port, 4) as p:
        p.login("p")
        seen = set()
        for n in range(0, 3 * PAD):
            p.publish("private/l", b"x" * n)
            seen.add(len(b.message().payload))
            if s.message().payload != b"x" * n:
                tap.ok(False, "%d bytes come back" % n)
        tap.eq(sorted(seen), [40 + PAD * i for i in (1, 2, 3, 4)], "%d lengths of payload are four of envelopes" % (3 * PAD))


def wills():
    """A Will's properties, and what is retained"""
    for branch in ("open", "private"):
        for version in (4, 5):
            topic = "%s/will/%d" % (branch, version)
            with watcher(edge.port, topic) as s, watcher(broker.port, topic) as b:
                w = raw.Client(edge.port, version)
                w.login("dying", will=(topic, b"last words", 1, True, [(PFI, 1)] + INSIDE))
                w.ping()
                w.reset()
                props = plain(INSIDE) if version == 5 else []
                m = s.message()
                tap.eq((m.payload, inside(m)), (b"last words", props), topic)
                m = b.message()
                if branch == "private":
                    o = opener.open_envelope(KEY, topic, m.payload)
                    tap.eq((o.payload, o.will, o.retain, o.props, inside(m)),
                           (b"last words", True, True, encoded(INSIDE) if version == 5 else b"", []), topic + ": at the broker")
            with watcher(edge.port, topic) as s, raw.Client(edge.port, 5) as p:
                m = s.message()
                tap.eq((m.payload, m.retain, inside(m)), (b"last words", True, props), topic + ": retained")
                p.login("p")
                p.publish(topic, b"", 1, retain=True)
                tap.eq(s.message().payload, b"", topic + ": cleared, and told so")
            with watcher(edge.port, topic) as s:
                s.ping()
                tap.eq(s.waiting, [], topic + ": gone")


def of_others():
    """MQTT.js reads back the properties that it wrote"""
    if not clients.have_mqttjs():
        tap.skip("MQTT.js", "not there")
        return
    script = """
        const c = require('mqtt').connect({host: '127.0.0.1', port: %d, protocolVersion: 5, reconnectPeriod: 0})
        const properties = {userProperties: {a: ['1', '0', '1'], b: 'ü'}, contentType: 'text/plain', responseTopic: 're/ply',
                            correlationData: Buffer.from([0, 255]), payloadFormatIndicator: true}
        c.on('error', (e) => { console.error(e); process.exit(1) })
        c.on('connect', () => c.subscribe('private/js', {qos: 2}, () => c.publish('private/js', 'hällo', {qos: 2, properties})))
        c.on('message', (t, payload, packet) => {
            console.log(JSON.stringify([payload.toString(), packet.properties]))
            c.end(false, {}, () => process.exit(0))
        })""" % edge.port
    status, out, err = proc.run([clients.NODE, "-e", script], env=clients.node_env(), timeout=30)
    tap.eq(status, 0, "MQTT.js comes to its end")
    payload, p = json.loads(out)
    tap.eq((payload, p["userProperties"], p["contentType"], p["responseTopic"], p["correlationData"]["data"], p["payloadFormatIndicator"]),
           ("hällo", {"a": ["1", "0", "1"], "b": "ü"}, "text/plain", "re/ply", [0, 255], True), "all of them")


def moved():
    """An envelope under another topic: only where topics are not bound"""
    for branch, opens in (("private/bound", False), ("private/free", True)):
        with watcher(edge.port, branch + "/#") as s, watcher(broker.port, branch + "/#") as b, raw.Client(edge.port, 4) as p:
            p.login("p")
            p.publish(branch + "/here", b"moved", 1)
            envelope = b.message().payload
            tap.eq(s.message().payload, b"moved", branch + ": here it opens")
            b.send(raw.publish(branch + "/there", envelope, version=5))
            b.message() # the broker has it, before what comes through the edge
            p.publish(branch + "/here", b"after", 1)
            m = s.message()
            tap.eq((m.topic, m.payload), (branch.encode() + b"/there", b"moved") if opens else (branch.encode() + b"/here", b"after"),
                   branch + ": there it " + ("does" if opens else "does not"))


def too_old():
    """Envelopes as old as they may be, and too old"""
    now = time.time_ns() // 1000
    with watcher(broker.port, "open/age") as b, raw.Client(gateway.port, 5) as p:
        p.login("p")
        for seconds, passes in ((0, True), (3000, True), (4000, False), (-30, True), (-120, False)):
            name = "sealed %d s ago" % seconds
            a = p.publish("open/age", seal(KEY, "open/age", name.encode(), now - seconds * 1000000), 1)
            tap.eq(a.code, 0 if passes else 0x99, name)
            if passes:
                tap.eq(b.message().payload, name.encode(), name + ": arrives")
        b.ping()
        tap.eq(b.waiting, [], "and nothing else does")


def migration():
    """A fleet learns to seal: plaintext is tolerated and counted, until it is refused"""
    def conf(plaintext):
        return proxy.listener() + proxy.broker(broker.port) + key_text + rule("fleet/#", SEALED, "plain", "\tplaintext %s\n" % plaintext)
    door = proxy.Proxy(conf("prefer"), name="door")
    door.start()
    with watcher(broker.port, "fleet/#") as b, raw.Client(door.port, 5) as old, raw.Client(door.port, 5) as new:
        old.login("old", will=("fleet/will", b"plain", 0, False))
        new.login("new")
        good = seal(KEY, "fleet/new", b"sealed", time.time_ns() // 1000)
        for c, topic, payload, arrives in ((old, "fleet/old", b"plain", b"plain"), (new, "fleet/new", good, b"sealed"),
                                           (old, "fleet/old", b"\x80 not sealed" * 9, b"\x80 not sealed" * 9)):
            tap.eq(c.publish(topic, payload, 1).code, 0, "taken")
            tap.eq(b.message().payload, arrives, "and arrives")
        tap.eq(new.publish("fleet/new", good[:-1] + bytes([good[-1] ^ 1]), 1).code, 0x99, "a bad envelope is not")
        tap.eq(door.status()["payloads-tolerated"].strip(), "3", "status tells how many came in clear, the Will included")
        door.configure(conf("require"))
        code, out, err = door.ctl("-s", door.socket, "reload")
        tap.eq(code, 0, "the rule is made strict")
        tap.eq(old.publish("fleet/old", b"plain", 1).code, 0x99, "now plaintext is refused")
        tap.eq(new.publish("fleet/new", seal(KEY, "fleet/new", b"again", time.time_ns() // 1000), 1).code, 0, "and what is sealed is not")
        tap.eq(b.message().payload, b"again", "and arrives")
        tap.eq(door.status()["payloads-tolerated"].strip(), "3", "nothing more came in clear")
    tap.eq(door.stop(), 0, "the end")


def finish():
    """The end"""
    tap.eq(edge.status()["payloads-tolerated"].strip(), "0", "nothing came in clear where envelopes are required")
    tap.eq(edge.stop(), 0, "the edge ends with status 0")
    tap.eq(gateway.stop(), 0, "the gateway ends with status 0")


tap.run([properties, nobody_adds, lengths, wills, of_others, moved, too_old, migration, finish])
