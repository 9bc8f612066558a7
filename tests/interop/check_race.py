# SPDX-License-Identifier: ISC
"""One code, and 64 connections that send it at the same moment, each from an address of its own, to all workers at once:
exactly one gets in. RACES is the number of rounds, each with a fresh credential."""
import collections
import itertools
import os
import re
import resource
import selectors
import socket
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
RACES = tap.rounds("RACES", 72)
CROWD, WORKERS = 64, 4
_most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_most, 16384), _most))
GROUP = 24 if _most >= 8192 else 4  # races at once: their refusals wait for their second together
PROFILES = ("machine-hotp", "machine-totp", "people")
came = collections.Counter()


def answer(c, p):
    if p.kind == raw.CONNECT:
        came[p.user.decode()] += 1
    return StubBroker.agree(c, p)


stub = StubBroker(answer)
TEXT = proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block()
addresses = itertools.cycle("127.%d.%d.%d" % (a, b, c) for a in range(1, 16) for b in range(256) for c in range(1, 255))
JUDGED = re.compile(r"user=(\S+) .*worker=(\d+)")


class Race:
    """All connections of a credential, their CONNECTs sent but for the last byte."""

    def __init__(self, port, user):
        self.port, self.user, self.answers, self.workers = port, user, [], set()
        wire = raw.connect(4, "race", user=user.name, password="p" + (user.code() if user.kind == "hotp" else user.now()))
        self.first, self.last = wire[:-1], wire[-1:]
        self.socks = []

    def open(self):
        s = socket.socket()
        s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.bind((next(addresses), 0))
        s.connect(("127.0.0.1", self.port))
        s.send(self.first)
        self.socks.append(s)

    def verdict(self):
        """What is wrong with it, or None."""
        entered = self.answers.count(b"\x20\x02\x00\x00")
        refused = self.answers.count(b"\x20\x02\x00\x04") + self.answers.count(b"")
        if (entered, refused, came[self.user.name]) == (1, CROWD - 1, 1):
            return None
        return "%s: %d got in, %d were refused, %d came to the broker" % (self.user.name, entered, refused, came[self.user.name])


def fire(races):
    """The last bytes: those of a race right behind one another."""
    for race in races:
        for s in race.socks:
            s.send(race.last)


def collect(races):
    """All answers; whoever got in leaves again."""
    with selectors.DefaultSelector() as ready:
        for race in races:
            for s in race.socks:
                ready.register(s, selectors.EVENT_READ, race)
        while ready.get_map():
            found = ready.select(30)
            if not found:
                raise TimeoutError("%d connections are not answered" % len(ready.get_map()))
            for key, _ in found:
                try:
                    data = key.fileobj.recv(64)
                except ConnectionError:
                    data = b""
                key.data.answers.append(data)
                ready.unregister(key.fileobj)
                key.fileobj.close()


def note_workers(front, races):
    """Who judged them, from the log, which is then forgotten."""
    wanted = len(races) * CROWD
    by_name, judged = {race.user.name: race for race in races}, 0

    def read():
        nonlocal judged
        with front.changed:
            lines = front.lines[front.first_line:]
            del front.lines[front.first_line:]
        for line in lines:
            found = JUDGED.search(line) if "event=connect " in line else None
            if found and found.group(1) in by_name:
                by_name[found.group(1)].workers.add(found.group(2))
                judged += 1
        return judged >= wanted
    proc.until(read, 20, "a line of the log for each of %d logins" % wanted)


def play(front, count, name):
    """What went wrong in so many races, how many were everywhere, how many were closed at once."""
    bad, everywhere, full = [], 0, 0
    front.start()
    port = front.port
    for start in range(0, count, GROUP):
        names = ["%s-%d" % (name, i) for i in range(start, min(start + GROUP, count))]
        users = front.import_users(names, PROFILES[start // GROUP % len(PROFILES)])
        group = [Race(port, user) for user in users]
        for _ in range(CROWD):  # in turn, so that no worker takes a whole race
            for race in group:
                race.open()
        fire(group)
        collect(group)
        note_workers(front, group)
        stub.wait(lambda: all(c.closed for c in stub.connections), 20, "the legs to end")
        stub.forget()
        bad += filter(None, (race.verdict() for race in group))
        everywhere += sum(len(race.workers) == WORKERS for race in group)
        full += sum(race.answers.count(b"") for race in group)
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    return bad, everywhere, full


def races():
    """Of 64 connections with one code exactly one gets in"""
    began = time.monotonic()
    bad, everywhere, full = play(proxy.Proxy(TEXT, workers=WORKERS), RACES, "race")
    tap.ok(not bad, "%d races of %d connections: exactly one gets in, and one CONNECT comes to the broker" % (RACES, CROWD),
           "\n".join(bad[:20]))
    tap.ok(everywhere > RACES // 2, "on all %d workers at once in %d of them" % (WORKERS, everywhere))
    tap.note("%d s; %d connections were closed at once, since too many waited for their refusal" % (
        time.monotonic() - began, full))


def seeded():
    """A proxy that sends CONNECT before the mark is durable is found out"""
    program = os.path.join(proc.top_builddir, "tests", "crash", "mqsecproxy")
    if not os.access(program, os.X_OK):
        raise tap.Skip("the program with the seeded defect is not built")
    bad = play(proxy.Proxy(TEXT, workers=WORKERS, program=program, env=dict(os.environ, CRASH_EARLY="1")), 4, "seeded")[0]
    tap.ok(bad, "found")
    tap.note("\n".join(bad))
    tap.eq(stub.errors, [], "the stub broker understood all it got")


tap.run([races, seeded], 7200)
