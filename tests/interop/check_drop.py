# SPDX-License-Identifier: ISC
"""Messages that cannot be opened, for every reason that there is, thousands in a row, at a real broker: acknowledged, never
delivered, and the session goes on as if they had not been. DROPS says how many. Each is counted by its reason, and the log
stays readable under them."""
import collections
import itertools
import secrets

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
if not envelope.available:
    tap.skip_all("no libcrypto")

DROPS = tap.rounds("DROPS", 10000)
LINES = 20  # of the log, in ten seconds
MANY = {3: DROPS // 10, 4: DROPS, 5: DROPS}  # by version
WINDOW = 100
broker = Mosquitto(extra="max_queued_messages 0")
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)
other_text, _ = proxy.key("other")
# one thread: the log's limit is a thread's
front = proxy.Proxy("log {\n\trate-limit %d per 10s\n}\n" % LINES + proxy.listener() + proxy.broker(broker.port) + key_text + other_text + proxy.decrypt("up/#", "site") +
                    proxy.encrypt("down/#", "site") + proxy.decrypt("other/#", "other"), workers=1, name="front")
front.start()
dropped = collections.Counter()  # by direction and error, as status names them


def seal(topic, payload, *options, key="site"):
    """An envelope, made by mqsecproxyctl."""
    argv = [proxy.CTL, "encrypt", "--key-file", proc.path(key + ".key"), "--topic", topic]
    status, out, err = proc.run(argv + list(options), input=payload)
    if status:
        raise RuntimeError(err)
    return out


def bad_ones(topic):
    """Every short payload that may not pass, and why."""
    good = seal(topic, b"secret")
    return [("E_PLAIN", b"no envelope"), ("E_SHORT", good[:39]), ("E_KEY", bytes([good[0], good[1] ^ 1]) + good[2:]),
            ("E_AUTH", good[:-1] + bytes([good[-1] ^ 1])), ("E_AUTH", seal(topic + "x", b"secret")),
            ("E_SCOPE", seal(topic, b"secret", key="other")), ("E_UNBOUND", seal(topic, b"secret", "--unbound"))]


class Bad:
    """One after the other, round and round; what is taken is counted."""

    def __init__(self, direction, topic):
        self.direction, self.rows = direction, itertools.cycle(bad_ones(topic))

    def take(self):
        error, payload = next(self.rows)
        dropped["payloads-failed.%s.%s" % (self.direction, error)] += 1
        return payload


def expect_ack(client, kind, mid, code):
    p = client.expect(kind)
    if (p.mid, p.code) != (mid, code):
        raise AssertionError("wanted %s %d code %d, got %r" % (raw.NAMES[kind], mid, code, p))


def drop_window(client, qos, mids, bad):
    """One window of messages, refused."""
    refused = 0x99 if client.version == 5 else 0
    client.send(b"".join(raw.publish("up/t", bad.take(), qos, mid=m, version=client.version) for m in mids))
    for m in mids:
        expect_ack(client, raw.PUBACK if qos == 1 else raw.PUBREC, m, refused)
    if qos == 2 and not refused:
        client.send(b"".join(raw.ack(raw.PUBREL, m) for m in mids))
        for m in mids:
            expect_ack(client, raw.PUBCOMP, m, 0)


def up():
    """From clients: each is answered, and good ones pass behind them under the same ids"""
    good, bad = seal("up/t", b"good"), Bad("up", "up/t")
    for version, many in MANY.items():
        for qos in (1, 2):
            name = "level %d, QoS %d, %d bad ones" % (version, qos, many)
            with raw.Client(front.port, version) as p, raw.Client(broker.port, 4) as s:
                s.login("s")
                s.subscribe("up/#", 0)
                p.login("p")
                for first in range(0, many, WINDOW):
                    drop_window(p, qos, [1 + (first + i) % 65535 for i in range(WINDOW)], bad)
                for m in (1, WINDOW, 65535):
                    p.publish("up/t", good, qos, mid=m)
                    tap.eq(s.message().payload, b"good", "up, %s: a good one passes, id %d" % (name, m))
                p.ping()
                s.ping()


def take(client, count):
    """Reads until so many good messages came, and answers them."""
    return [client.message(60).payload for _ in range(count)]


def flood(p, qos, many, bad):
    """Bad messages, straight to the broker, as fast as it takes them."""
    mids = [1 + i for i in range(20)]  # mosquitto's own window
    for _ in range(0, many, 20):
        p.send(b"".join(raw.publish("down/t", bad.take(), qos, mid=m) for m in mids))
        for m in mids:
            p.expect(raw.PUBACK if qos == 1 else raw.PUBREC)
        if qos == 2:
            p.send(b"".join(raw.ack(raw.PUBREL, m) for m in mids))
            for m in mids:
                p.expect(raw.PUBCOMP)


