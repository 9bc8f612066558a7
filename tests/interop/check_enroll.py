# SPDX-License-Identifier: ISC
"""Users come, stay and go while the proxy runs: enrolled, imported, locked, expired, deleted; the state copied and
restored."""
import base64
import os
import re
import shutil
import threading
import time

try:
    import sqlite3
except ImportError:
    sqlite3 = None

from lib import otp, proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
stub = StubBroker()
REFUSED = {4: b"\x20\x02\x00\x04", 5: b"\x20\x03\x00\x86\x00"}
TEXT = (proxy.broker(stub.port) + proxy.listener(name="codes", extra="\totp codes") + proxy.listener(name="free") +
        proxy.otp_block())
front = proxy.Proxy(TEXT)
addresses = ("127.3.%d.%d" % (b, c) for b in range(256) for c in range(1, 255))


def ctl(*words, status=0, input=None):
    """A command that ends so; its output."""
    code, out, err = front.ctl(*words, input=input.encode() if input else None)
    if code != status:
        raise RuntimeError("%s: exit status %d: %s %s" % (" ".join(words), code, out, err))
    return err if status else out


def opened(user, code, version=5, name="codes", client_id="c"):
    """A connection after its CONNECT; CONNACK's code in .code."""
    c = raw.Client(front.port_of(name), version, next(addresses))
    c.send(raw.connect(version, client_id, user=user, password="static" + code))
    c.code = c.receive().code
    return c


def login(user, code, version=4):
    c = opened(user, code, version)
    with c:
        if c.code == 0:
            c.send(raw.disconnect(version))
        c.end()
        return c.code


def oath(secret, *options):
    """The code of this moment as oathtool has it."""
    tool = shutil.which("oathtool")
    if not tool:
        raise tap.Skip("oathtool is not there")
    code, out, err = proc.run([tool, "--base32", *options, "-"], input=secret.encode())
    if code:
        raise RuntimeError(err)
    return out.decode().strip()


def enrolled():
    """user add, and codes of oathtool log in at once"""
    words = ctl("user", "add", "alice", "--uri").split()
    tap.ok(words[0] == "secret" and words[3].startswith("otpauth://totp/mqsecproxy:alice?secret=" + words[1]), "secret and URI")
    tap.eq(login("alice", oath(words[1], "--totp")), 0, "a code of oathtool is accepted")
    secret = ctl("user", "add", "device", "--profile", "machine-totp").split()[1]
    tap.eq(login("device", oath(secret, "--totp=sha256", "-d", "8", "-s", "10s")), 0, "one of SHA-256, 8 digits, 10 s too")
    shown = dict(x.split(" ", 1) for x in ctl("user", "show", "alice").splitlines())
    tap.ok(shown["last-login"].startswith("20") and shown["known-source"].startswith("127.3."), "user show knows of it", repr(shown))
    tap.ok(words[1] not in ctl("user", "show", "alice") and shown["state"] == "ok", "but does not show the secret")
    tap.eq(shown["guesses-left"], "20", "no guess was lost")


def cut(how, why, version=5):
    """A user with two sessions and a namesake elsewhere; what `how` does to them."""
    user = front.add_user("cut-%s-%d" % (why.split()[0], version))
    live = [opened(user.name, user.code(), version, client_id="live%d" % i) for i in (1, 2)]
    namesake = opened(user.name, "", version, name="free", client_id="namesake")
    other = front.add_user("other-%s-%d" % (why.split()[0], version))
    bystander = opened(other.name, other.code(), version, client_id="bystander")
    tap.eq([c.code for c in live + [namesake, bystander]], [0] * 4, "%s, level %d: all are in" % (why, version))
    began = time.monotonic()
    how(user.name)
    for c in live:
        p = c.receive(8)
        tap.eq(p.raw.hex() if p else None, "e00198" if version == 5 else None, "%s, level %d: the session is told as its version can" % (why, version))
        c.end(5)
    took = time.monotonic() - began
    tap.ok(took < 20, "and ends", took)
    for c in (namesake, bystander):
        c.ping()
        c.close()
    closed = lambda: front.events("closed", user=user.name, why="the user was locked, removed or has expired")
    tap.ok(proc.holds(lambda: len(closed()) == 2), "the log says why", closed)
    return user


