# SPDX-License-Identifier: ISC
"""One-time passwords at the door: a code is good once, however many try it at once, and every refusal looks the same.
OTP_ROUNDS raises the number of races."""
import contextlib
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import sqlite3
except ImportError:
    sqlite3 = None

from lib import clients, otp, proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
stub = StubBroker()
LAYOUTS = ("password+otp", "otp+password", "otp")
NAMES = dict(zip(LAYOUTS, ("static-first", "code-first", "code-only")))
TEXT = proxy.broker(stub.port) + "".join(
    proxy.listener(name=NAMES[x], extra="\totp %s" % NAMES[x]) + proxy.otp_block(x, NAMES[x]) for x in LAYOUTS)
front = proxy.Proxy(TEXT)
addresses = ("127.%d.%d.%d" % (a, b, c) for a in range(1, 200) for b in range(256) for c in range(1, 255))
REFUSED = {3: b"\x20\x02\x00\x04", 4: b"\x20\x02\x00\x04", 5: b"\x20\x03\x00\x86\x00"}


def dress(layout, static, code):
    return {"password+otp": static + code, "otp+password": code + static, "otp": code}[layout]


def login(layout, version, user, password, client_id="c", source=None):
    """One CONNECT from an address of its own: the answer's bytes up to the end (or CONNACK), and the time it took."""
    with raw.Client(front.port_of(NAMES[layout]), version, source or next(addresses)) as c:
        sent = time.monotonic()
        c.send(raw.connect(version, client_id, user=user, password=password))
        p = c.receive()
        took = time.monotonic() - sent
        if p is not None and p.code == 0:
            c.send(raw.disconnect(version))
        c.end()
        return bytes(c.received), took, p.code if p else None


def together(jobs):
    """Logins at the same time, since each refusal takes a second: the answers, in order."""
    with ThreadPoolExecutor(12) as pool:
        return [f.result() for f in [pool.submit(login, *args, **kw) for args, kw in jobs]]


def refused(version, answer, name):
    data, took, _ = answer
    tap.eq(data, REFUSED[version], name + ": the refusal, and nothing else, then the end")
    tap.within(took, 0.95, 20, name + ": 1 s after CONNECT")


def once():
    """A code is accepted once, in every layout and version"""
    again = []
    for layout, profile, version in itertools.product(LAYOUTS, ("people", "machine-totp", "machine-hotp"), (3, 4, 5)):
        user = front.add_user("u-%s-%s-%d" % (NAMES[layout], profile, version), profile)
        code = user.code() if user.kind == "hotp" else user.now()
        name = "%s, %s, level %d" % (layout, profile, version)
        password = dress(layout, "s3cret", code)
        answer = login(layout, version, user.name, password, "ok-" + user.name)
        tap.eq(answer[2], 0, name + ": a fresh code is accepted")
        tap.ok(answer[1] < 0.9, name + ": without delay", answer[1])
        again.append((version, name, ((layout, version, user.name, password), {"source": next(addresses)})))
        seen = stub.find("ok-" + user.name)
        tap.eq([(c.connect.user, c.connect.password) for c in seen],
               [(user.name.encode(), None if layout == "otp" else b"s3cret")],
               name + ": the broker sees the user name and the static part only")
        tap.ok(all(code.encode() not in c.received for c in seen), name + ": the code is nowhere in what it sees")
        if version == 5:
            # soon enough that no time step ends the window of a code
            for (v, n, _), answer in zip(again, together([job for _, _, job in again])):
                refused(v, answer, n + ", the same code again")
            again = []


def empty_static():
    """An empty static part is an empty password, a binary one stays as it is"""
    for static in (b"", b"\0\xff\xc0\x80 12345678", "pässwörd".encode()):
        user = front.add_user("static-" + static.hex())
        answer = login("password+otp", 4, user.name, static + user.code().encode(), "static" + static.hex())
        tap.eq(answer[2], 0, "static part %r: accepted" % static)
        seen = stub.find("static" + static.hex())
        tap.eq([c.connect.password for c in seen], [static], "static part %r: as it was" % static)


