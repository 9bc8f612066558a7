# SPDX-License-Identifier: ISC
"""The clock is set, on and back, by seconds, by an hour and by a year, under a running proxy and between two runs of it, while
the clock of durations runs on: no mark ever falls, no code gets in twice, and where marks lie in the future log and status
say so. CLOCK_ROUNDS walks on at random."""
import contextlib
import glob
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import sqlite3
except ImportError:
    sqlite3 = None

from lib import otp, proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
if LIBRARY is None or sqlite3 is None:
    tap.skip_all("libfaketime, or sqlite3 for Python, is not there")
if proxy.sanitized():
    tap.skip_all("libfaketime and a sanitizer do not go together")
HOUR, YEAR = 3600, 365 * 86400
WINDOW = {"people": 1, "machine-totp": 1}  # steps forward
# what the clock shows more than it is, and whether the proxy is started anew in between
ROWS = [(0, False), (HOUR, False), (0, False), (-HOUR, False), (YEAR, False), (0, True), (-YEAR, False), (YEAR, True), (0, False)]
ROUNDS = tap.rounds("CLOCK_ROUNDS", 0)
addresses = ("127.%d.%d.%d" % (a, b, c) for a in range(20, 200) for b in range(256) for c in range(1, 255))
stub = StubBroker()
SAID = proc.write("clock", "+0\n")
front = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block(), wrapper=[
    "env", "LD_PRELOAD=" + LIBRARY, "FAKETIME_TIMESTAMP_FILE=" + SAID, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"])


def login(user, code, source=None):
    with raw.Client(front.port, 4, source or next(addresses), 60) as c:
        return c.login(user.name, user=user.name, password="p" + code).code


def together(jobs):
    with ThreadPoolExecutor(24) as pool:
        return [f.result() for f in [pool.submit(login, *job) for job in jobs]]


def marks():
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % front.state, uri=True)) as db:
        return {n.decode() if isinstance(n, bytes) else n: m for n, m in db.execute("SELECT name, mark FROM user")}


class World:
    """Users, what got in of each, and how far their marks are."""

    def __init__(self):
        self.users, self.accepted, self.before, self.offset = [], {}, {}, 0

    def set(self, offset, restart):
        if restart:
            proc.stop(front.child)
        self.offset = offset
        proc.write(SAID, "%+.1f\n" % offset)
        if restart:
            front.start()

    def step(self, user):
        return int(time.time() + self.offset) // user.step

    def fell(self):
        """Marks that are lower than when they were looked at last."""
        now = marks()
        out = [(n, m, now[n]) for n, m in self.before.items() if now[n] < m]
        self.before = now
        return out

    def fresh(self, name):
        """Everybody sends the code of this moment, which is good where the mark is below it."""
        jobs, wanted = [], []
        for user in self.users:
            if user.kind == "hotp":
                jobs.append((user, user.code()))
                wanted.append(0)
            else:
                step = self.step(user)
                jobs.append((user, otp.hotp(user.secret, step, user.digits, user.algorithm)))
                wanted.append(0 if step > self.before.get(user.name, -1) else 4)
        got = together(jobs)
        wrong = [(u.name, g, w) for (u, _), g, w in zip(jobs, got, wanted) if g != w]
        twice = [(u.name, c) for (u, c), g in zip(jobs, got) if g == 0 and c in self.accepted.get(u.name, ())]
        for (user, code), answer in zip(jobs, got):
            if answer == 0:
                self.accepted.setdefault(user.name, []).append(code)
        tap.eq((wrong, twice), ([], []), "%s: %d of %d get in, as their marks say, none of them with a used code" % (
            name, got.count(0), len(got)))

    def replays(self, name):
        """The latest codes that were good, and one of the earlier."""
        jobs = []
        for user in self.users:
            used = self.accepted.get(user.name, [])
            jobs += [(user, code) for code in {*used[-1:], *random.sample(used, min(1, len(used)))}]
        tap.eq(set(together(jobs)), {4}, "%s: %d used codes are refused" % (name, len(jobs)))

    def alarm(self, name):
        """Who is ahead of the clock is counted, and an increase is told."""
        def ahead():
            now = time.time() + self.offset
            return sum(self.before[u.name] > int(now) // u.step + WINDOW[u.profile] for u in self.users if u.kind == "totp")
        shown = proc.holds(lambda: front.status()["users-ahead-of-the-clock"] == str(ahead()), 30)
        tap.ok(shown, "%s: the status counts %d users ahead of the clock" % (name, ahead()),
               lambda: front.status()["users-ahead-of-the-clock"])
        if ahead():
            said = front.wait_event("clock", 30, level="error")["message"]
            tap.ok("the clock was set back" in said, name + ": the log has the alarm", said)


def shown(offset):
    sign, n = ("+" if offset >= 0 else "-"), abs(offset)
    return "the clock %s%s" % (sign, "1 year" if n == YEAR else "1 hour" if n == HOUR else "%d s" % n)


def steps():
    """Set on and back by an hour and by a year, again and again"""
    world = World()
    random.seed(1)
    rows = ROWS + [(random.choice((0, HOUR, -HOUR, YEAR, -YEAR, 45, -45)), random.random() < 0.2) for _ in range(ROUNDS)]
    for i, (offset, restart) in enumerate(rows):
        name = "%d: %s%s" % (i, shown(offset), ", started anew" if restart else "")
        world.set(offset, restart)
        if i < 4:  # so that each of them has seen another clock
            world.users += [front.add_user("u%d-%s" % (i, p), p) for p in ("people", "machine-totp", "machine-hotp")]
        world.fresh(name)
        tap.eq(world.fell(), [], name + ": no mark fell")
        world.replays(name)
        tap.eq(world.fell(), [], name + ": nor then")
        world.alarm(name)


def waits():
    """Who has to wait since a time that is a year ahead does not wait for a year"""
    user, here = front.add_user("waits"), next(addresses)
    proc.write(SAID, "%+.1f\n" % YEAR)
    tap.eq(login(user, user.wrong(), here), 4, "a wrong code, a year ahead")
    proc.write(SAID, "+0\n")
    tap.ok(proc.holds(lambda: login(user, user.code(), here) == 0, 20), "the same source gets in when the clock is right again")


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


front.start()
tap.run([steps, waits, finish], 7200)
