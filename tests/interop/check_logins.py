# SPDX-License-Identifier: ISC
"""What a login becomes at the broker, and who is let in without a fresh code: mosquitto with a password file behind the
proxy, and its own clients before it."""
import os
import pty
import time

from lib import clients, otp, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker

proxy.need()
if not (MOSQUITTO and clients.PUB):
    tap.skip_all("mosquitto and its clients are not installed")
broker = Mosquitto({"old": "old-pw", "new": "new-pw", "gone": "gone-pw"})


def door_of(words, name, layout="password+otp"):
    return proxy.Proxy(proxy.broker(broker.port) + proxy.listener(extra="\totp codes") + proxy.otp_block(layout, extra=words),
                       name=name).start()


def login(door, user, password, client_id="c", version=4, source=None):
    """One CONNECT: the code of the CONNACK, and how long it took."""
    with raw.Client(door.port, version, source) as c:
        began = time.monotonic()
        c.send(raw.connect(version, client_id, user=user, password=password))
        p = c.receive(30)
        return p.code if p else None, time.monotonic() - began


def publishes(door, user, password, version="3.1.1"):
    return clients.publish(door.port, version, "t", None, user=user, password=password, client_id="pub-" + user)[0]


def migration():
    """Users without a credential keep their passwords until they have one"""
    door = door_of("\tunknown-users pass", "migration")
    for version in clients.MOSQUITTO_VERSION:
        tap.eq(publishes(door, "old", "old-pw", version), 0, "%s: as before" % version)
    tap.ok(publishes(door, "old", "wrong") != 0, "the broker judges the password")
    tap.ok(publishes(door, "nobody", "x") != 0, "and the name")
    tap.ok(publishes(door, "x" * 300, "x") != 0, "a longer name than any that is stored too")
    tap.eq(door.status()["unknown-users-passed"].strip(), "3", "counted in status")
    for i in range(5):
        tap.eq(login(door, "old", "old-pw", "again%d" % i)[0], 0, "whoever comes often does not wait (%d)" % i)
    tap.ok(door.wait_verdict("accepted", times=8, login="passed", user="old"), "and told in the log, with the name")
    tap.eq(door.verdicts("accepted", login="passed", user="nobody"), [], "of those who got in")
    code, took = login(door, "old", "wrong")
    tap.eq(code, 4, "the broker's refusal has one code")
    tap.within(took, 0.9, 20, "and comes when every refusal does")
    new = door.add_user("new")
    tap.eq(login(door, "new", "new-pw")[0], 4, "who has a credential needs a code from then on")
    tap.eq(login(door, "new", "new-pw" + new.code())[0], 0, "and gets in with it")
    tap.ok("login" not in door.wait_verdict("accepted", user="new"), "which is no passing")
    door.ctl("user", "lock", "new")
    tap.eq(login(door, "new", "new-pw")[0], 4, "a locked user does not pass")
    tap.eq(login(door, "new", "new-pw", source="127.3.0.1")[0], 4, "from nowhere")
    door.ctl("user", "unlock", "new")
    door.ctl("user", "expire", "new", "2020-01-01")
    tap.eq(login(door, "new", "new-pw", source="127.3.0.2")[0], 4, "an expired one neither")
    tap.eq(door.ctl("user", "delete", "new")[0], 0, "deleted")
    tap.eq(login(door, "new", "new-pw", source="127.3.0.3")[0], 4, "nor one who was deleted")
    tap.ok(door.wait_verdict("user_unknown", user="new"), "who is unknown now")
    tap.eq(door.ctl("user", "delete", "new", "--forget")[0], 0, "forgotten")
    tap.eq(login(door, "new", "new-pw", source="127.3.0.4")[0], 0, "and a stranger again, who passes")
    tap.eq(door.ctl("user", "delete", "new", "--forget")[0], 1, "there is nothing more to forget")
    tap.eq(door.ctl("user", "delete", "new")[0], 1, "nor to delete")


def cut():
    """A session that passed ends when its user is locked"""
    door = door_of("\tunknown-users pass", "cut")
    with raw.Client(door.port) as c:
        c.send(raw.connect(4, "here", user="gone", password="gone-pw"))
        tap.eq(c.receive(30).code, 0, "in, without a credential")
        door.add_user("gone")
        door.ctl("user", "lock", "gone")
        tap.eq(c.receive(30), None, "the session ends when a user of that name is locked")


def refused_by_default():
    """Nobody passes who is not told to; and not when it is told no more"""
    door = door_of("\tunknown-users pass", "reload")
    tap.eq(login(door, "old", "old-pw")[0], 0, "passes")
    door.configure(door.text.replace("unknown-users pass", ""))
    tap.eq(door.reload()[0], 0, "reloaded")
    tap.eq(login(door, "old", "old-pw")[0], 4, "passes no more")
    tap.ok(door.wait_verdict("user_unknown", user="old"), "being unknown")