def cut_off():
    """Locked, expired, deleted: live sessions end, those of others stay"""
    for version in (4, 5):
        user = cut(lambda n: ctl("user", "lock", n), "locked", version)
        with raw.Client(front.port_of("codes"), version, next(addresses)) as c:
            sent = time.monotonic()
            c.send(raw.connect(version, "c", user=user.name, password="static" + user.code()))
            c.end()
            tap.eq(bytes(c.received), REFUSED[version], "a locked user is refused as everybody is")
            tap.within(time.monotonic() - sent, 0.95, 20, "and as late")
        tap.eq(front.wait_verdict("otp_locked", user=user.name)["why"], "locked by an administrator", "the log says why")
        ctl("user", "unlock", user.name)
        tap.eq(login(user.name, user.code()), 0, "unlocked, a fresh code is accepted")
    user = cut(lambda n: ctl("user", "expire", n, "2001-01-01"), "expired by order")
    tap.eq(login(user.name, user.code()), 4, "an expired user is refused")
    tap.eq(front.wait_verdict("otp_locked", user=user.name)["why"], "expired", "the log says why")
    ctl("user", "expire", user.name, "never")
    tap.eq(login(user.name, user.code()), 0, "and no more when the time is never")
    soon = lambda n: ctl("user", "expire", n, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2)))
    cut(soon, "time runs out")
    user = cut(lambda n: ctl("user", "delete", n), "deleted")
    tap.eq(login(user.name, user.code()), 4, "a deleted user is unknown")
    front.wait_verdict("user_unknown", user=user.name)


def while_stopped():
    """What was changed while the proxy was down holds from its start"""
    users = front.add_users(["down-lock", "down-delete", "down-add"])
    ctl("user", "delete", "down-add")
    tap.eq(front.stop(), 0, "the proxy ends")
    ctl("user", "lock", "down-lock")
    ctl("user", "delete", "down-delete")
    added = front.add_user("down-add")
    front.start()
    tap.eq([login(u.name, u.code()) for u in users[:2] + [added]], [4, 4, 0], "locked, deleted, added")


def imported():
    """Lists of every kind, while the proxy runs; a list with an error changes nothing"""
    s = b"12345678901234567890"
    b32 = base64.b32encode(s).decode()
    lists = [
        ("otpauth", "# a list\n\notpauth://totp/Firm:uri%%20one?secret=%s&issuer=Firm\n"
         "otpauth://hotp/uri2?secret=%s&counter=7&digits=8&algorithm=SHA256\n" % (b32, b32), "uri one",
         ("uri2", otp.hotp(s, 7, 8, "sha256"), otp.hotp(s, 6, 8, "sha256"))),
        ("users file", "HOTP/T30\toath1 - %s\nHOTP/E/8 oath2 - %s 4 %s 2026-11-22T20:00:00L\n" % (
            s.hex(), s.hex(), otp.hotp(s, 4, 8)), "oath1", ("oath2", otp.hotp(s, 5, 8), otp.hotp(s, 4, 8))),
        ("CSV", "name,secret,type,digits,counter\r\n\"csv, one\",%s,,,\r\ncsv2,%s,hotp,7,3\r\n" % (b32, b32), "csv, one",
         ("csv2", otp.hotp(s, 3, 7), otp.hotp(s, 2, 7))),
    ]
    for name, text, timed, (counting, fresh, stale) in lists:
        path = proc.write("list", text, 0o600)
        broken = proc.write("broken", text + "one line that is wrong\n", 0o600)
        err = ctl("user", "import", broken, status=1)
        tap.ok("broken:%d: " % (text.count("\n") + 1) in err and "nothing was imported" in err, "%s: an error names its line" % name, err)
        tap.ok(b32 not in err and s.hex() not in err, "%s: and no secret" % name)
        tap.ok(timed not in ctl("user", "list"), "%s: and nothing was imported" % name)
        tap.eq(ctl("user", "import", path), "imported 2\n", "%s: imported" % name)
        tap.eq(login(timed, otp.totp(s)), 0, "%s: a code of the time is accepted" % name)
        tap.eq(login(counting, stale), 4, "%s: a counter that was used is not" % name)
        tap.eq(login(counting, fresh), 0, "%s: the next one is" % name)
        err = ctl("user", "import", path, status=1)
        tap.eq(err.count("exists already"), 2, "%s: a second time nobody is new" % name)
    out = proc.path("exported")
    secret = proc.write("broker-password", "p&ä=%s \n" % chr(34), 0o600)
    ctl("user", "edit", timed, "--broker-password-file", secret, "--broker-user", "at the broker")
    ctl("user", "lock", "oath1")
    ctl("user", "expire", "oath2", "2020-01-01")
    ctl("user", "expire", "csv2", "2099-01-01")
    ctl("user", "export", "--out", out)
    tap.eq(os.stat(out).st_mode & 0o7777, 0o600, "an export is for its owner alone")
    ctl("user", "export", "--out", out, status=1)
    everybody = len(ctl("user", "list").splitlines()) - 1
    other = proc.write("other.conf", "state {\n\tpath %s\n}\nlistener a {\n\tlisten 127.0.0.1:0\n\tbroker b\n}\n"
                       "broker b {\n\taddress 127.0.0.1:1\n}\n" % proc.path("other.db"))
    code, said, err = proc.run([proxy.CTL, "-c", other, "user", "import", out])
    tap.eq((code, said), (0, b"imported %d\n" % everybody), "what was exported is imported elsewhere")
    listed = proc.run([proxy.CTL, "-c", other, "user", "export", "--show-secrets"])[1]
    with open(out, "rb") as f:
        exported = f.read()
    marks = re.compile(b"&mark=[0-9]+")
    tap.eq(marks.sub(b"&mark", listed), marks.sub(b"&mark", exported), "and is the same there")
    rows = dict((line.split("  ")[0], line) for line in proc.run([proxy.CTL, "-c", other, "user", "list"])[1].decode().splitlines())
    tap.ok(" locked " in rows["oath1"] and " expired " in rows["oath2"] and "2099-01-01" in rows["csv2"],
           "who was locked or expired is so there", "\n".join(rows.values()))
    said = proc.run([proxy.CTL, "-c", other, "otp", "verify", "uri one"], input=otp.totp(s).encode() + b"\n")[1].decode()
    tap.ok("otp_replayed" in said, "and a code that was good here is not good there again", said)
    tap.eq(exported.count(b"broker_password=p%26%C3%A4%3D%22%20\n"), 1, "the login for the broker too")