def same_bytes():
    """Whatever fails, the refusal is the same bytes at the same time"""
    used = stub.accepted()
    for version in (4, 5):
        hotp = front.add_user("same-hotp-%d" % version)
        totp = front.add_user("same-totp-%d" % version, "people")
        spent, now = hotp.code(), totp.now()
        for user, code in ((hotp.name, spent), (totp.name, now)):
            tap.eq(login("password+otp", version, user, "p" + code)[2], 0, "%s, level %d: let in" % (user, version))
        used = stub.accepted()
        rows = [("wrong code", hotp.name, "p" + hotp.wrong()), ("replayed HOTP", hotp.name, "p" + spent),
                ("replayed TOTP", totp.name, "p" + now), ("a counter too far", hotp.name, "p" + hotp.at(50)),
                ("unknown user", "nobody", "p" + spent), ("unknown user, long name", "x" * 300, "p" + spent),
                ("no password", hotp.name, None), ("empty password", hotp.name, ""),
                ("password shorter than a code", hotp.name, "1234"), ("letters for a code", hotp.name, "pabcdefgh"),
                ("no user name", None, "p" + hotp.at(1) if version == 5 else None), ("empty user name", "", "p" + spent)]
        answers = together([(("password+otp", version, user, password), {"source": next(addresses)})
                            for _, user, password in rows])
        for (name, _, _), answer in zip(rows, answers):
            refused(version, answer, "level %d, %s" % (version, name))
    tap.eq(stub.accepted(), used, "no refused client made a connection to the broker")


def counters():
    """HOTP: skipped codes are void, the window ends where it should, a resync needs two codes in a row"""
    user = front.add_user("counter")

    def attempt(counter, source=None):
        return login("password+otp", 4, user.name, "p" + user.at(counter), source=source)[2]

    tap.eq(attempt(9), 0, "the last counter of the window is accepted")
    tap.eq(attempt(5), 4, "a skipped counter is void")
    tap.eq(attempt(20), 4, "a counter behind the window is refused")
    tap.eq(attempt(10), 0, "the next one is accepted")
    here = next(addresses)
    tap.eq(attempt(61, here), 4, "far ahead: refused")
    # the source now waits out its own delay; the pending counter belongs to the credential
    tap.eq(attempt(62), 0, "exactly the following counter is then accepted")
    tap.eq(attempt(62), 4, "once")


def race():
    """Two connections with one code at the same moment: exactly one gets in"""
    rounds = tap.rounds("OTP_ROUNDS", 200)
    batch = 50
    port = front.port_of(NAMES["password+otp"])
    bad, accepted_first, done, apart = [], 0, 0, 0
    # Which worker takes a connection is the kernel's choice: where it gave too few pairs to two of them, there are more rounds.
    while done < rounds or (apart <= rounds // 10 and done < 10 * rounds):
        group = front.add_users(["race-%d" % i for i in range(done, done + batch)], "machine-totp")
        done += batch
        # the two of a pair are opened far from one another, so that they often come to different workers
        halves = [[raw.Client(port, 4 + (i + j) % 2, next(addresses), 20) for i, _ in enumerate(group)] for j in (0, 1)]
        pairs = list(zip(*halves))
        last = []
        for user, pair in zip(group, pairs):
            code = user.now()
            wire = [raw.connect(c.version, "%s-%d" % (user.name, j), user=user.name, password="p" + code)
                    for j, c in enumerate(pair)]
            # all but the last byte, so that the two CONNECTs become whole at the same moment
            for c, w in zip(pair, wire):
                c.send(w[:-1])
            last.append([w[-1:] for w in wire])
        for i, (pair, ends) in enumerate(zip(pairs, last)):
            for j in (i & 1, 1 - (i & 1)):
                pair[j].sock.send(ends[j])
        seen = []
        for user, pair in zip(group, pairs):
            codes = [c.receive().code for c in pair]
            for c in pair:
                c.close()
            at_broker = len(stub.find(user.name + "-0")) + len(stub.find(user.name + "-1"))
            if sorted(c != 0 for c in codes) != [False, True] or at_broker != 1:
                bad.append("%s: codes %s, %d CONNECTs at the broker" % (user.name, codes, at_broker))
            accepted_first += codes[len(seen) & 1] == 0
            seen.append(codes)
        workers = {}
        for e in front.verdicts():
            workers.setdefault(e.get("user"), set()).add(e.get("worker"))
        apart += sum(len(workers.get(u.name, ())) == 2 for u in group)
    tap.ok(not bad, "%d races: exactly one of two gets in, and one CONNECT reaches the broker" % done,
           "\n".join(bad[:20]))
    tap.note("the first of the pair won %d of %d" % (accepted_first, done))
    tap.ok(apart > rounds // 10, "on two workers at once in %d of them" % apart)


def guesses(user):
    """The guess budget as it stands in the state file."""
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % front.state, uri=True)) as state:
        return state.execute("SELECT guesses FROM user WHERE name = ?", (user.name.encode(),)).fetchone()[0]


