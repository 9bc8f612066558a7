# SPDX-License-Identifier: ISC
"""Guessing at the door: wrong codes from many addresses stay within the budget, the owner gets in all the while, delays
outlive a restart and a crash, and nobody can tell from the answer what was the matter. DEFENCE_GUESSES and DEFENCE_ADDRESSES raise
the number of wrong codes and of addresses that they come from."""
import itertools
import selectors
import signal
import threading
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
stub = StubBroker()
TEXT = proxy.broker(stub.port) + proxy.listener(extra="\totp codes") + proxy.otp_block()
front = proxy.Proxy(TEXT)
addresses = ("127.%d.%d.%d" % (a, b, c) for a in range(1, 200) for b in range(256) for c in range(1, 255))
REFUSED = {4: b"\x20\x02\x00\x04", 5: b"\x20\x03\x00\x86\x00"}
BUDGET = {"people": 20, "machine-totp": 100, "machine-hotp": 100}
GUESSES = tap.rounds("DEFENCE_GUESSES", 2000)
SOURCES = tap.rounds("DEFENCE_ADDRESSES", 100)


def login(user, code, source, version=4):
    """All bytes of the answer, and its code."""
    with raw.Client(front.port, version, source, 20) as c:
        c.send(raw.connect(version, "c", user=user, password="p" + code))
        p = c.receive()
        if p is not None and p.code == 0:
            c.send(raw.disconnect(version))
        c.end()
        return bytes(c.received), p.code if p else None


