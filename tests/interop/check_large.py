# SPDX-License-Identifier: ISC
"""Long messages through an edge that seals and a gateway that opens, there and back: whole, in bounded memory. And envelopes
that were changed in the middle: nobody gets them, and they are dropped when they come again. LARGE_BYTES=256000000 for the
longest one."""
import hashlib
import secrets
import threading

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker

proxy.need()
if not envelope.available:
    tap.skip_all("no libcrypto")

BYTES = tap.rounds("LARGE_BYTES", 20000000)
PIECE = 65536
GROWTH = 2048  # KiB
KEY = secrets.token_bytes(32)
key_text, _ = proxy.key("site", KEY)
top = "max-message 256M\n" + key_text


def pieces(size):
    """So many bytes, no two pieces alike."""
    block = secrets.token_bytes(PIECE)
    for i in range(0, size, PIECE):
        yield (b"%016d" % i + block[16:])[:size - i]


def send_large(client, topic, size, digest):
    """A PUBLISH of QoS 1, made as it is sent."""
    head = raw.publish(topic, b"", 1, mid=9, version=client.version)
    body = head[2:]
    client.send(head[:1] + raw.varint(len(body) + size) + body)
    for piece in pieces(size):
        digest.update(piece)
        client.send(piece)


def take_large(client, size):
    """The payload of the PUBLISH that comes, as digest; how it began; and, where it ends before, the bytes that came."""
    data = b""
    while len(data) < 5 or data[4] & 128 or len(data) < 64:
        more = client.sock.recv(PIECE)
        if not more:
            break
        data += more
    at = 1
    while data[at] & 128:
        at += 1
    head = at + 3 + (data[at + 1] << 8 | data[at + 2]) + (2 if data[0] & 6 else 0)
    head += 1 + data[head] if client.version == 5 else 0
    digest, left = hashlib.sha256(data[head:]), size - len(data) + head
    while left > 0:
        more = client.sock.recv(min(left, 1 << 18))
        if not more:
            break
        digest.update(more)
        left -= len(more)
    return digest.hexdigest(), size - left


def bounded():
    """A message of many megabytes, QoS 1, from client to client"""
    if not MOSQUITTO:
        raise tap.Skip("mosquitto is not there")
    broker = Mosquitto()
    gateway = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + top + proxy.decrypt("open/#", "site") +
                          "payload private/# {\n\tpass\n}\n", name="gateway").start()
    edge = proxy.Proxy(proxy.listener() + proxy.broker(gateway.port) + top + proxy.encrypt("open/#", "site") +
                       proxy.encrypt("private/#", "site"), name="edge").start()
    for version, topic, size in ((4, "open/t", BYTES), (5, "private/t", BYTES // 4)):
        with raw.Client(edge.port, version, patience=120) as s, raw.Client(edge.port, version, patience=120) as p:
            s.login("s")
            s.subscribe(topic, 1)
            p.login("p")
            p.publish(topic, b"first", 1)
            tap.eq(s.message().payload, b"first", "level %d: a short one comes" % version)
            before = [front.rss() for front in (edge, gateway)]
            for front in (edge, gateway):
                proc.reset_peak(front.pid)
            digest = hashlib.sha256()
            sender = threading.Thread(target=send_large, args=(p, topic, size, digest), daemon=True)
            sender.start()
            got, came = take_large(s, size)
            sender.join(60)
            tap.ok((got, came) == (digest.hexdigest(), size), "level %d: %d bytes come as they were sent" % (version, size), came)
            tap.eq(p.expect(raw.PUBACK).mid, 9, "level %d: acknowledged" % version)
            for front, was in zip((edge, gateway), before):
                grown = proc.status(front.pid, "VmHWM") - was
                tap.note("%s, level %d: %d KiB more at most" % (front.name, version, grown))
                if not proxy.sanitized():
                    tap.within(grown, -1 << 20, GROWTH, "level %d: memory of the %s (KiB)" % (version, front.name))
    tap.eq(edge.status()["payloads-failed"], "0", "nothing failed")
    for front in (edge, gateway):
        tap.eq(front.stop(), 0, "the %s ends with status 0" % front.name)
    broker.stop()


def seal(topic, payload):
    status, out, err = proc.run([proxy.CTL, "encrypt", "--key-file", proc.path("site.key"), "--topic", topic], input=payload)
    if status:
        raise RuntimeError(err)
    return out


def tampered_down():
    """A subscriber never gets a message that was changed in the middle; its session goes on with the next"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port) + top + proxy.encrypt("t/#", "site"), workers=2).start()
    payload = secrets.token_bytes(1000000)
    for version in (4, 5):
        bad = bytearray(seal("t/x", payload))
        bad[700000] ^= 1
        at = (700000 - 24) // 16400 * 16384
        c = raw.Client(front.port, version)
        c.login("first-%d" % version)
        leg = stub.find("first-%d" % version)[0]
        stub.send(leg, raw.publish("t/x", bytes(bad), 1, mid=7, version=version))
        tap.eq(c.end(), [], "level %d: no message, and the end" % version)
        came = bytes(c.splitter.data)
        tap.ok(len(came) < at + 20 and payload.startswith(came[-(at - 100):]) or came.endswith(payload[at - 100:at]),
               "level %d: what came was verified" % version, len(came))
        tap.ok(proc.holds(lambda: leg.closed, 10), "level %d: the broker's connection ends" % version)
        tap.ok("PUBACK" not in stub.kinds(leg), "level %d: not acknowledged" % version)
        for again in range(4):  # some of them at another worker
            with raw.Client(front.port, version) as c:
                c.login("down-%d-%d" % (version, again))
                leg = stub.find("down-%d-%d" % (version, again))[0]
                stub.send(leg, raw.publish("t/x", bytes(bad), 1, dup=True, mid=7, version=version))
                stub.wait(lambda: "PUBACK" in stub.kinds(leg), 10, "the PUBACK")
                stub.send(leg, raw.publish("t/x", seal("t/x", payload), 1, mid=8, version=version))
                tap.ok(c.message().payload == payload, "level %d, again %d: dropped, and a good one comes" % (version, again))
    tap.eq(front.status()["payloads-failed.down.E_AUTH"], "10", "each is counted")
    tap.eq(front.stop(), 0, "it ends with status 0")
    stub.stop()


def tampered_up():
    """Nor does a broker get one"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port) + top + proxy.decrypt("t/#", "site"), workers=2).start()
    for version in (4, 5):
        bad = bytearray(seal("t/x", secrets.token_bytes(1000000)))
        bad[700000] ^= 1
        for again in range(3):
            with raw.Client(front.port, version) as c:
                c.login("up-%d-%d" % (version, again))
                leg = stub.find("up-%d-%d" % (version, again))[0]
                c.send(raw.publish("t/x", bytes(bad), 1, dup=again > 0, mid=7, version=version))
                if again == 0:
                    told = [(p.kind, p.code) for p in c.end()]
                    tap.eq(told, [(raw.DISCONNECT, 0x99)] if version == 5 else [], "level %d: the session ends" % version)
                    tap.ok(proc.holds(lambda: leg.closed, 10), "level %d: the broker's too" % version)
                else:
                    answer = c.expect(raw.PUBACK)
                    tap.eq((answer.mid, answer.code), (7, 0x99 if version == 5 else 0), "level %d: dropped" % version)
                    c.ping()
                tap.ok("PUBLISH" not in stub.kinds(leg), "level %d: no message at the broker" % version)
    tap.eq(front.stop(), 0, "it ends with status 0")
    stub.stop()


tap.run([bounded, tampered_down, tampered_up], seconds=300)
