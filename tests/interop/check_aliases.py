# SPDX-License-Identifier: ISC
"""v5 topic aliases among real clients and a real broker: MQTT.js that maps more topics than it has aliases, an edge that seals and
denies, a gateway that opens; the numbers that each side is offered; and a first rule that comes to a session with aliases."""
import json
import secrets

from lib import clients, envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
if not envelope.available:
    tap.skip_all("no libcrypto")

ALIAS_MAX, ALIAS = 34, 35
MESSAGES = tap.rounds("MESSAGES", 300)
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)
broker = Mosquitto()
gateway = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + key_text + "payload private/# {\n\tpass\n}\n" +
                      proxy.decrypt("open/#", "site"), name="gateway").start()
edge = proxy.Proxy("filter plant {\n\tdeny publish +/no/#\n\tallow publish\n}\n" + proxy.listener(extra="\tfilter plant\n") +
                   proxy.broker(gateway.port) + key_text + proxy.encrypt("open/#", "site") + proxy.encrypt("private/#", "site"),
                   name="edge").start()

SCRIPT = """
    const [port, messages, topics] = %s
    let unnamed = 0, left = messages
    const c = require('mqtt').connect({host: '127.0.0.1', port, protocolVersion: 5, reconnectPeriod: 0, autoUseTopicAlias: true,
                                       properties: {topicAliasMaximum: 10}})
    const fail = (e) => { console.error(e); process.exit(1) }
    c.on('error', fail)
    c.on('disconnect', fail)
    // Each fifth maps an alias, the rest go under what is mapped. (Left to itself it fails at the eleventh topic.)
    const options = (i) => ({qos: i %% 2, ...(i %% 5 ? {} : {properties: {topicAlias: 1 + i / 5 %% 10}})})
    c.on('packetsend', (p) => { unnamed += p.cmd === 'publish' && p.topic === '' })
    c.on('connect', async (a) => {
        for (let i = 0; i < messages; i++)
            c.publish(topics[(i * i + (i >> 3)) %% topics.length], 'message ' + i, options(i), () => {
                if (--left === 0)
                    c.end(false, {}, () => {
                        console.log(JSON.stringify([a.properties.topicAliasMaximum, unnamed]))
                        process.exit(0)
                    })
            })
    })"""


def mapped_anew():
    """MQTT.js maps its aliases anew again and again, some of its topics are denied"""
    if not clients.have_mqttjs():
        tap.skip("MQTT.js", "not there")
        return
    topics = ["%s/%s/%d" % (branch, word, i) for branch in ("open", "private", "free") for word in ("yes", "no") for i in range(3)]
    sent = [(topics[(i * i + (i >> 3)) % len(topics)], b"message %d" % i) for i in range(MESSAGES)]
    wanted = [(t, p) for t, p in sent if "/no/" not in t]
    with raw.Client(edge.port, 5) as s, raw.Client(broker.port, 5) as b:
        s.login("s", props=[(ALIAS_MAX, 10)])
        s.subscribe("#", 0)
        b.login("b")
        b.subscribe("#", 0)
        status, out, err = proc.run([clients.NODE, "-e", SCRIPT % json.dumps([edge.port, MESSAGES, topics])],
                                    env=clients.node_env(), timeout=60)
        tap.eq(status, 0, "MQTT.js comes to its end")
        offered, unnamed = json.loads(out)
        tap.eq(offered, 10, "it was offered what the broker offers")
        tap.ok(unnamed > MESSAGES / 20, "it sent %d of %d messages without a topic" % (unnamed, MESSAGES))
        got = [s.message() for _ in wanted]
        tap.eq([(m.topic.decode(), m.payload) for m in got], wanted, "a subscriber gets each under its topic")
        seen = []
        for _ in wanted:
            m = b.message()
            payload = m.payload
            if m.topic.startswith(b"private/"):
                payload = envelope.open_envelope(KEY, m.topic.decode(), payload).payload
            seen.append((m.topic.decode(), payload))
        tap.eq(seen, wanted, "so does one at the broker, envelopes bound to it")
        s.ping()
        b.ping()
        tap.eq((s.waiting, b.waiting), ([], []), "and nothing that is denied")


def offered():
    """A side is offered at most 32, and no more than the other takes"""
    for takes in (0, 1, 31, 32, 33, 65535):
        here = Mosquitto(extra="max_topic_alias %d" % takes)
        front = proxy.Proxy(proxy.listener() + proxy.broker(here.port)).start()
        with raw.Client(here.port, 5) as direct, raw.Client(front.port, 5) as c:
            said, shown = (x.login("c%d" % i).prop(ALIAS_MAX) for i, x in enumerate((direct, c)))
            tap.eq(said or 0, takes, "the broker offers %d" % takes)
            tap.eq(shown or 0, min(takes, 32), "the client is offered %d" % min(takes, 32))
            if shown:
                c.send(raw.publish("a", b"1", version=5, props=[(ALIAS, shown)]))
                c.send(raw.publish("", b"2", 1, mid=1, version=5, props=[(ALIAS, shown)]))
                tap.eq(c.receive().kind, raw.PUBACK, "which it may use")
            c.send(raw.publish("a", b"1", version=5, props=[(ALIAS, (shown or 0) + 1)]))
            p = c.receive()
            tap.eq((p.kind, p.code), (raw.DISCONNECT, 0x94), "and one more is invalid")
        front.stop()
        here.stop()


def first_rule():
    """A session with aliases stays when its first rules come, and is under them"""
    base = proxy.listener() + proxy.broker(broker.port) + key_text
    front = proxy.Proxy(base, name="front").start()
    with raw.Client(front.port, 5) as c, raw.Client(broker.port, 5) as b:
        c.login("c")
        b.login("b")
        b.subscribe("first/#", 0)
        for i, topic in enumerate(("first/secret", "first/no", "first/other")):
            c.send(raw.publish(topic, b"before", version=5, props=[(ALIAS, i + 1)]))
            tap.eq(b.message().topic, topic.encode(), topic + ": passes")
        front.configure("filter plant {\n\tdeny publish first/no\n\tallow publish\n}\n" +
                        proxy.listener(extra="\tfilter plant\n") + proxy.broker(broker.port) + key_text +
                        proxy.encrypt("first/secret", "site"))
        front.reload()
        for i in range(3):
            c.send(raw.publish("", b"after", version=5, props=[(ALIAS, i + 1)]))
        m = b.message()
        tap.eq((m.topic, envelope.open_envelope(KEY, "first/secret", m.payload).payload), (b"first/secret", b"after"), "it is sealed now")
        m = b.message()
        tap.eq((m.topic, m.payload), (b"first/other", b"after"), "the next is denied, the last passes")
        c.ping()
    tap.eq(front.stop(), 0, "status 0")


tap.run([mapped_anew, offered, first_rule])
