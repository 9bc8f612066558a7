# SPDX-License-Identifier: ISC
"""Bans: after too many refusals, and by hand; at once for who is there, over a restart, and lifted again."""
import json
import os
import sqlite3
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker
from lib.proxy import tries

proxy.need()


def made(stub, *lines, extra="", blocks="", **options):
    return proxy.Proxy(proxy.listener(extra="\tfilter door\n" + extra) + proxy.broker(stub.port) +
                       "filter door {\n%s}\n" % "".join("\t%s\n" % line for line in lines) + blocks, **options)


def bans(front):
    code, out, err = front.ctl("--json", "bans")
    assert code == 0, err
    return json.loads(out)


def order(front, *words):
    code, out, err = front.ctl(*words)
    tap.eq(code, 0, " ".join(words) + (": " + err if err else ""))
    return out


def after_refusals():
    """ban after N refusals: the address is out, also for a good client, and who is inside is cut"""
    stub = StubBroker()
    front = made(stub, "deny connect client-id bad-*", "allow connect", "ban after 3 refusals in 1h for 1h",
                 blocks=proxy.listener(name="open")).start()
    inside = raw.Client(front.port, 5, "127.0.0.9")
    tap.eq(inside.login("inside").code, 0, "a client of that address is inside")
    elsewhere = raw.Client(front.port_of("open"), 5, "127.0.0.9")
    tap.eq(elsewhere.login("elsewhere").code, 0, "and at a listener without the filter")
    other = raw.Client(front.port, 5, "127.0.0.8")
    tap.eq(other.login("other").code, 0, "and one of another")
    tap.eq(tries(front, 3, client_id="bad-1", source="127.0.0.9"), [5, 5, 5], "three refusals")
    line = front.wait_event("banned")
    rule = front.line_of("ban after")
    tap.eq((line["address"], line["by"], line["reason"], line["rule"]),
           ("127.0.0.9", "filter", "3 refusals, filter door", rule), "a line of the log tells of the ban, and by which line")
    p = inside.expect(raw.DISCONNECT)
    tap.eq(p.code, 0x8a, "who was inside is told 0x8A")
    tap.eq(inside.end(), [], "and cut")
    line = front.wait_event("closed", client_id="inside")
    tap.eq((line["why"], line["rule"], line["code"]), ("banned", rule, "0x8a"), "its line of the log names the ban's")
    tap.eq(elsewhere.expect(raw.DISCONNECT).code, 0x8a, "who was at a listener without that filter is cut too")
    line = front.wait_event("closed", client_id="elsewhere")
    tap.ok("rule" not in line and line["why"] == "banned", "where another filter is, in the name of no line", line)
    tap.ok(other.ping(), "the other stays")
    tap.eq(tries(front, client_id="good", source="127.0.0.9") + tries(front, 1, 5, source="127.0.0.9"), [5, 0x8a],
           "banned: 5, or 0x8A")
    tap.eq(tries(front, source="127.0.0.9", port=front.port_of("open")), [5], "at a listener without a filter too")
    tap.eq(tries(front, source="127.0.0.8"), [0], "another address gets in")
    line = front.wait_verdict("banned")
    tap.eq((line["why"], line["client_id"], line["rule"]), ("the address is banned", "good", rule), "the log says why")
    tap.ok(all("rule" not in v for v in front.verdicts("banned", listener="open")), "where another filter is, no line of that")
    listed = bans(front)
    tap.eq([(b["kind"], b["value"], b["by"]) for b in listed], [("address", "127.0.0.9", "filter")], "bans lists it")
    tap.eq(front.status()["bans-made"], "1", "counted")
    tap.eq(front.status()["filter.door.ban.deny." + rule], "3", "and whom it refused and cut, by its line")
    order(front, "unban", "address", "127.0.0.9")
    tap.eq(tries(front, source="127.0.0.9"), [0], "lifted by hand, it gets in")
    tap.eq(tries(front, 2, client_id="bad-1", source="127.0.0.9") + tries(front, source="127.0.0.9"), [5, 5, 0],
           "and is counted anew")
    tap.eq(bans(front), [], "no ban is left")
    tap.eq(front.stop(), 0, "status 0")


