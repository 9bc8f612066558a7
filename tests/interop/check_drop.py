# SPDX-License-Identifier: ISC
"""Messages that cannot be opened, thousands in a row, at a real broker: acknowledged, never delivered, and the session goes
on as if they had not been. DROPS says how many. And the log stays readable under them."""
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
VERSIONS = (3, 4, 5)
WINDOW = 100
broker = Mosquitto(extra="max_queued_messages 0")
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)
# one thread: the log's limit is a thread's
front = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + key_text + proxy.decrypt("up/#", "site") +
                    proxy.encrypt("down/#", "site"), workers=1, name="front")
front.start()
dropped = 0


def seal(topic, payload):
    """An envelope, made by mqsecproxyctl."""
    status, out, err = proc.run([proxy.CTL, "encrypt", "--key-file", proc.path("site.key"), "--topic", topic], input=payload)
    if status:
        raise RuntimeError(err)
    return out


def expect_ack(client, kind, mid, code):
    p = client.expect(kind)
    if (p.mid, p.code) != (mid, code):
        raise AssertionError("wanted %s %d code %d, got %r" % (raw.NAMES[kind], mid, code, p))


def drop_window(client, qos, mids):
    """One window of messages, refused."""
    refused = 0x99 if client.version == 5 else 0
    client.send(b"".join(raw.publish("up/t", b"no envelope", qos, mid=m, version=client.version) for m in mids))
    for m in mids:
        expect_ack(client, raw.PUBACK if qos == 1 else raw.PUBREC, m, refused)
    if qos == 2 and not refused:
        client.send(b"".join(raw.ack(raw.PUBREL, m) for m in mids))
        for m in mids:
            expect_ack(client, raw.PUBCOMP, m, 0)


def up():
    """From clients: each is answered, and good ones pass behind them under the same ids"""
    global dropped
    good = seal("up/t", b"good")
    for version in VERSIONS:
        for qos in (1, 2):
            name = "level %d, QoS %d, %d bad ones" % (version, qos, DROPS)
            with raw.Client(front.port, version) as p, raw.Client(broker.port, 4) as s:
                s.login("s")
                s.subscribe("up/#", 0)
                p.login("p")
                for first in range(0, DROPS, WINDOW):
                    drop_window(p, qos, [1 + (first + i) % 65535 for i in range(WINDOW)])
                dropped += DROPS
                for m in (1, WINDOW, 65535):
                    p.publish("up/t", good, qos, mid=m)
                    tap.eq(s.message().payload, b"good", "up, %s: a good one passes, id %d" % (name, m))
                p.ping()
                s.ping()


def take(client, count):
    """Reads until so many good messages came, and answers them."""
    return [client.message(60).payload for _ in range(count)]


def flood(p, qos):
    """DROPS messages in clear, straight to the broker, as fast as it takes them."""
    mids = [1 + i for i in range(20)]  # mosquitto's own window
    for _ in range(0, DROPS, 20):
        p.send(b"".join(raw.publish("down/t", b"in clear", qos, mid=m) for m in mids))
        for m in mids:
            p.expect(raw.PUBACK if qos == 1 else raw.PUBREC)
        if qos == 2:
            p.send(b"".join(raw.ack(raw.PUBREL, m) for m in mids))
            for m in mids:
                p.expect(raw.PUBCOMP)


def down():
    """To a persistent subscriber: the broker's window never fills, and nothing comes again"""
    global dropped
    good = seal("down/t", b"good")
    for version in VERSIONS:
        keep = [(17, 300)] if version == 5 else None
        for qos in (1, 2):
            name = "down, level %d, QoS %d, %d bad ones" % (version, qos, DROPS)
            ident = "keeper-%d-%d" % (version, qos)
            with raw.Client(front.port, version) as s, raw.Client(broker.port, 4, patience=30) as p:
                s.login(ident, clean=False, props=keep)
                s.subscribe("down/t", qos)
                p.login("p")
                flood(p, qos)
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
                flood(p, qos)
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
            dropped += 2 * DROPS


def too_long():
    """What is longer than max-message is discarded on its way down, and delivered from then on"""
    global dropped
    with raw.Client(front.port, 5) as s, raw.Client(broker.port, 4) as p:
        s.login("s")
        s.subscribe("down/long", 2)
        p.login("p")
        for qos in (0, 1, 2):
            p.publish("down/long", bytes(3 << 20), qos)
        p.publish("down/long", seal("down/long", b"short"), 1)
        tap.eq(take(s, 1), [b"short"], "3 MiB are discarded, what follows comes")
        s.ping()
        dropped += 3


def counted():
    """All are counted, few are written down"""
    tap.eq(int(front.status()["payloads-failed"]), dropped, "status counts every one")
    front.wait_event("suppressed", seconds=15)  # when its ten seconds are over, whatever comes then
    tap.eq(front.stop(), 0, "status 0")
    lines = front.events("payload")
    left_out = [int(f["count"]) for f in front.events("suppressed")]
    tap.eq(len(lines) + sum(left_out), dropped, "the log has a line for each, or counts it")
    tap.ok(lines and len(lines) <= LINES * (len(left_out) + 1), "%d lines and %d numbers" % (len(lines), len(left_out)))
    tap.eq({f["error"] for f in lines} - {"E_PLAIN", "E_TOO_LARGE"}, set(), "each with its error")
    tap.ok(all(f.get("topic") and f.get("client_id") and f.get("from") for f in lines), "topic, client and side")


tap.run([up, down, too_long, counted])