def stored():
    """The broker gets a login that the client does not know"""
    door = door_of("\tforward stored\n\tunknown-users pass", "stored", layout="otp")
    secret = proc.write("broker-secret", "old-pw\n", 0o600)
    user = door.add_user("device")
    tap.eq(login(door, "device", user.code())[0], 4, "nothing is kept yet: refused")
    tap.ok("mqsecproxyctl user edit" in door.wait_verdict("otp_locked", user="device")["why"], "with the cure in the log")
    tap.eq(door.ctl("user", "show", "device")[1].count("broker-login none"), 1, "show says so")
    tap.eq(door.ctl("user", "edit", "device", "--broker-password-file", secret, "--broker-user", "old"), (0, "", ""), "set")
    tap.eq(door.ctl("user", "show", "device")[1].count("broker-login stored"), 1, "show says that there is one")
    shown = "".join(door.ctl(*w, "user", "show", "device")[1] + door.ctl(*w, "user", "list")[1] for w in ((), ("--json",)))
    tap.ok("old" not in shown, "and not which", shown)
    for version in clients.MOSQUITTO_VERSION:
        tap.eq(publishes(door, "device", user.code(), version), 0, "%s: with the code alone" % version)
    tap.ok(" u'old' " in broker.log() or "u'old'" in broker.log(), "the broker sees the user that is kept for it")
    tap.ok("u'device'" not in broker.log(), "and never the client's")
    tap.eq(login(door, "device", "old-pw", source="127.4.0.1")[0], 4, "the broker's password is no code")
    for words in (["--broker-password-file", "-"], ["--broker-user", "new", "--broker-password-file", "-"]):
        code, out, err = door.ctl("user", "edit", "device", *words, input=b"new-pw\n")
        tap.eq((code, out), (0, ""), "from standard input: " + " ".join(words))
    tap.eq(login(door, "device", user.code())[0], 0, "the new one is in force at once")
    tap.eq(door.ctl("user", "edit", "device", "--no-broker-login")[0], 0, "taken away")
    tap.eq(login(door, "device", user.code())[0], 4, "and nobody gets in with nothing")
    tap.eq(login(door, "old", "old-pw")[0], 0, "a stranger's own login goes up as it came")
    code, out, err = door.ctl("user", "add", "made", "--profile", "machine-hotp", "--broker-password-file", secret, "--broker-user", "old")
    made = door.ctl("user", "show", "made")[1]
    tap.ok(code == 0 and "broker-login stored" in made, "user add does both", (code, out, err))
    copy = proc.path("stored-copy.db")
    door.ctl("store", "backup", copy)
    with open(copy, "rb") as f:
        tap.ok(b"old-pw" not in f.read(), "sealed in the file")
    door.stop()
    door.ctl("store", "restore", copy)
    tap.ok("broker-login stored" in door.ctl("user", "show", "made")[1], "a backup keeps it")


def typed():
    """A password that is typed is not shown"""
    door = door_of("", "typed")
    door.add_user("person")
    main, side = pty.openpty()
    child = proc.start([proxy.CTL, "-c", door.conf, "user", "edit", "person", "--broker-password-file", "-"],
                       stdin=side, stdout=side, stderr=side)
    os.close(side)
    seen = b""
    while b"password: " not in seen:
        seen += os.read(main, 100)
    os.write(main, b"typed-secret\n")
    tap.eq(child.wait(30), 0, "set")
    try:
        while True:
            seen += os.read(main, 100)
    except OSError:
        pass
    os.close(main)
    tap.ok(b"typed" not in seen, "and not shown", seen)
    tap.ok("broker-login stored" in door.ctl("user", "show", "person")[1], "it is there")


def wrong_usage():
    """What cannot be kept is said"""
    door = door_of("", "usage")
    door.add_user("u")
    empty, long = proc.write("empty", "\n", 0o600), proc.write("long", "x" * 1100, 0o600)
    good = proc.write("good", "x", 0o600)
    for words, status, why in ((["edit", "u"], 2, "one of"), (["edit", "u", "--broker-user", "b"], 2, "one of"),
                               (["edit", "u", "--no-broker-login", "--broker-password-file", good], 2, "one of"),
                               (["add", "v", "--broker-user", "b"], 2, "goes with"),
                               (["edit", "u", "--broker-password-file", empty], 1, "empty"),
                               (["edit", "u", "--broker-password-file", long], 1, "long"),
                               (["edit", "u", "--broker-password-file", proc.path("none")], 1, "No such file"),
                               (["edit", "u", "--broker-user", "", "--broker-password-file", good], 1, "a user name"),
                               (["edit", "nobody", "--broker-password-file", good], 1, "no user")):
        code, out, err = door.ctl("user", *words)
        tap.ok(code == status and why in err and out == "", "%s: %d, %s" % (" ".join(words)[:50], status, why), (code, out, err))
    tap.ok("none" in door.ctl("user", "show", "u")[1], "nothing was kept")
    tap.eq(door.ctl("user", "show", "v")[0], 1, "nobody was added")