def down():
    """To a persistent subscriber: the broker's window never fills, and nothing comes again"""
    good, bad = seal("down/t", b"good"), Bad("down", "down/t")
    for version, many in MANY.items():
        keep = [(17, 300)] if version == 5 else None
        for qos in (1, 2):
            name = "down, level %d, QoS %d, %d bad ones" % (version, qos, many)
            ident = "keeper-%d-%d" % (version, qos)
            with raw.Client(front.port, version) as s, raw.Client(broker.port, 4, patience=30) as p:
                s.login(ident, clean=False, props=keep)
                s.subscribe("down/t", qos)
                p.login("p")
                flood(p, qos, many, bad)
                for _ in range(3):
                    p.publish("down/t", good, qos, mid=9)
                tap.eq(take(s, 3), [b"good"] * 3, name + ": good ones come behind them")
                if qos == 2:
                    for _ in range(3):
                        s.send(raw.ack(raw.PUBCOMP, s.expect(raw.PUBREL).mid))
                s.ping()
                # while it is away they are queued for it
                s.send(raw.disconnect(version))
                s.end()
                flood(p, qos, many, bad)
                p.publish("down/t", good, qos, mid=9)
            with raw.Client(front.port, version) as s:
                # 3.1 does not say whether there is a session
                tap.eq(s.login(ident, clean=False, props=keep).session, int(version > 3), name + ": the session is there")
                tap.eq(take(s, 1), [b"good"], name + ": what was queued is dropped, the good one comes")
                if qos == 2:
                    s.send(raw.ack(raw.PUBCOMP, s.expect(raw.PUBREL).mid))
                s.ping()
                s.send(raw.disconnect(version))
                s.end()
            with raw.Client(front.port, version) as s:
                s.login(ident, clean=False, props=keep)
                s.ping()
                tap.eq(s.waiting, [], name + ": and nothing comes again")
            with raw.Client(front.port, version) as s:
                s.login(ident)


def too_long():
    """What is longer than max-message is discarded on its way down, and delivered from then on"""
    with raw.Client(front.port, 5) as s, raw.Client(broker.port, 4) as p:
        s.login("s")
        s.subscribe("down/long", 2)
        p.login("p")
        for qos in (0, 1, 2):
            p.publish("down/long", bytes(3 << 20), qos)
        p.publish("down/long", seal("down/long", b"short"), 1)
        tap.eq(take(s, 1), [b"short"], "3 MiB are discarded, what follows comes")
        s.ping()
        dropped["payloads-failed.down.E_TOO_LARGE"] += 3


def long_head():
    """Properties that are longer than the proxy reads at once: the broker would send them again at every connect"""
    with raw.Client(front.port, 5) as s:
        s.login("patient", clean=False, props=[(17, 60)])
        s.subscribe("#", 2)
        s.send(raw.disconnect(5, 0))
        tap.eq(s.end(), [], "the broker knows that the client is not there")
    with raw.Client(broker.port, 5) as p:
        p.login("p")
        for qos in (0, 1, 2):
            p.publish("plain/t", b"x", qos, mid=qos + 1, props=[(38, ("k", "v" * 60000))] * 3)
        p.publish("plain/t", b"after", 1, mid=9)
    for wanted in ([b"after"], []):
        with raw.Client(front.port, 5) as s:
            tap.eq(s.login("patient", clean=False, props=[(17, 60)]).session, 1, "the session waits")
            tap.eq([s.message().payload for _ in wanted], wanted, "discarded, what follows comes" if wanted else "and no more")
            s.ping()
    with raw.Client(front.port, 5) as s:
        s.login("patient")
    # mosquitto queues nothing of QoS 0 for who is not there
    dropped["payloads-failed.down.E_TOO_LARGE"] += 2
    with raw.Client(front.port, 5) as p:
        p.login("p")
        p.send(raw.publish("plain/t", b"x", 1, mid=1, version=5, props=[(38, ("k", "v" * 60000))] * 3))
        tap.eq(p.expect(raw.DISCONNECT).code, 0x95, "a client is told")


def rarely():
    """What needs more than a short payload to be wrong"""
    with raw.Client(front.port, 5) as p:
        p.login("p")
        rows = [("E_RETAIN", seal("up/t", b"secret"), True), ("E_LENGTH", seal("up/t", bytes(16384)) + bytes(15), False)]
        for error, payload, retain in rows:
            code = p.publish("up/t", payload, 1, retain=retain).code
            tap.eq(code, 0x99, error)
            dropped["payloads-failed.up." + error] += 1
        p.ping()


def counted():
    """All are counted, few are written down"""
    said, total = front.status(), sum(dropped.values())
    tap.eq(int(said["payloads-failed"]), total, "status counts every one")
    tap.eq({k: int(v) for k, v in said.items() if k.startswith("payloads-failed.")}, dict(dropped), "by direction and error")
    front.wait_event("suppressed", seconds=15)  # when its ten seconds are over, whatever comes then
    tap.eq(front.stop(), 0, "status 0")
    lines = front.events("payload")
    left_out = [int(f["count"]) for f in front.events("suppressed")]
    tap.eq(len(lines) + sum(left_out), total, "the log has a line for each, or counts it")
    tap.ok(lines and len(lines) <= LINES * (len(left_out) + 1), "%d lines and %d numbers" % (len(lines), len(left_out)))
    tap.eq({f["error"] for f in lines} - {k.rsplit(".", 1)[1] for k in dropped}, set(), "each with its error")
    tap.ok(all(f.get("topic") and f.get("client_id") and f.get("from") for f in lines), "topic, client and side")


tap.run([up, down, too_long, long_head, rarely, counted])
