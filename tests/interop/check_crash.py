# SPDX-License-Identifier: ISC
"""The proxy is killed between any two steps of logins, and at every write and sync of the state, torn writes included: no
code gets in twice, and no enrolment that was said to be done is lost. The programs are tests/crash/, made of the objects of
the product; the product looks at the state in between. CRASHES is the number of kills at crash points."""
import collections
import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import threading

try:
    import sqlite3
except ImportError:
    sqlite3 = None

from lib import otp, proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
DAEMON, CTL = (os.path.join(proc.top_builddir, "tests", "crash", name) for name in ("mqsecproxy", "mqsecproxyctl"))
if not os.access(DAEMON, os.X_OK):
    tap.skip_all("the programs with crash points are not built")
CRASHES = tap.rounds("CRASHES", 100)
BATCH = 50  # rounds between two looks, few enough for the codes of the time to be good still
STEPS = ("pwrite64", "fdatasync", "worker_ask", "store_submit_all", "mailbox_post_all", "session_taken", "session_dialled",
         "login_consume", "session_consumed", "leg_write", "leg_read", "report_note", "conn_dial", "session_input", "sqlite3_exec")
addresses = ("127.%d.%d.%d" % (a, b, c) for a in range(1, 200) for b in range(256) for c in range(1, 255))


class Sweep:
    """Walks through the passes of a step (None: of all), round after round."""

    def __init__(self, step=None, begin="conn_accept", stride=1):
        self.stride, self.at, self.turns = stride, 1, 0
        self.chosen = dict({"CRASH_FROM": begin} if begin else {}, **({"CRASH_AT_STEP": step} if step else {}))

    def environment(self):
        return dict(os.environ, CRASH_AT=str(self.at), **self.chosen)

    def next(self, reached):
        """Where there are no more passes it begins anew, between those that were taken."""
        self.at += self.stride
        if not reached:
            self.turns += 1
            self.at = 1 + self.turns * 3 % self.stride


class Attempt(raw.Client):
    """A login on its way. `code` is CONNACK's, `over` when there is nothing more to come."""

    def __init__(self, port, user, code, client_id):
        super().__init__(port, 4, next(addresses))
        self.user, self.code, self.over = user, None, False
        self.send(raw.connect(4, client_id, user=user.name, password="p" + code))

    def look(self):
        """What came, without waiting."""
        try:
            if not self.read(0.001):
                self.over = True
        except TimeoutError:
            return
        if self.waiting:
            self.code, self.over = self.waiting.pop(0).code, True