def crowd(jobs, at_once=max(400, min(GUESSES // 100, 1000))):
    """CONNECTs of (user, code, source, version), so many at once: the bytes of the answers, as a set for each version."""
    answers, jobs, waiting = {}, iter(jobs), 0
    with selectors.DefaultSelector() as ready:
        while True:
            for user, code, source, version in itertools.islice(jobs, at_once - waiting):
                c = raw.Client(front.port, version, source, 20)
                c.send(raw.connect(version, "guess", user=user, password="p" + code))
                ready.register(c.sock, selectors.EVENT_READ, c)
                waiting += 1
            if waiting == 0:
                return answers
            for key, _ in ready.select(20) or tap.ok(False, "every CONNECT is answered", waiting):
                c = key.data
                ready.unregister(c.sock)
                waiting -= 1
                c.end()
                c.close()
                answers.setdefault(c.version, set()).add(bytes(c.received))


def evaluated(user):
    return len(front.verdicts("otp_wrong", user=user.name))


def wait_judged(user, n):
    proc.until(lambda: len(front.verdicts(user=user.name)) >= n, 20, "%d verdicts" % n)


def guessing():
    """Wrong codes from many addresses: within the budget, and the owner gets in throughout"""
    user = front.add_user("guessed", "machine-hotp")
    here = next(addresses)
    tap.eq(login(user.name, user.code(), here)[1], 0, "the owner gets in before")
    wrong, sources = user.wrong(), [next(addresses) for _ in range(SOURCES)]
    done, codes = threading.Event(), []

    def owner():
        while not done.is_set():
            codes.append(login(user.name, user.code(), here)[1])
            done.wait(0.1)

    thread = threading.Thread(target=owner)
    thread.start()
    began = time.time()
    answers = crowd((user.name, wrong, sources[i % SOURCES], 4 + i % 2) for i in range(GUESSES))
    done.set()
    thread.join()
    wait_judged(user, GUESSES + len(codes) + 1)
    took = time.time() - began
    most = BUDGET[user.profile] * (1 + took / (30 * 86400)) + 1
    tap.ok(10 <= evaluated(user) <= most, "%d wrong codes from %d addresses in %d s: %d are evaluated" % (
        GUESSES, SOURCES, took, evaluated(user)), most)
    tap.eq(len(front.verdicts("otp_locked", user=user.name)), GUESSES - evaluated(user), "the others are locked out")
    tap.eq(answers, {v: {REFUSED[v]} for v in (4, 5)}, "and all get the same answer")
    tap.ok(len(codes) >= 5 and set(codes) == {0}, "the owner gets in %d times meanwhile" % len(codes), codes)
    tap.eq(login(user.name, user.code(), next(addresses))[1], 4, "a stranger is refused even with a right code")
    tap.eq(login(user.name, user.code(), here)[1], 0, "the owner gets in afterwards")


def one_source():
    """Many wrong codes at once from one address, known to be good or not: evaluated one by one, with the delay between"""
    for good in (True, False):
        user, here = front.add_user("parallel-%d" % good), next(addresses)
        if good:
            tap.eq(login(user.name, user.code(), here)[1], 0, "a success makes it known")
        wrong = user.wrong()
        began = time.time()
        crowd((user.name, wrong, here, 4) for _ in range(200))
        wait_judged(user, 200 + good)
        # the n-th failure ends a wait of 2^(n-1) s: within t s there are no more than 1 + log2(t + 2)
        most = 2 + int(time.time() - began + 2).bit_length()
        tap.ok(1 <= evaluated(user) <= most, "200 at once, %s: %d are evaluated" % (
            "known" if good else "unknown", evaluated(user)), most)
        reasons = [v.get("reason", v.get("why", "")) for v in front.verdicts("otp_locked", user=user.name)]
        tap.eq(len(reasons), 200 - evaluated(user), "the others are locked out")
        tap.ok(all("delay" in r for r in reasons), "the log says for what", sorted(set(reasons)))


def alike():
    """Known or not, delayed or not, the answer is the same"""
    user, here = front.add_user("alike"), next(addresses)
    names = [user.name, "alike-nobody"]
    for version in (4, 5):
        for attempt in range(3):
            answers = crowd((name, user.wrong(), here, version) for name in names for _ in range(3))
            tap.eq(answers, {version: {REFUSED[version]}}, "level %d, attempt %d" % (version, attempt + 1))
    for name, verdict in zip(names, ("otp_wrong", "user_unknown")):
        proc.until(lambda: len(front.verdicts(user=name)) >= 18, 10, "18 verdicts")
        seen = [v["verdict"] for v in front.verdicts(user=name)]
        tap.eq(set(seen), {verdict, "otp_locked"}, "%s: judged or delayed" % name)
        tap.ok(seen.count(verdict) <= 5, "%s: mostly delayed" % name, seen)


def replays():
    """A used code again and again: refused as a replay ten times, then unevaluated, and no guess is lost"""
    user, here = front.add_user("replays"), next(addresses)
    code = user.code()
    tap.eq(login(user.name, code, here)[1], 0, "accepted once")
    tap.eq(crowd((user.name, code, here, 4) for _ in range(30)), {4: {REFUSED[4]}}, "then refused, always alike")
    wait_judged(user, 31)
    n = len(front.verdicts("otp_replayed", user=user.name))
    tap.within(n, 10, 12, "so many are evaluated")
    tap.eq(len(front.verdicts("otp_locked", user=user.name)), 30 - n, "the others are not")
    tap.eq(login(user.name, user.code(), next(addresses))[1], 0, "another source is not concerned")


def restart():
    """A delay outlives a restart"""
    user, here = front.add_user("restarted"), next(addresses)
    while evaluated(user) < 4:
        login(user.name, user.wrong(), here)
    failed = time.time()
    tap.eq(proc.stop(front.child), 0, "the proxy stops")
    front.start()
    login(user.name, user.code(), here)
    took = time.time() - failed
    seen = [v["verdict"] for v in front.verdicts(user=user.name)]
    if took < 6:
        tap.eq(seen, ["otp_locked"], "after four failures even a right code waits, %.1f s later" % took)
    proc.until(lambda: time.time() - failed > 9, 10, "the end of the delay")
    tap.eq(login(user.name, user.code(), here)[1], 0, "and gets in when the 8 s are over")
    tap.eq(login(user.name, user.wrong(), here)[1], 4, "a success ends it: the next failure is the first")
    tap.eq(login(user.name, user.wrong(), here)[1], 4, "and the second")
    proc.until(lambda: len(front.verdicts(user=user.name)) == 4, 10, "four verdicts")
    tap.eq(evaluated(user), 2, "both are evaluated")


def crash():
    """Killed and started again: a source that replayed too much is refused, and a name that nobody has waits as before"""
    user, here, there = front.add_user("crashed"), next(addresses), next(addresses)
    nobody = "crashed-nobody"
    while len(front.verdicts("user_unknown", user=nobody)) < 4:
        login(nobody, "123456", there)
    failed = time.time()
    code = user.code()
    tap.eq(login(user.name, code, here)[1], 0, "the owner gets in")
    crowd((user.name, code, here, 4) for _ in range(30))
    spent = time.time()
    front.child.send_signal(signal.SIGKILL)
    front.wait_exit()
    front.start()
    crowd([(user.name, code, here, 4) for _ in range(10)] + [(nobody, "123456", there, 4)])
    took = time.time() - failed
    replayed = len(front.verdicts("otp_replayed", user=user.name))
    tap.ok(replayed <= (time.time() - spent) / 6 + 1, "replays go on being refused unevaluated: %d are" % replayed)
    tap.eq(len(front.verdicts("otp_locked", user=user.name)), 10 - replayed, "the others are not")
    if took < 7:
        tap.eq([v["verdict"] for v in front.verdicts(user=nobody)], ["otp_locked"],
               "after four failures the name waits, %.1f s later" % took)
    tap.eq(login(user.name, user.code(), next(addresses))[1], 0, "the owner gets in from elsewhere")


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


front.start()
tap.run([one_source, alike, replays, restart, crash, guessing, finish])
