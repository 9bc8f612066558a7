# SPDX-License-Identifier: ISC
"""Trouble with the state: no room, a read-only file system, a damaged database, one that another process holds. Nobody gets in
and no code goes out meanwhile, sessions that run go on, the log says why, and nothing is lost: a code that was refused for it
is good afterwards, one that was used is not. All but damage is over by itself when its cause is."""
import base64
import contextlib
import json
import os
import resource
from concurrent.futures import ThreadPoolExecutor

try:
    import sqlite3
except ImportError:
    sqlite3 = None

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
if sqlite3 is None:
    tap.skip_all("no sqlite3 for Python")
stub = StubBroker()
EDGE = ("otp edge {\n\trole inject\n\tprofile machine-hotp\n\tsecret-file %s\n}\n" % proc.write(
    "edge.secret", base64.b32encode(bytes(range(32))).decode() + "\n", 0o600))
TEXT = (proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block() +
        proxy.listener(name="edge", broker="gateway") + proxy.broker(stub.port, "gateway", "\totp edge") + EDGE)
addresses = ("127.9.%d.%d" % (b, c) for b in range(256) for c in range(1, 255))


def together(*jobs):
    """What each gives, done at the same time, since a refusal takes its time."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(job) for job in jobs]]


class World:
    """A proxy with a user whose code is used, one with two fresh ones, one who is in; its state in a folder of its own."""

    def __init__(self, name, folder=None):
        self.folder = folder or proc.path(name)
        os.makedirs(self.folder, exist_ok=True)
        self.name, self.front = name, proxy.Proxy(TEXT, name=name)
        self.front.head = self.front.head.replace(self.front.state, self.folder + "/state.db")
        self.front.state = self.folder + "/state.db"
        self.front.configure(TEXT)

    def open(self):
        self.front.start()
        self.used, self.fresh, self.inside = self.front.add_users([self.name + x for x in ("-used", "-fresh", "-inside")])
        self.spent, self.code, self.other = self.used.code(), self.fresh.code(), self.fresh.code()
        tap.eq(self.login(self.used, self.spent), 0, "%s: before, a code is good" % self.name)
        self.live = raw.Client(self.front.port, 4, next(addresses), 30)
        tap.eq(self.live.login("live", user=self.inside.name, password="p" + self.inside.code()).code, 0, "%s: and one is in" % self.name)
        tap.eq(self.edge(), 0, "%s: and through the edge" % self.name)
        return self

    def login(self, user, code, port=None, ident="c"):
        with raw.Client(port or self.front.port, 4, next(addresses), 40) as c:
            p = c.login(ident, user=user and user.name, password="p" + code)
            return p.code if p else None

    def edge(self):
        with raw.Client(self.front.port_of("edge"), 4, next(addresses), 40) as c:
            p = c.login("edge", user="edge", password="p")
            return p.code if p else None

    def shut(self, what, reason):
        """Nobody gets in, nothing goes out, the log says why, who is in stays."""
        name = "%s, %s" % (self.name, what)
        before = len(stub.find("shut")), len(stub.find("edge"))
        right, used, edge = together(lambda: self.login(self.fresh, self.code, ident="shut"),
                                     lambda: self.login(self.used, self.spent, ident="shut"), self.edge)
        tap.eq((right, used), (3, 3), name + ": a right code is refused, and a used one")
        tap.ok(edge != 0, name + ": nobody is led through the edge")
        tap.eq((len(stub.find("shut")), len(stub.find("edge"))), before, name + ": no CONNECT goes to the broker")
        self.live.ping()
        tap.ok(self.front.verdicts("store_failed", user=self.fresh.name), name + ": the verdict is store_failed", self.front.log)
        def told():
            return [e["message"] for e in self.front.events("state", level="error")]
        # a login gives up before a state that is held does
        tap.ok(proc.holds(lambda: any(reason in m for m in told()), 20), name + ": the log says why", told)
        said = told()
        tap.note(next((m for m in said if reason in m), "").replace(self.folder, "STATE"))

    def over(self):
        """It is as before."""
        tap.ok(proc.holds(lambda: self.login(self.fresh, self.code) == 0, 30), self.name + ": afterwards the code is still good")
        tap.eq(together(lambda: self.login(self.fresh, self.code), lambda: self.login(self.used, self.spent)), [4, 4], self.name + ": once; and what was used stays used")
        tap.eq(self.edge(), 0, self.name + ": through the edge too")
        self.live.ping()

    def close(self):
        self.live.close()
        tap.eq(self.front.ctl("store", "check")[0], 0, self.name + ": store check has no complaint")
        tap.eq(self.front.stop(), 0, self.name + ": status 0")


def mounted(name, size="2m"):
    """A small file system of its own, where this user may."""
    folder = proc.path(name)
    os.mkdir(folder)
    if os.getuid() != 0 or proc.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", folder])[0] != 0:
        os.rmdir(folder)
        raise tap.Skip("this user may not mount")
    return folder


def threads(pid):
    """The names of a process's threads."""
    names = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(OSError), open("/proc/%d/task/%s/comm" % (pid, tid), encoding="ascii") as f:
            names.append(f.read().strip())
    return names