def explained():
    """otp verify says what the gateway would, and uses nothing up"""
    user = front.add_user("explain")
    clock = front.add_user("explain-time", "people")
    rows = [(user, user.at(0), 0, "verdict accepted", "drift-counters 0"),
            (user, user.at(12), 1, "verdict otp_resync", "matches-counter 12"),
            (user, user.at(5000), 1, "verdict otp_wrong", "drift-counters 5000"),
            (clock, otp.totp(clock.secret, time.time() - 600), 1, "verdict otp_wrong", "drift-steps -20"),
            (clock, clock.wrong(3000), 1, "verdict otp_wrong", "another secret"), (clock, "1234567", 1, "verdict otp_wrong", "another number of digits")]
    for u, code, status, *wanted in rows:
        got, out, err = front.ctl("otp", "verify", u.name, "--explain", input=code.encode())
        tap.ok(got == status and all(w in out for w in wanted), "%s: %s" % (u.name, ", ".join(wanted)), (got, out, err))
    before = ctl("user", "show", "explain")
    tap.eq(login("explain", user.at(0)), 0, "the code is still good")
    tap.ok("next-counter 0" in before and "guesses-left 100" in before, "nothing was used up before", before)
    got, out, _ = front.ctl("otp", "verify", "explain", input=user.at(0).encode())
    tap.eq((got, out), (1, "verdict otp_replayed\n"), "and then it is a replay")