def what_counts():
    """Wrong codes, garbage and silence count; a broker out of reach and who leaves do not"""
    stub = StubBroker()
    front = made(stub, "ban after 4 refusals in 1h for 1h", extra="\totp codes\n\tconnect-timeout 1s",
                 blocks=proxy.otp_block()).start()
    ann = front.add_user("ann")
    for _ in range(5):
        with raw.Client(front.port, source="127.0.0.7"):
            pass
    stub.stop()
    for _ in range(4):
        tap.eq(tries(front, user="ann", password="p" + ann.code(), source="127.0.0.7"), [3], "a broker out of reach")
    tap.eq(bans(front), [], "bans nobody")
    tap.eq(tries(front, user="ann", password="p" + ann.wrong(), source="127.0.0.7"), [4], "a wrong code")
    tap.eq(tries(front, user="nobody", password="p123456", source="127.0.0.7"), [4], "an unknown user")
    with raw.Client(front.port, source="127.0.0.7") as c:
        c.send(b"\0\0")
        c.end()
    with raw.Client(front.port, source="127.0.0.7") as c:
        tap.eq(bans(front), [], "three are not four")
        c.end(5)
    front.wait_event("banned", address="127.0.0.7")
    tap.eq(tries(front, source="127.0.0.7", version=5), [0x8a], "garbage and silence are the third and the fourth")
    tap.eq(front.stop(), 0, "status 0")


def expires():
    """A ban is over when its time is; and refusals too far apart ban nobody"""
    stub = StubBroker()
    front = made(stub, "deny connect client-id bad-*", "allow connect", "ban after 2 refusals in 1s for 2s").start()
    tap.eq(tries(front, client_id="bad-1"), [5], "a refusal")
    proc.holds(lambda: False, 1.1)
    tap.eq(tries(front, client_id="bad-1"), [5], "another, too late")
    tap.eq(front.events("banned"), [], "no ban")
    # each is refused; the last of them may meet the ban that the one before has made
    tap.ok(proc.holds(lambda: tries(front, client_id="bad-1") and front.events("banned"), 20), "some that come at once")
    # one that came just before is cut without a word
    tap.ok(proc.holds(lambda: tries(front) == [5], 0.8), "ban it")
    tap.ok(proc.holds(lambda: tries(front) == [0], 4), "and over two seconds later")
    tap.eq(bans(front), [], "and off the list")
    tap.eq(front.stop(), 0, "status 0")


def silent():
    """refuse silent: a banned address is closed before it says anything"""
    stub = StubBroker()
    front = made(stub, "refuse silent").start()
    order(front, "ban", "address", "127.0.0.9")
    with raw.Client(front.port, source="127.0.0.9") as c:
        tap.eq((c.end(), c.ended is not None), ([], True), "closed at accept")
    line = front.wait_verdict("banned")
    tap.ok("client_id" not in line and line["why"] == "the address is banned", "with a line", line)
    tap.eq(front.status()["connects-banned"], "1", "counted")
    tap.eq(front.stop(), 0, "status 0")


def dry_run():
    """dry-run: nobody is banned by the filter, but by hand"""
    stub = StubBroker()
    front = made(stub, "deny connect client-id bad-*", "allow connect", "limit connects 1 per 1h per address",
                 "ban after 2 refusals in 1h for 1h", "dry-run on", extra="\tmqtt 3.1.1").start()
    tap.eq(tries(front, 2, version=3), [1, 1], "two refusals that are no list's")
    line = front.wait_event("would_ban")
    tap.eq((line["address"], front.events("banned"), bans(front)), ("127.0.0.1", [], []), "would ban, and does not")
    for source, client_id, why in (("127.0.0.6", "bad-1", "a rule and a limit"), ("127.0.0.5", "good", "a limit")):
        tap.eq(tries(front, source=source) + tries(front, client_id=client_id, source=source), [0, 0], why + " would refuse")
        tap.eq(front.events("would_ban", address=source), [], "which counts once")
        tap.eq(tries(front, client_id=client_id, source=source), [0], "and once more")
        front.wait_event("would_ban", address=source)
    order(front, "ban", "client-id", "c")
    tap.eq(tries(front), [5], "a ban by hand holds")
    tap.eq(front.stop(), 0, "status 0")


