# SPDX-License-Identifier: ISC
"""What a login becomes at the broker, and who is let in without a fresh code: mosquitto with a password file behind the
proxy, and its own clients before it."""
import time

from lib import clients, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not (MOSQUITTO and clients.PUB):
    tap.skip_all("mosquitto and its clients are not installed")
broker = Mosquitto({"old": "old-pw", "new": "new-pw", "gone": "gone-pw"})


def door_of(otp, name, extra="", more=""):
    return proxy.Proxy(proxy.broker(broker.port) + proxy.listener(extra="\totp codes\n" + extra) + more +
                       proxy.otp_block(extra=otp), name=name).start()


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


tap.run([migration, cut, refused_by_default])
