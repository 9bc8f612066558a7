# SPDX-License-Identifier: ISC
"""The proxy is killed at every system call of a login, then started again on the same state: a code that the broker or the
client ever saw accepted is never accepted again, and no byte goes to the broker before the mark is in the database.
KILL_POINTS limits how many calls of a kind are tried."""
import os
import shutil
import sqlite3
import subprocess
import threading
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
STRACE = shutil.which("strace")
if not STRACE:
    tap.skip_all("strace is not there")
if proxy.sanitized():
    tap.skip_all("sanitizers and strace do not go together")

# What a login may call; each is tried until a login passes without another call of it.
CALLS = ("fdatasync,fsync", "pwrite64,pwritev,pwritev2,pwrite", "write,writev", "sendto,sendmsg", "connect", "close",
         "ftruncate,fallocate", "fcntl", "epoll_ctl", "shutdown")
POINTS = int(os.environ.get("KILL_POINTS", "6"))


class Watch:
    """Looks into the database at the very moment when bytes come to the broker."""

    def __init__(self):
        self.state = None
        self.early = []  # what came while the mark was not raised
        self.seen = 0
        self.lock = threading.Lock()

    def marks(self):
        db = sqlite3.connect("file:%s?mode=ro" % self.state, uri=True, timeout=10)
        try:
            return dict(db.execute("SELECT name, mark FROM user").fetchall())
        finally:
            db.close()

    def before(self, connection, data):
        marks = self.marks()
        with self.lock:
            self.seen += 1
            # the user's name stands in the CONNECT, which is small: it comes in one piece or in its first
            raised = [name for name, mark in marks.items() if mark > 0 and name in data]
            if not raised and connection.bytes == 0:
                self.early.append((data[:80], {k: v for k, v in marks.items() if k in data}))


watch = Watch()
stub = StubBroker(before=watch.before)
TEXT = proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block()
front = proxy.Proxy(TEXT, workers=1)
watch.state = front.state
front.start()
_names = iter(range(10 ** 6))
_sources = {}  # by user