class World:
    """A proxy and what was seen of it: `came` is who reached the broker with which code, `welcome` who was told to be in."""

    def __init__(self, name, early=False):
        self.came, self.welcome = collections.defaultdict(list), set()
        self.stub = StubBroker(self.answer)
        text = proxy.listener(extra="\totp codes") + proxy.broker(self.stub.port) + proxy.otp_block()
        self.front = proxy.Proxy(text, name=name)
        self.seed = {"CRASH_EARLY": "1"} if early else {}
        stride = 1 if CRASHES >= 2000 else 7
        self.everywhere, self.steps = Sweep(stride=stride), [Sweep(step) for step in STEPS]
        self.opening, self.enrolling = Sweep(begin=None, stride=stride), Sweep(begin=None, stride=stride)
        self.rounds, self.outside, self.enrol_kills, self.replays = 0, 0, 0, 0
        self.kills = collections.Counter()
        self.enrolled = []
        self.findings = []

    def answer(self, c, p):
        if p.kind == raw.CONNECT:
            self.came[p.user.decode()].append(p.client_id.decode())
        return StubBroker.agree(c, p)

    # ---- one kill

    def start(self, sweep=None, wait=True):
        front = self.front
        with front.changed:
            del front.lines[:]
        front.program = DAEMON if sweep else proxy.DAEMON
        front.options["env"] = dict(sweep.environment(), **self.seed) if sweep else os.environ
        front.start(wait)

    def end(self, sweep):
        """It was killed, or is now."""
        if not proc.holds(lambda: not self.front.running(), 0.02):
            self.front.child.kill()
            self.outside += 1
        self.front.wait_exit()
        said = [line[11:] for line in self.front.lines if line.startswith("crash step=")]
        self.kills.update(said)
        sweep.next(bool(said))

    def open(self):
        """Killed while it opens the state that a kill left behind."""
        self.start(self.opening, False)
        proc.until(lambda: not self.front.running() or self.front.events("ready"), 20, "the start")
        self.end(self.opening)

    def crash(self, users, used):
        """Logins of two users, one of them twice at once, and of one whose code is used: killed somewhere meanwhile."""
        sweep = self.steps[self.rounds // 2 % len(self.steps)] if self.rounds % 2 else self.everywhere
        enrolment = self.enrol() if self.rounds % 8 == 0 else None
        if self.rounds % 8 == 4:
            self.open()
        self.start(sweep)
        first, second = users
        attempts = []
        for user, ident in [(first, "a"), (first, "b"), (second, "a")] + [(u, "replay") for u in used]:
            with contextlib.suppress(OSError):
                attempts.append(Attempt(self.front.port, user, user.first, ident))
        self.wait(attempts, {first.name, second.name})
        self.end(sweep)
        for c in attempts:
            c.close()
        if enrolment:
            self.end_enrolment(*enrolment)
        self.rounds += 1

    def wait(self, attempts, wanted):
        """Until each user is in, or nothing more can come: who is refused is not waited for."""
        with selectors.DefaultSelector() as ready:
            for c in attempts:
                ready.register(c.sock, selectors.EVENT_READ, c)
            while ready.get_map() and not wanted <= self.welcome:
                for key, _ in ready.select(0.5):
                    key.data.look()
                    if key.data.over:
                        ready.unregister(key.data.sock)
                    if key.data.code == 0:
                        self.welcome.add(key.data.user.name)
                if not self.front.running():
                    return

    # ---- enrolments

    def enrol(self):
        """A user is added meanwhile, by a program that is killed as well."""
        user = otp.User("enrol-%d" % self.rounds, secrets.token_bytes(32))
        path = proc.write(user.name, user.secret.hex() + "\n", 0o600)
        child = proc.start([CTL, "-c", self.front.conf, "user", "add", user.name, "--profile", user.profile, "--secret-file", path,
                            "--hex"], env=self.enrolling.environment(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        return user, child, path

    def end_enrolment(self, user, child, path):
        out, err = child.communicate(timeout=30)
        os.unlink(path)
        killed = child.returncode == -signal.SIGKILL
        self.enrol_kills += killed
        self.enrolling.next(killed)
        if child.returncode == 0 or out:
            self.enrolled.append(user)
        elif not killed:
            self.findings.append("user add: %s" % err.decode(errors="replace"))

    # ---- the look

    def look(self, users):
        """What the product says to all that, on the same state."""
        self.stub.wait(lambda: all(c.closed for c in self.stub.connections), 20, "the connections of killed proxies to end")
        self.stub.forget()
        self.start()
        self.marks(users)
        self.replay(users, "once more")
        self.replay([u for u in users if len(self.came[u.name]) == 1 and self.came[u.name][0].startswith("once")], "and again")
        found = self.front.ctl("store", "check")
        if found[0]:
            self.findings.append("store check: %s" % (found,))
        for user in users:
            if len(self.came[user.name]) > 1:
                self.findings.append("%s: one code came to the broker in %s" % (user.name, self.came[user.name]))
        self.lost()
        self.front.child.kill()
        self.front.wait_exit()

    def marks(self, users):
        """Whoever came through has a mark that says so, before anybody tries again."""
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % self.front.state, uri=True)) as db:
            marks = {n.decode() if isinstance(n, bytes) else n: m for n, m in db.execute("SELECT name, mark FROM user")}
        for user in users:
            if (self.came[user.name] or user.name in self.welcome) and marks[user.name] <= 0:
                self.findings.append("%s: was let in by %s with the mark at %s" % (
                    user.name, self.came[user.name], marks[user.name]))

    def answers(self, attempts):
        """All of them, answered."""
        with selectors.DefaultSelector() as ready:
            for c in attempts:
                ready.register(c.sock, selectors.EVENT_READ, c)
            while ready.get_map():
                for key, _ in ready.select(30) or self.findings.append("a login is not answered"):
                    key.data.look()
                    if key.data.over:
                        ready.unregister(key.data.sock)
        for c in attempts:
            c.close()
        return [c.code for c in attempts]

    def replay(self, users, ident):
        """A code that came through is refused; one that did not may get in."""
        used = [bool(self.came[u.name]) or u.name in self.welcome for u in users]
        codes = self.answers([Attempt(self.front.port, u, u.first, ident) for u in users])
        self.replays += len(self.front.verdicts("otp_replayed", client_id=ident))
        for user, was_used, code in zip(users, used, codes):
            if code not in (0, 4) or (was_used and code == 0):
                self.findings.append("%s, used by %s: %s it is answered %s" % (user.name, self.came[user.name], ident, code))

    def lost(self):
        """Who was enrolled gets in."""
        codes = self.answers([Attempt(self.front.port, u, u.code(), "enrolled") for u in self.enrolled])
        for user, code in zip(self.enrolled, codes):
            if code != 0:
                self.findings.append("%s was enrolled, and is answered %s" % (user.name, code))
        self.enrolled.clear()

    def users(self, n):
        out = []
        for profile in ("machine-hotp", "machine-totp"):
            out += self.front.import_users(["u%d-%d-%s" % (self.rounds, i, profile) for i in range(n // 2)], profile)
        for user in out:
            user.first = None
        return out

    def batch(self):
        users = self.users(2 * BATCH)
        for i in range(BATCH):
            pair = users[i], users[BATCH + i]
            for user in pair:
                user.first = user.code() if user.kind == "hotp" else user.now()
            self.crash(pair, users[i - 1:i] if i else [])
        self.look(users)
        self.came.clear()
        self.welcome.clear()

    def finish(self):
        self.stub.stop()
        return self.findings + self.stub.errors


def kills():
    """Killed at any step: no code gets in twice, no enrolment is lost"""
    world = World("crash")
    while world.kills.total() < CRASHES:
        world.batch()
    tap.eq(world.finish(), [], "%d kills at %d steps, %d more from outside, %d of user add: no code is accepted twice, %d replays "
           "refused" % (world.kills.total(), len(world.kills), world.outside, world.enrol_kills, world.replays))
    tap.note(", ".join("%s %d" % step for step in world.kills.most_common()))
    missed = set(STEPS) - set(world.kills)
    tap.ok(not missed, "killed at every step of the state and of the login", sorted(missed))
    tap.ok(world.enrol_kills > 0 and world.replays > world.kills.total() // 4, "user add was killed as well, used codes were tried")


def seeded():
    """A proxy that sends CONNECT before the mark is durable is found out"""
    world = World("seeded", early=True)
    while not world.findings and world.kills.total() < max(CRASHES, 300):
        world.batch()
    found = world.finish()
    tap.ok(any("came to the broker in" in f for f in found) and any("with the mark at" in f for f in found),
           "found after %d kills" % world.kills.total(), found)
    for line in found[:3]:
        tap.note(line)


tap.run([kills, seeded], 7200)