def none():
    """The broker gets neither user name nor password"""
    stub = StubBroker()
    door = proxy.Proxy(proxy.broker(stub.port) + proxy.listener(extra="\totp codes") +
                       proxy.otp_block("otp", extra="\tforward none"), name="none").start()
    user = door.add_user("who")
    for version in (3, 4, 5):
        name = "none%d" % version
        tap.eq(login(door, "who", user.code(), name, version)[0], 0, "level %d: in with a code" % version)
        tap.eq([(c.connect.user, c.connect.password) for c in stub.find(name)], [(None, None)], "level %d: and nothing of it goes up" % version)
    tap.eq(login(door, "who", user.wrong())[0], 4, "a wrong code is refused")
    anonymous = Mosquitto()
    door.configure(door.text.replace("127.0.0.1:%d" % stub.port, "127.0.0.1:%d" % anonymous.port))
    tap.eq(door.reload()[0], 0, "a mosquitto that knows nobody")
    tap.ok(publishes(door, "who", "x" + user.code()) != 0, "not with something before the code")
    tap.eq(login(door, "who", user.code(), source="127.5.0.1")[0], 0, "lets the client in")


def lease():
    """The same password again, for a while, from where it was accepted"""
    text = (proxy.broker(broker.port) + proxy.listener(extra="\totp codes") + proxy.otp_block(extra="\tlease 1h") +
            proxy.listener(name="strict", extra="\totp strict") + proxy.otp_block(name="strict"))
    door = proxy.Proxy(text, name="lease").start()
    user = door.add_user("old")
    here, there = "127.6.0.1", "127.6.0.2"

    def attempt(password, client_id="phone", source=here, port="plant", times=1):
        """Of any number: which worker takes a connection is the kernel's choice."""
        codes = set()
        for _ in range(times):
            with raw.Client(door.port_of(port), 4, source) as c:
                c.send(raw.connect(4, client_id, user="old", password=password))
                p = c.receive(30)
                codes.add(p.code if p else None)
        return codes

    password = "old-pw" + user.code()
    tap.eq(attempt(password), {0}, "in, with a fresh code")
    tap.eq(attempt(password, times=20), {0}, "and again with the same password, at any worker")
    tap.ok(door.wait_verdict("accepted", times=20, login="leased", user="old"), "told in the log")
    tap.eq(door.status()["logins-leased"].strip(), "20", "and counted")
    tap.eq(attempt(password, port="strict", source="127.6.1.1"), {4}, "a listener without a lease knows of none")
    tap.eq(attempt(password, "tablet", source="127.6.1.2"), {4}, "another client and address: no")
    tap.eq(attempt(password, source=there), {4}, "another address: no")
    tap.eq(attempt(password, "tablet"), {4}, "another client: no")
    tap.eq(attempt("x" + password), {4}, "another password: no")
    tap.eq(attempt(password), {0}, "the lease itself goes on; used codes are no failures of its source")
    for words in (["lock"], ["reset"], ["expire"]):
        mine = "old-pw" + user.code()
        tap.eq((attempt(mine), attempt(mine)), ({0}, {0}), "a fresh code, a new lease")
        source_of = words + ["old"] + (["2999-01-01"] if words == ["expire"] else [])
        tap.eq(door.ctl("user", *source_of)[0], 0, " ".join(source_of))
        if words == ["lock"]:
            tap.eq(attempt(mine), {4}, "a locked user is refused")
            door.ctl("user", "unlock", "old")
        tap.eq(attempt(mine), {4}, "user %s ended the lease" % words[0])
    mine = "old-pw" + user.code()
    tap.eq((attempt(mine), attempt(mine)), ({0}, {0}), "a fresh code, a new lease")
    secret = user.secret
    door.ctl("user", "delete", "old")
    tap.eq(attempt(mine), {4}, "user delete ended it")
    door.add_user("old", secret=secret)
    tap.eq(attempt(mine), {0}, "who comes back is new: the code is fresh to him")
    tap.ok("login" not in door.wait_verdict("accepted", times=31), "and there is no lease")
    door.configure(text.replace("lease 1h", "lease off"))
    mine = "old-pw" + otp.hotp(secret, 12, 8, "sha256")
    tap.eq((attempt(mine, source=there), attempt(mine, source=there)), ({0}, {0}), "leased before a reload")
    tap.eq(door.reload()[0], 0, "no leases any more")
    tap.eq(attempt(mine, source=there), {4}, "and none of those that were given")
    door.configure(text)
    tap.eq(door.reload()[0], 0, "leases again")
    mine = "old-pw" + otp.hotp(secret, 13, 8, "sha256")
    tap.eq((attempt(mine, source=there), attempt(mine, source=there)), ({0}, {0}), "leased before a restart")
    door.stop()
    door.start()
    tap.eq(attempt(mine, source=there), {4}, "not after it")


tap.run([lease, stored, typed, wrong_usage, none, migration, cut, refused_by_default])