def restored():
    """A copy that comes back lets no used code in again"""
    counter, clock = front.add_user("restore-hotp"), front.add_user("restore-totp", "people")
    copy = proc.path("copy.db")
    ctl("store", "backup", copy)
    tap.eq(os.stat(copy).st_mode & 0o7777, 0o600, "a copy is for its owner alone")
    ctl("store", "backup", copy, status=1)
    spent = [counter.code() for _ in range(4)]
    now = clock.now()
    tap.eq([login(counter.name, c) for c in spent] + [login(clock.name, now)], [0] * 5, "codes are used after the copy was made")
    tap.ok("running" in ctl("store", "restore", copy, status=1), "not while the proxy runs")
    silent = proc.write("silent.conf", (front.head + front.text).replace(front.socket, proc.path("nobody.sock")))
    code, _, err = proc.run([proxy.CTL, "-c", silent, "store", "restore", copy])
    tap.ok(code == 1 and b"is in use" in err, "nor where the socket is not found", err)
    tap.eq(front.stop(), 0, "the proxy ends")
    for name, data in (("empty", b""), ("text", b"x" * 5000), ("cut", open(copy, "rb").read()[:8192])):
        ctl("store", "restore", proc.write(name, data), status=1)
    ctl("store", "restore", copy)
    ctl("store", "check")
    front.start()
    tap.eq(login(clock.name, now), 4, "a used code of the time stays used")
    tap.eq([login(counter.name, c) for c in (spent[0], spent[3], counter.code())], [4] * 3, "a counter is not trusted at all")
    tap.ok("old copy" in front.wait_verdict("otp_locked", user=counter.name)["why"], "the log says why")
    tap.eq(ctl("user", "resync", counter.name, input="%s %s" % (counter.at(6), counter.at(8)), status=1).count("in a row"), 1,
           "two codes apart do not resync")
    tap.eq(ctl("user", "resync", counter.name, input="%s\n%s\n" % (counter.at(5), counter.at(6))), "next-counter 7\n", "two in a row do")
    tap.eq([login(counter.name, counter.at(i)) for i in (3, 6, 7)], [4, 4, 0], "and only what follows is accepted")


def under_load():
    """Copies that are made while logins are written are whole, one moment each"""
    if sqlite3 is None:
        raise tap.Skip("no sqlite3 for Python")
    users = front.add_users(["load-%d" % i for i in range(4)])
    stop, accepted = threading.Event(), [0] * len(users)

    def work(i):
        while not stop.is_set():
            accepted[i] += login(users[i].name, users[i].code()) == 0

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(users))]
    for t in threads:
        t.start()
    marks = []
    for i in range(6):
        path = proc.path("load-%d.db" % i)
        floor = list(accepted)
        ctl("store", "backup", path)
        db = sqlite3.connect(path)
        sound = db.execute("PRAGMA integrity_check").fetchall()
        got = dict(db.execute("SELECT name, mark FROM user"))
        db.close()
        tap.eq(sound, [("ok",)], "copy %d is whole" % i)
        marks.append([got[u.name.encode()] for u in users])
        tap.ok(all(m >= f for m, f in zip(marks[-1], floor)), "copy %d has every login that was answered before" % i, (marks[-1], floor))
    stop.set()
    for t in threads:
        t.join()
    tap.ok(all(a <= b for x, y in zip(marks, marks[1:]) for a, b in zip(x, y)) and marks[0] != marks[-1], "no copy is older than the one before", marks)
    tap.eq([u.next for u in users], accepted, "every login went on")


def ahead():
    """A mark in the future raises the alarm; a reset brings it back, and nothing of the present again"""
    if sqlite3 is None:
        raise tap.Skip("no sqlite3 for Python")
    user = front.add_user("ahead", "machine-totp")
    now = user.now()
    tap.eq(login(user.name, now), 0, "the user gets in")
    tap.ok(front.status()["users-ahead-of-the-clock"] == "0" and "clock-synchronised" in front.status(), "the status knows of no alarm")
    db = sqlite3.connect(front.state)
    db.execute("UPDATE user SET mark = mark + 100000, locked = 1 WHERE name = ?", (b"ahead",))
    db.commit()
    db.close()
    ctl("user", "unlock", "ahead")
    tap.ok("the clock was set back" in front.wait_event("clock", level="error")["message"], "an alarm in the log")
    tap.eq(front.status()["users-ahead-of-the-clock"], "1", "and in the status")
    ctl("store", "check", status=1)
    tap.eq(login(user.name, user.now()), 4, "the present code is refused")
    code, out, err = front.ctl("user", "reset", "ahead")
    tap.ok(code == 0 and "new secret" in err, "the reset says what remains", err)
    tap.eq(login(user.name, now), 4, "the used code is not good again")
    fresh = proc.until(lambda: login(user.name, user.now()) == 0, 45, "a fresh code after the window")
    tap.ok(fresh, "when the window is over a fresh code is")


def finish():
    """The end"""
    tap.eq(front.stop(), 0, "the proxy ends with status 0")
    tap.eq(stub.errors, [], "the stub broker understood all it got")


front.start()
tap.run([enrolled, cut_off, while_stopped, imported, explained, restored, under_load, ahead, finish])