def unmount(folder):
    proc.run(["umount", "-l", folder])


def fill(path):
    """A file that takes all the room there is."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 256):
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(size))


def full():
    """The disk is full, and then has room again"""
    folder = mounted("full")
    try:
        world = World("full", folder).open()
        fill(folder + "/ballast")
        # what the state's files hold already may be written anew
        tap.ok(proc.holds(lambda: world.login(world.inside, world.inside.code()) == 3, 60), "full: soon nothing can be written")
        world.shut("no room", "full")
        os.unlink(folder + "/ballast")
        world.over()
        world.close()
    finally:
        unmount(folder)


def limited():
    """The process may write no file beyond a size, and then may"""
    world = World("limited").open()
    tap.eq(world.front.ctl("ban", "user", "unbanned")[0], 0, "limited: a ban that is kept")
    before = resource.prlimit(world.front.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(world.front.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    world.shut("not a byte", "disk I/O error")
    for order, told in (("ban", "in force but not kept over a restart"), ("unban", "lifted but comes back at a restart")):
        tap.eq(world.front.ctl(order, "user", order + "ned")[0], 0, "limited: %s" % order)
        tap.ok(proc.holds(lambda: "a ban is " + told in world.front.log(), 30), "limited: the log says that it is " + told, world.front.log)
    resource.prlimit(world.front.pid, resource.RLIMIT_FSIZE, before)
    world.over()
    world.close()


def read_only():
    """The file system is read-only at the start, and then is not"""
    folder = mounted("readonly")
    try:
        world = World("readonly", folder).open()
        world.live.close()
        tap.eq(proc.stop(world.front.child), 0, "readonly: the proxy stops")
        proc.run(["mount", "-o", "remount,ro", folder])
        world.front.start(wait=False)
        tap.eq(world.front.wait_exit(), 1, "readonly: the proxy does not start")
        tap.ok(proc.holds(lambda: "cannot write the state: Read-only file system" in world.front.log(), 5), "readonly: it says why", world.front.log)
        tap.note(world.front.lines[-1].replace(folder, "STATE"))
        proc.run(["mount", "-o", "remount,rw", folder])
        world.front.start()
        world.live = raw.Client(world.front.port, 4, next(addresses))
        tap.eq(world.live.login("live", user=world.inside.name, password="p" + world.inside.code()).code, 0, "readonly: it starts then")
        world.over()
        world.close()
    finally:
        unmount(folder)


def locked():
    """Another process holds the state, briefly and for long"""
    world = World("locked").open()
    holder = sqlite3.connect(world.front.state, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    world.shut("held", "database is locked")
    holder.execute("ROLLBACK")
    world.over()
    extra = world.front.add_user("locked-briefly")
    holder.execute("BEGIN IMMEDIATE")
    with raw.Client(world.front.port, 4, next(addresses), 30) as c:
        c.send(raw.connect(4, "c", user=extra.name, password="p" + extra.code()))
        tap.ok(c.quiet(0.3), "locked: a login waits for one who holds the state briefly")
        holder.execute("ROLLBACK")
        tap.eq(c.receive().code, 0, "locked: and gets in when it is free")
    holder.close()
    world.close()


def unjudged():
    """Who leaves while the state is held, or waits for it too long, has guessed nothing: no code of theirs was judged"""
    front = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(stub.port, extra="\tconnect-timeout 1s") + proxy.otp_block(),
                        name="unjudged").start()
    gone, late, wrong = front.add_users(["unjudged-gone", "unjudged-late", "unjudged-wrong"])

    def login(user, code):
        with raw.Client(front.port, 4, next(addresses), 30) as c:
            return c.login("c", user=user.name, password="p" + code).code

    def left(user):
        return json.loads(front.ctl("--json", "user", "show", user.name)[1])["guesses-left"]
    full = left(gone)
    holder = sqlite3.connect(front.state, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with raw.Client(front.port, 4, next(addresses), 30) as c:
        c.send(raw.connect(4, "c", user=gone.name, password="p" + gone.code()))
        tap.ok(proc.holds(lambda: " JUDGING " in front.ctl("connections")[1], 20), "unjudged: one waits, and leaves")
    tap.eq(login(late, late.code()), 3, "unjudged: one waits too long")
    holder.execute("ROLLBACK")
    holder.close()
    # behind the two of them
    tap.eq(proc.holds(lambda: login(wrong, "00000000") == 4, 20), True, "unjudged: then the state is there, and a wrong code is refused")
    tap.ok(proc.holds(lambda: (left(gone), left(late)) == (full, full), 10), "unjudged: neither has guessed", lambda: (full, left(gone), left(late)))
    tap.eq(left(wrong), full - 1, "unjudged: who sent a wrong code has")
    tap.eq(front.stop(), 0, "unjudged: status 0")


def stopped():
    """A stop while another process holds the state, and more logins of one user than there are lines for wait for it"""
    world = World("stopped").open()
    front = world.front
    world.live.close()
    tap.eq(proc.stop(front.child), 0, "stopped: the proxy stops")
    front.configure("shutdown-grace 1s\nlog {\n\trate-limit 2 per 1h\n}\n" + TEXT)
    front.start()
    holder = sqlite3.connect(front.state, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    crowd = [raw.Client(front.port, 4, "127.0.0.1", 30) for _ in range(24)]
    for i, c in enumerate(crowd):
        c.send(raw.connect(4, "crowd%d" % i, user=world.fresh.name, password="p" + world.code))
    tap.ok(proc.holds(lambda: front.ctl("connections")[1].count(" JUDGING ") == len(crowd), 20), "stopped: all wait",
           lambda: front.ctl("connections"))
    front.child.terminate()
    tap.ok(proc.holds(lambda: "worker" not in threads(front.pid), 30), "stopped: the workers are through", lambda: threads(front.pid))
    holder.execute("ROLLBACK")
    holder.close()
    tap.eq(front.wait_exit(30), 0, "stopped: status 0")
    tap.ok(front.events("suppressed", of="state"), "stopped: the last lines that were left out are counted", front.log)
    for c in crowd:
        c.close()


def scribble(path):
    """Every page but the first is overwritten; what is in the log goes to the pages first."""
    with sqlite3.connect(path, timeout=10) as db:
        if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] != 0:
            raise RuntimeError("no checkpoint")
    db.close()
    with open(path, "r+b") as f:
        f.seek(4096)
        f.write(b"\xa5" * (os.path.getsize(path) - 4096))


def damaged():
    """The database is damaged while the proxy runs, and at its start; a copy is put in its place"""
    world = World("damaged").open()
    front, copy = world.front, proc.path("copy.db")
    tap.eq(front.ctl("store", "backup", copy)[0], 0, "damaged: a copy is made")
    later = front.add_user("damaged-later")
    tap.eq(world.login(later, later.code()), 0, "damaged: the proxy goes on")
    scribble(front.state)
    world.shut("overwritten", "the state is damaged")
    code, out, err = front.ctl("store", "check")
    tap.ok(code != 0, "damaged: store check finds it", (out, err))
    world.live.close()
    tap.eq(proc.stop(front.child), 0, "damaged: the proxy stops")
    front.start(wait=False)
    tap.eq(front.wait_exit(), 1, "damaged: the proxy does not start")
    tap.ok(proc.holds(lambda: "move it (and -wal, -shm) away, then mqsecproxyctl store restore" in front.log(), 5),
           "damaged: it says why, and what to do", front.log)
    tap.note(front.lines[-1].replace(world.folder, "STATE"))
    tap.ok(front.ctl("store", "restore", copy)[0] != 0, "damaged: nothing is put over what may still be of use")
    for end in ("", "-wal", "-shm"):
        if os.path.exists(front.state + end):
            os.rename(front.state + end, front.state + ".damaged" + end)
    tap.eq(front.ctl("store", "restore", copy)[0], 0, "damaged: when it was moved away, the copy is put in its place")
    front.start()
    tap.eq(world.login(world.used, world.spent), 4, "damaged: what was used stays used")
    words = "%s %s" % (world.fresh.at(0), world.fresh.at(1))
    tap.eq(front.ctl("user", "resync", world.fresh.name, input=words.encode())[0], 0, "damaged: a counter is given anew")
    tap.eq([world.login(world.fresh, world.fresh.at(i)) for i in (0, 1, 2)], [4, 4, 0], "damaged: and the next code is good")
    tap.eq(front.ctl("store", "check")[0], 0, "damaged: store check has no complaint")
    tap.eq(front.stop(), 0, "damaged: status 0")


def other_key():
    """A state whose key is lost, or another's: it is told at the start, with the cure, and not by refusing all, one by one"""
    world = World("key").open()
    front, key = world.front, world.folder + "/state.key"
    world.live.close()
    tap.eq(proc.stop(front.child), 0, "key: the proxy stops")
    with open(key, encoding="ascii") as f:
        right = f.read()
    for name, text, why in (("lost", None, "is missing, and the state needs it"), ("another's", "ab" * 32, "opens none of the secrets")):
        os.unlink(key)
        if text:
            proc.write(key, text + "\n", 0o600)
        front.start(wait=False)
        tap.eq(front.wait_exit(), 1, "key %s: the proxy does not start" % name)
        tap.ok(key in front.log() and why in front.log() and "put back the one" in front.log(), "key %s: it says why, and what to do" % name,
               front.log())
        code, out, err = front.ctl("user", "add", "new", "--profile", "machine-hotp")
        tap.ok(code == 1 and out == "" and why in err, "key %s: nobody is enrolled with it" % name, (code, err))
        tap.eq(os.path.exists(key), text is not None, "key %s: none is made" % name)
        proc.write(key, right, 0o600)
    front.start()
    tap.eq([world.login(world.used, world.spent), world.login(world.fresh, world.code)], [4, 0], "key put back: all is as it was")
    tap.eq(front.stop(), 0, "key: status 0")


def finish():
    """The end"""
    tap.eq(stub.errors, [], "the stub broker understood all it got")


tap.run([limited, locked, unjudged, stopped, full, read_only, damaged, other_key, finish])