def by_hand():
    """By hand: addresses, networks, users, client ids; for a time, with a reason; cut at once; lifted"""
    stub = StubBroker()
    front = made(stub, "refuse connack").start()
    rows = (("address", "127.0.0.9", {"source": "127.0.0.9"}, {"source": "127.0.0.8"}),
            ("address", "127.0.8.0/24", {"source": "127.0.8.77"}, {"source": "127.0.9.1"}),
            ("user", "eve äß", {"user": "eve äß"}, {"user": "eve"}),
            ("client-id", "sensor-1", {"client_id": "sensor-1"}, {"client_id": "sensor-11"}))
    for i, (kind, value, bad, good) in enumerate(rows):
        c = raw.Client(front.port, 5, bad.get("source"))
        c.login(**{k: v for k, v in bad.items() if k != "source"})
        stay = raw.Client(front.port, 5, good.get("source"))
        stay.login(**dict({"client_id": "stays"}, **{k: v for k, v in good.items() if k != "source"}))
        tap.eq(order(front, "ban", kind, value, "for", "1h", "--reason", "tried things"), "cut 1\n", "one is cut")
        tap.eq([p.code for p in c.end()], [0x8a], "and told 0x8A")
        line = front.wait_event("closed", why="banned", times=i + 1)
        tap.ok("rule" not in line, "no line of the configuration did it", line)
        tap.ok(stay.ping(), "another stays")
        tap.eq(tries(front, 1, 5, **bad) + tries(front, 1, 5, **good), [0x8a, 0], "one may not come back, another may come")
        b = bans(front)
        tap.eq([(x["kind"], x["value"], x["by"], x["reason"]) for x in b], [(kind, value, "hand", "tried things")], "listed")
        tap.ok(b[0]["until"] is not None, "with its end")
        code, out, err = front.ctl("bans")
        tap.ok(kind in out and "tried things" in out, "as text too", out)
        order(front, "unban", kind, value)
        tap.eq(tries(front, 1, 5, **bad), [0], "lifted")
        code, out, err = front.ctl("unban", kind, value)
        tap.ok(code == 1 and "no such ban" in err, "lifted twice: status 1", err)
        stay.close()
    for words in (("address", "nowhere"), ("address", "10.0.0.1/8"), ("nobody", "x"), ("user", ""), ("user",),
                  ("user", "x", "for"), ("user", "x", "until", "1h"), ("user", "x", "for", "soon"),
                  ("user", "x", "--reason", "y" * 201)):
        tap.eq(front.ctl("ban", *words)[0], 2, "wrong usage: ban " + " ".join(words)[:40])
    tap.eq(bans(front), [], "and nothing is banned")
    tap.eq(front.stop(), 0, "status 0")


def under_way():
    """A ban refuses a login that waits for the broker like one that comes later"""
    stub = StubBroker(answer=lambda c, p: b"")
    front = made(stub, "refuse connack", blocks="log {\n\trate-limit off\n\tclient-ids hashed\n}\n").start()
    for i, (version, code) in enumerate(((3, 5), (4, 5), (5, 0x8a))):
        c = raw.Client(front.port, version)
        c.send(raw.connect(version, "waits-%d" % version, user="eve", password="x"))
        stub.wait_connection(i + 1)
        tap.eq(order(front, "ban", "client-id", "waits-%d" % version), "cut 1\n", "level %d: one is cut" % version)
        tap.eq([(p.kind, p.code) for p in c.end()], [(raw.CONNACK, code)], "and told")
        line = front.wait_verdict("banned", times=i + 1)
        tap.eq((line["level"], line["user"], line["why"]), ("warning", "eve", "banned"), "a line of the log says so")
        stub.wait(lambda: stub.kinds(stub.connections[i]) == ["CONNECT", "DISCONNECT"], 10,
                  "the broker to be told that the client goes, and its Will with it")
    tap.eq(front.status()["connects-banned"], "3", "counted")
    tap.ok("waits-" not in front.log(), "no line has the client id, which is hashed", front.log())
    tap.eq(front.stop(), 0, "status 0")


def assigned():
    """A client without an id is judged by the one that the broker assigns, whatever else came with that"""
    def answer(c, p):
        if p.kind != raw.CONNECT:
            return StubBroker.agree(c, p)
        return raw.connack(5, props=[(0x12, b"given-" + p.user)]) + raw.publish("news", b"secret", version=5)
    stub = StubBroker(answer=answer)
    front = made(stub, "refuse connack").start()
    order(front, "ban", "client-id", "given-eve")
    with raw.Client(front.port, 5) as c:
        c.send(raw.connect(5, "", user="eve", will=("w", b"bye", 0, False)))
        tap.eq([(p.kind, p.code) for p in c.end()], [(raw.CONNACK, 0x8a)], "refused with 0x8A, and nothing else is told")
    line = front.wait_verdict("banned")
    tap.eq((line["client_id"], line["why"]), ("given-eve", "the client id is banned"), "the log says who and why")
    stub.wait(lambda: stub.kinds(stub.connections[0]) == ["CONNECT", "DISCONNECT"], 10, "the Will to be taken back")
    with raw.Client(front.port, 5) as c:
        c.send(raw.connect(5, "", user="ann"))
        tap.eq([p.kind for p in (c.receive(), c.receive())], [raw.CONNACK, raw.PUBLISH],
               "another is let in, and gets all")
        tap.eq(order(front, "ban", "client-id", "given-ann"), "cut 1\n", "and is cut by its name")
        tap.eq([p.code for p in c.end()], [0x8a], "and told")
    tap.eq(front.stop(), 0, "status 0")


