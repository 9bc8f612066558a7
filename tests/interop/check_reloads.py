# SPDX-License-Identifier: ISC
"""Reloads, one after the other, under load: lists, keys and rules that change, and files that are refused between, while
messages pass in clear and sealed at every QoS. No connection is lost, every message comes once, and nothing is left
behind. RELOADS=1000 for the full count."""
import os
import random
import re
import threading

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto
from lib.stream import Stream

proxy.need()
if not MOSQUITTO or not envelope.available:
    tap.skip_all("mosquitto or libcrypto is not there")

RELOADS = tap.rounds("RELOADS", 150)
IDLE = 50
GROWTH = 1536  # KiB that may be taken between two moments of the same load, however many reloads lie between
MARK = b"in the clear"
chance = random.Random(1)
keys = {name: proxy.key(name) for name in ("one", "two", "three")}
kids = {envelope.kid(data): name for name, (_, data) in keys.items()}
broker = Mosquitto(extra="max_queued_messages 0")


def addresses():
    return "".join("10.%d.%d.0/24\n" % (chance.randrange(256), chance.randrange(256)) for _ in range(chance.randrange(2000)))


def configuration():
    """Another good one each time: for those who are there it always means the same."""
    proc.write("addresses.txt", addresses())
    proc.write("names.txt", "".join("stranger-%d\n" % chance.randrange(10**6) for _ in range(chance.randrange(1000))))
    names = ["one", "two"]
    chance.shuffle(names)  # what one sealed is open to both
    extra = chance.random() < 0.5
    blocks = [keys[n][0] for n in names] + [keys["three"][0]] * extra
    chance.shuffle(blocks)  # so the keys change their places in the ring
    rules = [proxy.encrypt("s/#", *names)] + [proxy.encrypt("unused/%d/#" % i, "one") for i in range(chance.randrange(5))]
    chance.shuffle(rules)
    limits = "".join("\tlimit %s\n" % t for t in ("connects 5000 per 1s per address", "connections 500 per address",
                                                "publish 1000000 per 1s per client") if chance.random() < 0.7)
    filters = "filter f {\n%s\tdeny connect address @%s\n\tdeny connect client-id @%s\n\tallow connect\n%s" \
        "\tallow publish\n\tdeny subscribe no/#\n\tallow subscribe\n%s}\n" % (
            "\tdry-run on\n" if chance.random() < 0.3 else "", proc.path("addresses.txt"), proc.path("names.txt"),
            "\tdeny publish no/#\n" * chance.randrange(3), limits)
    return "max-message %dk\n" % chance.choice((256, 512, 1024)) + proxy.listener(extra="\tfilter f") + \
        proxy.broker(broker.port, extra="\tconnect-timeout %ds" % chance.randint(5, 20)) + filters + "".join(blocks + rules)


def bad(text):
    """A configuration that is refused."""
    return chance.choice((
        lambda: text + "listener {\n",
        lambda: text + "unknown directive\n",
        lambda: text.replace("broker main", "broker other", 1),
        lambda: text.replace("one.key", "none.key"),
        lambda: text.replace("addresses.txt", "none.txt"),
        lambda: text.replace("listen 127.0.0.1:0", "listen 127.0.0.1:%d" % broker.port)))()


class Watcher:
    """At the broker itself: what is sealed, and by which key."""

    def __init__(self):
        self.kids, self.clear, self.over = {}, 0, False
        self.client = raw.Client(broker.port, 4, patience=60)
        self.client.login("watcher")
        self.client.subscribe("s/#")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            p = self.client.message()
            if p.topic == b"s/end":
                return
            if p.payload[:1] == b"\x80":
                self.kids[p.payload[1:5]] = self.kids.get(p.payload[1:5], 0) + 1
            self.clear += MARK in p.payload


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def reloads():
    """So many reloads, every fourth a bad one"""
    front = proxy.Proxy(configuration()).start()
    watcher = Watcher()
    idle = []
    for i in range(IDLE):
        c = raw.Client(front.port, 5 if i % 2 else 4, patience=60)
        c.login("idle-%d" % i, keep_alive=0)
        idle.append(c)
    ports = (front.port, front.port)
    streams = [Stream("%s-%d-%d" % (what, version, qos), ports, version, qos, topic="%s/%d/%d" % (what, version, qos), mark=MARK)
               for what in ("c", "s") for qos, version in ((0, 4), (1, 5), (2, 5 if what == "s" else 4))]
    accepted = front.status()["connections-accepted"]
    good = refused = 0
    wrong, sizes, counts = [], [], set()

    def one():
        nonlocal good, refused
        text = configuration()
        is_bad = chance.random() < 0.25
        front.configure(bad(text) if is_bad else text)
        code, out, err = front.reload()
        good, refused = good + (code == 0), refused + (code == 78)
        if code != (78 if is_bad else 0):
            wrong.append((code, out + err))
        if is_bad and not re.search("error: |restart", out + err):
            wrong.append((code, "no reason: " + out + err))

    def measure():
        """Between reloads, with the load as ever."""
        sizes.append(front.rss())
        counts.add((descriptors(front.pid), threads(front.pid)))

    for _ in range(max(20, RELOADS // 10)):
        one()
    since = [len(s.got) for s in streams]
    measure()
    for i in range(RELOADS):
        one()
        if i % 10 == 9:
            for s, n in zip(streams, since):
                proc.until(lambda: s.moved(n, 10), 60, s.name)  # traffic goes on through all of it
            since = [len(s.got) for s in streams]
            measure()
    tap.note("%d good, %d refused; resident %d to %d KiB, then %d; %d messages" % (
        good, refused, min(sizes), max(sizes), sizes[-1], sum(len(s.got) for s in streams)))
    tap.eq(wrong, [], "each ends with its verdict")
    tap.ok(good > RELOADS // 2 and refused > RELOADS // 10, "there were good ones and bad ones", (good, refused))
    for s in streams:
        tap.ok(s.end(), "%s: all messages came, once, in order" % s.name,
               lambda: "%d sent, %d came, %d refused, %r" % (len(s.sent), len(s.got), s.refused, s.error))
    for c in idle:
        c.ping()
    tap.ok(True, "%d idle connections are there and serve" % IDLE)
    status = front.status()
    tap.eq((status["connections-accepted"], status["payloads-failed"]), (accepted, "0"), "nobody came anew, and no payload failed")
    tap.eq(len(counts), 1, "as many descriptors and threads at any time: %s" % sorted(counts))
    half = len(sizes) // 2
    tap.ok(proxy.sanitized() or max(sizes[half:]) - max(sizes[:half]) < GROWTH, "memory does not grow", repr(sizes))
    with raw.Client(broker.port) as c:
        c.login("end")
        c.publish("s/end")
        watcher.thread.join(60)
    tap.eq((sorted(kids[k] for k in watcher.kids), watcher.clear), (["one", "two"], 0), "each of two keys sealed, and nothing went in clear")
    for c in idle:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


tap.run([reloads], seconds=max(240, RELOADS))
