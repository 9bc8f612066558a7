# SPDX-License-Identifier: ISC
"""What is wrong with a login cannot be told from the answer: five kinds of refusal, one after the other in an order by chance,
each from an address of its own. The same bytes each time, a second after CONNECT; and Welch's t-test of each pair of kinds
says how likely differences as great as those in their times are by chance. The kernel says when an answer came: when this
program gets to read it depends on what else it does. TIMINGS is the number of each kind."""
import collections
import itertools
import math
import random
import selectors
import socket
import statistics
import struct
import time

from lib import proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
TIMINGS = tap.rounds("TIMINGS", 12)
PACE = 0.005, 0.015  # seconds between two CONNECTs, by chance, so that no answer keeps step with another login
SO_TIMESTAMPING = 37
GROUP = 250   # of them, whose connections are made before
KINDS = ("known user, wrong code", "unknown user", "locked user, right code", "wrong static part and code",
         "right code, wrong static part")
REFUSED = {4: b"\x20\x02\x00\x04", 5: b"\x20\x03\x00\x86\x00"}
addresses = ("127.%d.%d.%d" % (a, b, c) for a in range(30, 200) for b in range(256) for c in range(1, 255))


def answer(c, p):
    if p.kind == raw.CONNECT and p.password != b"static":
        return raw.connack(c.version, 0x86 if c.version == 5 else 4)
    return StubBroker.agree(c, p)


stub = StubBroker(answer)
front = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block())


class Login:
    """A connection that waits for its moment."""

    def __init__(self, kind, user, version):
        self.kind, self.version = kind, version
        password = {KINDS[0]: "static" + user.wrong(), KINDS[3]: "wrong" + user.wrong()}.get(kind)
        if password is None:
            password = ("wrong" if kind == KINDS[4] else "static") + user.code()
        self.client = raw.Client(front.port, version, next(addresses))
        self.client.sock.setblocking(False)
        self.client.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, 8 | 16)  # of what is received, by software
        self.wire = raw.connect(version, "timing", user="nobody-" + user.name if kind == KINDS[1] else user.name, password=password)

    def send(self):
        self.sent = time.time()
        self.client.sock.send(self.wire)

    def receive(self):
        self.answer, notes, _, _ = self.client.sock.recvmsg(256, 256)
        came = [struct.unpack("qq", data[:16]) for _, kind, data in notes if kind == SO_TIMESTAMPING]
        self.took = (came[0][0] + came[0][1] / 1e9 if came else time.time()) - self.sent
        self.client.close()


def play(logins):
    """CONNECTs at a steady pace; the answers are read in between, as they come."""
    with selectors.DefaultSelector() as ready:
        waiting, left, at = list(reversed(logins)), len(logins), time.perf_counter() + 0.05
        while left:
            now = time.perf_counter()
            if waiting and now >= at:
                login = waiting.pop()
                ready.register(login.client.sock, selectors.EVENT_READ, login)
                login.send()
                at = max(at + random.uniform(*PACE), time.perf_counter())
                continue
            found = ready.select(max(at - now, 0) if waiting else 30)
            if not found and not waiting:
                raise TimeoutError("%d logins are not answered" % left)
            for key, _ in found:
                key.data.receive()
                ready.unregister(key.fileobj)
                left -= 1


def welch(a, b):
    """Difference of the means, t, degrees of freedom, and two-sided p (by the normal distribution, as there are many)."""
    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    t = (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(va + vb)
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    return statistics.fmean(a) - statistics.fmean(b), t, freedom, math.erfc(abs(t) / math.sqrt(2))


def measured():
    """All logins, in an order by chance."""
    owners = {kind: front.import_users(["%s-%d" % (kind.replace(" ", "-").replace(",", ""), i) for i in range(2 + TIMINGS // 20)])
              for kind in KINDS}
    for user in owners[KINDS[2]]:
        front.ctl("user", "lock", user.name)
    order = [(kind, owners[kind][i % len(owners[kind])], 4 + i % 2) for kind, i in itertools.product(KINDS, range(TIMINGS))]
    random.shuffle(order)
    out = []
    for start in range(0, len(order), GROUP):
        group = [Login(*job) for job in order[start:start + GROUP]]
        play(group)
        out += group
    return out


def alike():
    """The same answer, byte for byte, at the same scheduled time"""
    logins = measured()
    bytes_of, took = collections.defaultdict(set), collections.defaultdict(list)
    for login in logins:
        bytes_of[login.kind, login.version].add(login.answer)
        took[login.kind].append(login.took)
    for kind in KINDS:
        tap.eq([bytes_of[kind, v] for v in (4, 5)], [{REFUSED[4]}, {REFUSED[5]}], "%s: %d times the same bytes" % (kind, len(took[kind])))
        tap.ok(min(took[kind]) >= 0.998 and statistics.median(took[kind]) <= 1.5, "%s: a second after CONNECT" % kind,
               (min(took[kind]), statistics.median(took[kind]), max(took[kind])))
    verdicts = collections.Counter(v["verdict"] for v in front.verdicts(client_id="timing"))
    tap.eq(verdicts, {"otp_wrong": 2 * TIMINGS, "user_unknown": TIMINGS, "otp_locked": TIMINGS, "broker_refused": TIMINGS},
           "and each was refused for what it was")
    tap.note("%-30s %5s %10s %10s %8s" % ("ms", "n", "mean", "median", "sd"))
    for kind in KINDS:
        ms = [1000 * x for x in took[kind]]
        tap.note("%-30s %5d %10.3f %10.3f %8.3f" % (kind, len(ms), statistics.fmean(ms), statistics.median(ms), statistics.stdev(ms)))
    pairs = list(itertools.combinations(KINDS, 2))
    tap.note("Welch's t-test of %d pairs: difference of the means in ms, t, degrees of freedom, p" % len(pairs))
    least = 1.0
    for a, b in pairs:
        found = welch([1000 * x for x in took[a]], [1000 * x for x in took[b]])
        least = min(least, found[3])
        tap.note("%-30s - %-30s %8.3f %7.2f %7.1f %6.3f" % ((a, b) + found))
    if TIMINGS >= 300:  # with few of them it says nothing
        tap.ok(least * len(pairs) > 0.01, "no two kinds can be told from one another", least)


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


front.start()
tap.run([alike, finish], 1200)
