# SPDX-License-Identifier: ISC
"""Who does not read stops who sends, in bounded memory, and loses nothing. BULK_MB raises the size."""
import select
import threading
import time

from lib import envelope, proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
MB = 1000 * 1000
BULK = tap.rounds("BULK_MB", 200) * MB
MAX_BUFFER = 4096  # KiB
MEMORY = MAX_BUFFER + 6 * 1024  # KiB: the buffer, and what the allocator and the kit take beside it
KERNEL = 40 * MB  # what sockets on loopback may hold in all


class Sender(threading.Thread):
    """Pushes bytes as fast as they are taken and knows how many were."""

    def __init__(self, sock, pieces):
        super().__init__(daemon=True)
        self.sock, self.pieces, self.sent, self.error = sock, pieces, 0, None
        self.moved = time.monotonic()
        sock.settimeout(120)
        self.start()

    def run(self):
        try:
            for piece in self.pieces:
                view = memoryview(piece)
                while view:
                    n = self.sock.send(view)
                    self.sent += n
                    self.moved = time.monotonic()
                    view = view[n:]
        except (OSError, ValueError) as e:
            self.error = e

    def stalled(self, seconds=0.7):
        return self.is_alive() and time.monotonic() - self.moved > seconds


def pieces(total, size, topic):
    """PUBLISHes of QoS 0 with numbered payloads, small ones many together."""
    together = bytearray()
    for i in range(total // size):
        together += raw.publish(topic, i.to_bytes(8, "big") * (size // 8))
        if len(together) >= 32768:
            yield bytes(together)
            together.clear()
    yield bytes(together)


class Collector:
    """Counts and checks numbered payloads as they come."""

    def __init__(self, size, unseal=None):
        self.next, self.bad, self.size, self.unseal = 0, [], size, unseal
        self.splitter = raw.Splitter()

    def feed(self, data):
        for p in self.splitter.feed(data):
            if p.kind != raw.PUBLISH:
                self.bad.append("a %s came" % raw.NAMES[p.kind])
                continue
            payload = self.unseal(p.payload) if self.unseal else p.payload
            if payload != self.next.to_bytes(8, "big") * (self.size // 8):
                self.bad.append("message %d is not what was sent" % self.next)
            self.next += 1


def check_memory(front, before, name):
    if proxy.sanitized():
        tap.skip(name, "memory under a sanitizer says nothing")
    else:
        tap.within(proc.status(front.pid, "VmHWM") - before, -1 << 20, MEMORY, name + " (KiB)")


def up(topic, size, bulk, text, unseal=None, receive_buffer=None):
    """A broker that does not read stops the publisher."""
    stub = StubBroker(receive_buffer=receive_buffer)
    front = proxy.Proxy(proxy.listener(extra="\tmax-buffer %dk" % MAX_BUFFER) + proxy.broker(stub.port) + text).start()
    c = raw.Client(front.port)
    c.login("pusher")
    leg = stub.wait_connection()
    got = Collector(size, unseal)
    leg.sink = got.feed
    stub.pause(leg)
    before = front.rss()
    proc.reset_peak(front.pid)
    wanted = bulk // size
    sender = Sender(c.sock, pieces(bulk, size, topic))
    stopped = proc.holds(lambda: sender.stalled() or not sender.is_alive(), 120)
    tap.ok(stopped and (sender.is_alive() or bulk < 4 * MB), "%s: the publisher is stopped" % topic)
    tap.ok(sender.sent < KERNEL, "after what buffers hold", "%d bytes" % sender.sent)
    check_memory(front, before, "%s: memory while stopped" % topic)
    spent, began = proc.cpu_seconds(front.pid), time.monotonic()
    while time.monotonic() - began < 0.6:
        select.select([], [], [], 0.2)
    tap.within(proc.cpu_seconds(front.pid) - spent, 0, 0.1, "%s: no processor time while stopped" % topic)
    with raw.Client(front.port) as other:
        tap.eq(other.login("other").code, 0, "others are served meanwhile")
        other.ping()
    stub.resume(leg)
    sender.join(100)
    tap.ok(not sender.is_alive() and not sender.error, "%s: the rest is taken" % topic, repr(sender.error))
    tap.ok(proc.holds(lambda: got.next >= wanted or got.bad or stub.errors, 60), "%s: all arrives" % topic,
           "%d of %d" % (got.next, wanted))
    tap.eq((got.next, got.bad[:3], stub.errors), (wanted, [], []), "%s: once, in order, unchanged" % topic)
    check_memory(front, before, "%s: memory over all" % topic)
    c.close()
    tap.eq(front.stop(), 0, "status 0")
    stub.stop()


def down(topic, size, bulk, text):
    """A subscriber that does not read stops the broker."""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tmax-buffer %dk\n\tstall-timeout 120s" % MAX_BUFFER) +
                        proxy.broker(stub.port) + text).start()
    c = raw.Client(front.port)
    c.login("sleeper")
    leg = stub.wait_connection()
    before = front.rss()
    proc.reset_peak(front.pid)
    wanted = bulk // size
    sent = bytearray().join(pieces(bulk, size, topic)) if bulk <= 100 * MB else b"".join(pieces(bulk, size, topic))
    stub.send(leg, sent)
    left = [len(leg.out), time.monotonic()]

    def stalled():
        if len(leg.out) != left[0]:
            left[:] = [len(leg.out), time.monotonic()]
        return leg.out and time.monotonic() - left[1] > 0.7
    tap.ok(proc.holds(stalled, 120), "%s: the broker is stopped" % topic)
    tap.ok(len(sent) - len(leg.out) < KERNEL, "after what buffers hold", len(sent) - len(leg.out))
    check_memory(front, before, "%s: memory while stopped" % topic)
    got = Collector(size)
    while got.next < wanted and not got.bad:
        data = c.sock.recv(1 << 18)
        if not data:
            break
        got.feed(data)
    tap.eq((got.next, got.bad[:3]), (wanted, []), "%s: when it reads, all arrives, once, in order, unchanged" % topic)
    check_memory(front, before, "%s: memory over all" % topic)
    tap.ok(c.ping(), "and the session goes on")
    c.close()
    tap.eq(front.stop(), 0, "status 0")
    stub.stop()


def up_plain():
    """Up, unchanged"""
    up("plain", 16000, BULK, "")


def up_large():
    """Up, unchanged, messages far larger than the buffer"""
    up("large", 24 * MB, 96 * MB, "")


def up_sealed():
    """Up, encrypted"""
    text, key = proxy.key("bulk")
    up("enc/up", 16000, BULK // 10, text + proxy.encrypt("enc/#", "bulk"),
       lambda data: envelope.open_envelope(key, "enc/up", data).payload)


def up_small():
    """Up, encrypted, tiny messages that grow when sealed"""
    text, key = proxy.key("tiny")
    up("enc/tiny", 8, 16 * MB // 10, text + proxy.encrypt("enc/#", "tiny"),
       lambda data: envelope.open_envelope(key, "enc/tiny", data).payload, 65536)


def down_plain():
    """Down, unchanged"""
    down("plain", 16000, BULK // 2, "")


def no_acks_read():
    """A client that publishes and reads no answers is stopped too"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tmax-buffer %dk\n\tstall-timeout 120s" % MAX_BUFFER) +
                        proxy.broker(stub.port)).start()
    c = raw.Client(front.port, receive_buffer=4096)
    c.login("deaf")
    before = front.rss()
    proc.reset_peak(front.pid)
    sender = Sender(c.sock, (raw.pingreq() * 50000 for _ in range(400)))
    stopped = proc.holds(lambda: sender.stalled() or sender.error, 120)
    check_memory(front, before, "20 million PINGREQs without reading an answer: memory")
    tap.ok(stopped, "it is stopped or cut", "%d bytes taken" % sender.sent)
    c.sock.close()
    proc.stop(front.child)
    stub.stop()


def stall():
    """A client that takes nothing for stall-timeout is closed"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tmax-buffer %dk\n\tstall-timeout 1s" % MAX_BUFFER) +
                        proxy.broker(stub.port)).start()
    c = raw.Client(front.port, receive_buffer=65536)
    c.login("stalled", will=("will", b"gone", 0, False))
    leg = stub.wait_connection()
    began = time.monotonic()
    stub.send(leg, b"".join(pieces(40 * MB, 16000, "t")))
    stub.wait(lambda: leg.closed, 15, "the stalled session to end")
    tap.within(time.monotonic() - began, 0.9, 20, "after stall-timeout the session ends")
    tap.ok(raw.DISCONNECT not in [p.kind for p in leg.packets], "the broker gets no DISCONNECT: the Will is published")
    # one that reads slowly, but reads, is not stalled
    slow = raw.Client(front.port, receive_buffer=65536)
    slow.login("slow")
    leg = stub.find("slow")[0]
    # the kernel tells of room only when a third of its buffer is free, so "slowly" has a limit
    stub.send(leg, b"".join(pieces(60 * MB, 16000, "t")))
    began, got = time.monotonic(), 0
    while time.monotonic() - began < 2.5:
        for _ in range(4):
            got += len(slow.sock.recv(65536))
        select.select([], [], [], 0.05)
    tap.ok(not leg.closed and leg.out, "one that reads slowly stays", "%s, it got %d bytes" % (leg.closed, got))
    slow.close()
    tap.eq(front.stop(), 0, "status 0")
    stub.stop()


tap.run([up_plain, up_large, up_sealed, up_small, down_plain, no_acks_read, stall])