def attempt(user, code, client_id):
    """A login: the CONNACK's code, or None where the connection ended without one. Each user comes from an address of
    its own, since one that sends too many used codes is refused."""
    number = _sources.setdefault(user.name, len(_sources))
    try:
        with raw.Client(front.port, 4, "127.0.%d.%d" % (number // 200 + 1, number % 200 + 1), patience=8) as c:
            p = c.login(client_id, user=user.name, password="p" + code)
            return p.code if p else None
    except (ConnectionError, AssertionError):
        return None


def attach(calls, k, what="signal=SIGKILL"):
    """strace on the running proxy, ready to kill it at the k-th of these calls, or to do what else is to be done to it."""
    threads = len(os.listdir("/proc/%d/task" % front.pid))
    err = proc.path("strace.err")
    with open(err, "wb") as f:
        tracer = proc.start([STRACE, "-f", "-o", proc.path("strace.out"), "-e", "trace=" + calls, "-e",
                             "inject=%s:%s:when=%s" % (calls, what, k), "-p", str(front.pid)],
                            stdout=subprocess.DEVNULL, stderr=f)

    def ready():
        with open(err) as f:
            text = f.read()
        if tracer.poll() is not None:
            raise RuntimeError("strace: " + text)
        return text.count(" attached") >= 1 and traced() >= threads

    def traced():
        n = 0
        for t in os.listdir("/proc/%d/task" % front.pid):
            with open("/proc/%d/task/%s/status" % (front.pid, t)) as f:
                n += "TracerPid:\t0" not in f.read()
        return n
    proc.until(ready, 10, "strace to attach")
    return tracer


def can_trace():
    try:
        tracer = attach("getpid", 1)
    except (RuntimeError, TimeoutError) as e:
        tap.skip_all("strace cannot attach here: " + str(e).splitlines()[0])
    proc.stop(tracer)


def supported(calls):
    """Those of the calls that this strace and machine know."""
    out = []
    for call in calls.split(","):
        if proc.run([STRACE, "-e", "trace=" + call, "true"])[0] == 0:
            out.append(call)
    return ",".join(out)


def kill_at(calls, k, profile):
    """One login that is killed at a point, and what comes after: whether the point was reached."""
    user = front.add_user("k%d" % next(_names), profile)
    code = user.code() if user.kind == "hotp" else user.now()
    tracer = attach(calls, k)
    first = attempt(user, code, user.name + "-a")
    # the last call may come after the answer: what the end of the connection brings belongs to the login too
    killed = proc.holds(lambda: not front.running(), 0.2)
    if killed:
        front.wait_exit()
        stub.wait(lambda: all(c.closed for c in stub.connections), 10, "the killed proxy's connections to end")
    proc.stop(tracer)
    if killed:
        front.start()
    before = len(stub.find(user.name + "-a"))
    second = attempt(user, code, user.name + "-b")
    third = attempt(user, code, user.name + "-c") if second == 0 else second
    seen = [len(stub.find(user.name + x)) for x in ("-a", "-b", "-c")]
    name = "%s at %s %d%s" % (profile, calls, k, "" if killed else " (not reached)")
    story = "answers %s %s %s, CONNECTs at the broker %s" % (first, second, third, seen)
    good = third == 4 and seen[2] == 0 and sum(seen) <= 1
    if first == 0 or before:
        good = good and second == 4 and seen[1] == 0
    else:
        # The kill came before anything went to the broker. The code may be used up already, or still be good, once.
        good = good and (second, seen[1]) in ((0, 1), (4, 0))
    if not killed:
        good = good and first == 0
    tap.ok(good, name + ": never accepted twice", story)
    return killed, second == 0


def kills():
    """Killed at every call of a login"""
    can_trace()
    points = reused = lost = 0
    for calls in map(supported, CALLS):
        if not calls:
            continue
        for k in range(1, POINTS + 1):
            killed, again = kill_at(calls, k, ("people", "machine-hotp")[k % 2])
            if not killed:
                break
            points += 1
            reused += again
            lost += not again
    tap.ok(points >= 8, "the injector kills: %d points" % points)
    tap.ok(reused > 0 and lost > 0, "before and after the mark: after %d kills the code was still good, after %d it was "
           "used up" % (reused, lost))
    tap.ok(watch.seen > 0 and not watch.early, "no byte came to the broker before the mark was in the database",
           repr(watch.early[:3]))


def failing_state():
    """Where the state cannot be written nobody gets in, and nobody's code is spent"""
    calls = supported("pwrite64,pwritev,pwritev2,write")
    for version, refusal in ((4, 3), (5, 0x88)):
        for fault, injected in (("no space", (calls.replace(",write", ""), "error=ENOSPC")),
                                ("read-only", (calls.replace(",write", ""), "error=EROFS")),
                                ("a failing disk", ("fdatasync,fsync", "error=EIO"))):
            user = front.add_user("full-%d-%s" % (version, fault[:2]))
            code = user.code()
            accepted = stub.accepted()
            tracer = attach(injected[0], "1+", injected[1])
            with raw.Client(front.port, version) as c:
                began = time.monotonic()
                p = c.login("full", user=user.name, password="p" + code)
                took = time.monotonic() - began
            proc.stop(tracer)
            tap.eq(p and p.code, refusal, "level %d, %s: the answer" % (version, fault))
            tap.within(took, 0.95, 20, "level %d, %s: 1 s after CONNECT" % (version, fault))
            tap.ok(not any(c.bytes for c in stub.connections[accepted:]), "level %d, %s: not a byte at the broker" % (
                version, fault))
            tap.ok(proc.holds(lambda: attempt(user, code, "later") == 0, 10),
                   "level %d, %s: when it is over, the code is still good" % (version, fault))
    tap.ok(front.verdicts("store_failed"), "the log says store_failed")


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


tap.run([kills, failing_state, finish], 300)