def over_a_restart():
    """Bans are there again after a restart, and after SIGKILL; what was lifted is not"""
    import signal
    stub = StubBroker()
    front = made(stub, "deny connect client-id bad-*", "allow connect", "ban after 2 refusals in 1h for 1h").start()
    tries(front, 2, client_id="bad-1", source="127.0.0.9")
    order(front, "ban", "user", "eve", "--reason", "known")
    order(front, "ban", "user", "mal")
    order(front, "unban", "user", "mal")
    before = bans(front)
    db = sqlite3.connect("file:%s?mode=ro" % front.state, uri=True)
    proc.until(lambda: db.execute("SELECT count(*) FROM ban").fetchone() == (2,), 5, "two bans in the state")
    db.close()
    for sig, status in ((signal.SIGKILL, -9), (signal.SIGTERM, 0)):
        tap.eq(front.stop(sig), status, "ended by signal %d" % sig)
        front.start()
        tap.eq(sorted(map(str, bans(front))), sorted(map(str, before)), "the same bans")
        tap.eq(tries(front, source="127.0.0.9") + tries(front, user="eve") + tries(front, user="mal"), [5, 5, 0],
               "are in force")
    front.configure(front.text.replace("\tban after 2 refusals in 1h for 1h\n", ""))
    tap.eq(front.reload()[0], 0, "reload")
    tap.eq(tries(front, user="eve"), [5], "a reload keeps them")
    tap.eq(front.stop(), 0, "ended")
    front.start()
    tap.eq(tries(front, user="eve"), [5], "and so does a start without anything else to keep")
    tap.eq(front.stop(), 0, "status 0")


def state_of_its_own():
    """A proxy that keeps nothing makes a state for the first ban; where it cannot, the ban is in force and it says so"""
    stub = StubBroker()
    front = made(stub, "refuse connack").start()
    tap.ok(not os.path.exists(front.state), "no state at first")
    tap.eq(order(front, "ban", "user", "eve"), "cut 0\n", "a ban")
    tap.ok(os.path.exists(front.state), "makes one")
    tap.eq(front.stop(), 0, "ended")
    front = made(stub, "refuse connack")
    front.head = front.head.replace(front.state, proc.path("nowhere/state.db"))
    front.configure(front.text)
    front.start()
    out = order(front, "ban", "user", "eve")
    tap.ok("not-kept" in out and "nowhere" in out, "where it cannot be made it says so", out)
    tap.eq(tries(front, user="eve"), [5], "but the ban is in force")
    tap.eq(front.stop(), 0, "status 0")
    # nobody can tell whether there is a state behind a link to itself; root could search any folder
    os.symlink("loop", proc.path("loop"))
    front.head = front.head.replace("nowhere", "loop")
    front.configure(front.text)
    front.start(wait=False)
    tap.eq(front.wait_exit(), 1, "where a state may be that cannot be read it does not start")
    tap.ok("loop/state.db" in front.log(), "and says why", front.log())


def counts_by_rule():
    """status counts what each rule denied, by filter and place"""
    stub = StubBroker()
    front = made(stub, "deny connect client-id bad-*", "allow connect", "deny publish cmd/#", "allow publish").start()
    tries(front, 2, client_id="bad-1")
    with raw.Client(front.port) as c:
        c.login("c")
        c.publish("cmd/x", b"x", 1)
    front.wait_event("denied", topic="cmd/x")  # the PUBACK is out before it is counted
    status = {k: v for k, v in front.status().items() if k.startswith("filter.")}
    lines = [i + 1 for i, line in enumerate(open(front.conf)) if "deny" in line]
    tap.eq(status, {"filter.door.connect.deny.%s:%d" % (front.conf, lines[0]): "2",
                    "filter.door.publish.deny.%s:%d" % (front.conf, lines[1]): "1"}, "as text")
    got = json.loads(front.ctl("--json", "status")[1])
    tap.eq({k: v for k, v in got.items() if k.startswith("filter.")}, {k: int(v) for k, v in status.items()}, "as JSON")
    tap.eq(front.stop(), 0, "status 0")


def flood():
    """Many at once from one address are refused and banned, and another is served meanwhile"""
    stub = StubBroker()
    front = made(stub, "limit connects 5 per 1h per address", "ban after 50 refusals in 1m for 1h", workers=2).start()
    crowd = [raw.Client(front.port, source="127.0.0.9") for _ in range(200)]
    for c in crowd:
        try:
            c.send(raw.connect(4, "x"))
        except ConnectionError:
            pass
    ended = []
    for c in crowd:
        ended.append(c.end() if c.ended is None else [])
    front.wait_event("banned")
    tap.eq(len(front.events("banned")), 1, "one ban")
    tap.eq(tries(front, source="127.0.0.8"), [0], "another address is served")
    for c in crowd:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


tap.run([after_refusals, what_counts, expires, silent, dry_run, by_hand, under_way, assigned, over_a_restart, state_of_its_own, counts_by_rule,
         flood])