def right_guesses_cost_nothing():
    """Ten addresses send the same right code at once: one is accepted, and no guess is lost"""
    if sqlite3 is None:
        raise tap.Skip("no sqlite3 for Python")
    port = front.port_of(NAMES["password+otp"])
    user = front.add_user("no-guess")
    before = guesses(user)
    tap.ok(before >= 10, "there is a budget", before)
    for i in range(5):
        crowd = [raw.Client(port, 4, next(addresses)) for _ in range(10)]
        wire = raw.connect(4, "no-guess", user=user.name, password="p" + user.code())
        for c in crowd:
            c.sock.send(wire)
        codes = sorted(c.receive().code for c in crowd)
        for c in crowd:
            c.close()
        tap.eq(codes, [0] + [4] * 9, "round %d" % (i + 1))
        tap.ok(proc.holds(lambda: abs(guesses(user) - before) < 0.001, 3), "round %d: the budget is as before" % (i + 1),
               lambda: (before, guesses(user)))


def two_gateways():
    """Two proxies on one state: a code is good at one of them"""
    other = proxy.Proxy(TEXT)
    other.head = other.head.replace(other.state, front.state)
    other.configure(TEXT)
    other.start()
    rounds = tap.rounds("OTP_ROUNDS", 50)
    users = front.add_users(["gateways-%d" % i for i in range(rounds)], "machine-totp")
    bad = []
    for at in range(0, rounds, 50):
        attempts = []
        for user in users[at:at + 50]:
            pair = [raw.Client(p.port_of(NAMES["password+otp"]), 4, next(addresses), 20) for p in (front, other)]
            wire = raw.connect(4, "gateways", user=user.name, password="p" + user.now())
            for c in pair:
                c.send(wire[:-1])
            attempts.append((user, pair, wire[-1:]))
        for i, (_, pair, end) in enumerate(attempts):
            for j in (i & 1, 1 - (i & 1)):
                pair[j].sock.send(end)
        for user, pair, _ in attempts:
            codes = sorted(c.receive().code for c in pair)
            for c in pair:
                c.close()
            if codes != [0, 4]:
                bad.append("%s: %s" % (user.name, codes))
    tap.ok(not bad, "%d races between two processes: exactly one gets in" % rounds, "\n".join(bad[:20]))
    tap.eq(other.stop(), 0, "status 0")


def budget():
    """Guesses run out for strangers, not for a source that is known to be good"""
    user = front.add_user("guessed", "people")
    good = next(addresses)
    tap.eq(login("password+otp", 4, user.name, "p" + user.now(), source=good)[2], 0, "the owner gets in")
    wrong = user.wrong()
    crowd = [raw.Client(front.port_of(NAMES["password+otp"]), 4, next(addresses)) for _ in range(60)]
    for c in crowd:
        c.send(raw.connect(4, "guess", user=user.name, password="p" + wrong))
    codes = {c.receive().code for c in crowd}
    for c in crowd:
        c.close()
    tap.eq(codes, {4}, "60 wrong guesses are refused")
    verdicts = [v["verdict"] for v in front.verdicts(user="guessed")]
    tap.ok("otp_wrong" in verdicts and "otp_locked" in verdicts, "first as wrong, then as locked", verdicts)
    tap.ok(verdicts.count("otp_wrong") <= 20, "the budget of six digits is 20 guesses", verdicts.count("otp_wrong"))
    fresh = otp.totp(user.secret, time.time() + 30)
    tap.eq(login("password+otp", 4, user.name, "p" + fresh)[2], 4, "a stranger is refused even with a right code")
    tap.eq(login("password+otp", 4, user.name, "p" + fresh, source=good)[2], 0, "the owner still gets in")


def survives_restart():
    """A used code stays used over a restart"""
    users = [front.add_user("restart-" + p, p) for p in ("people", "machine-hotp")]
    codes = [u.code() if u.kind == "hotp" else u.now() for u in users]
    for u, code in zip(users, codes):
        tap.eq(login("password+otp", 4, u.name, "p" + code)[2], 0, "%s: accepted" % u.profile)
    tap.eq(proc.stop(front.child), 0, "the proxy stops")
    front.start()
    for u, code in zip(users, codes):
        tap.eq(login("password+otp", 4, u.name, "p" + code)[2], 4, "%s: refused after a restart" % u.profile)


def real_clients():
    """mosquitto's and MQTT.js's own clients log in with a code, once"""
    payload = proc.write("one", b"1")
    port = front.port_of(NAMES["password+otp"])
    kinds = [("mosquitto", v) for v in clients.LEVEL if clients.PUB]
    kinds += [("MQTT.js", v) for v in clients.LEVEL if clients.have_mqttjs()]
    if not kinds:
        raise tap.Skip("neither mosquitto_pub nor MQTT.js is there")
    for kind, version in kinds:
        user = front.add_user("real-%s-%s" % (kind, version), "people")
        password = "static" + user.now()
        for attempt in (1, 2):
            ident = "%s %s %d" % (kind, version, attempt)
            if kind == "mosquitto":
                status, err = clients.publish(port, version, "real", payload, 1, client_id=ident, user=user.name,
                                              password=password, extra=("-A", next(addresses)))
            else:
                status, err = clients.js_publish(port, version, ident, 1, [("real", payload)], user.name, password)
            tap.ok((status == 0) == (attempt == 1), "%s %s: attempt %d is %s" % (
                kind, version, attempt, ("accepted", "refused")[attempt - 1]), err)
            tap.eq([c.connect.password for c in stub.find(ident)], [b"static"] if attempt == 1 else [],
                   "%s %s: attempt %d at the broker" % (kind, version, attempt))


def verdicts_logged():
    """Every verdict has its line in the log, and no code is in it"""
    user = front.add_user("logged")
    code = user.code()
    login("password+otp", 4, user.name, "canary-static" + code, "logged-1")
    login("password+otp", 4, user.name, "canary-static" + code, "logged-2")
    login("password+otp", 4, user.name, "canary-static" + user.wrong(), "logged-3")
    login("password+otp", 4, "logged-nobody", "canary-static" + code, "logged-4")
    tap.ok("why" not in front.verdicts("otp_wrong", user=user.name)[0], "nothing more is said of a wrong code")
    for password in ("canary-static", "1234"):
        bare = front.add_user("bare-" + password[:1])
        login("password+otp", 4, bare.name, password, bare.name)
        tap.eq([v.get("why") for v in front.verdicts("otp_wrong", user=bare.name)], ["no code stands in the password"],
               "that there was none is")
    for verdict, name in (("accepted", user.name), ("otp_replayed", user.name), ("otp_wrong", user.name),
                          ("user_unknown", "logged-nobody")):
        lines = front.verdicts(verdict, user=name)
        tap.eq(len(lines), 1, "one line says " + verdict)
    tap.ok("canary-static" not in front.log() and code not in front.log(), "neither password nor code is in the log")


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


front.start()
tap.run([once, empty_static, same_bytes, counters, race, right_guesses_cost_nothing, two_gateways, budget, survives_restart, real_clients, verdicts_logged, finish])
