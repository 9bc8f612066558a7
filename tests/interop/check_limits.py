# SPDX-License-Identifier: ISC
"""Limits of a filter, in the whole process: how often who may connect, how many may be there, how fast they may publish."""
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker
from lib.proxy import tries

proxy.need()


def door(*lines, name="door"):
    return "filter %s {\n%s}\n" % (name, "".join("\t%s\n" % line for line in lines))


def made(stub, *lines, blocks="", extra="", **options):
    return proxy.Proxy(proxy.listener(extra="\tfilter door\n" + extra) + proxy.broker(stub.port) + door(*lines) + blocks,
                       **options).start()


def inside(front, n, name="in-%d", **fields):
    crowd = []
    for i in range(n):
        c = raw.Client(front.port, source=fields.pop("source", None))
        p = c.login(name % i, **fields)
        assert p and p.code == 0, p
        crowd.append(c)
    return crowd


def connects_per_address():
    """connects per address: so many at once, the answer says why, and a flood is closed unread"""
    stub = StubBroker()
    front = made(stub, "limit connects 3 per 1h per address", blocks=proxy.listener(
        name="second", extra="\tfilter door"), workers=2)
    tap.eq(tries(front, 2) + tries(front, 1, port=front.port_of("second")), [0, 0, 0], "three get in, over two listeners")
    tap.eq(tries(front, 1), [3], "3.1.1: the fourth is told 3")
    tap.eq(tries(front, 1, version=5), [0x9f], "5.0: 0x9F")
    tap.eq(tries(front, 1, source="127.0.0.2"), [0], "another address gets in")
    line = front.wait_verdict("rate_limited")
    tap.eq((line["why"], line["rule"], line["listener"], line["client_id"], line["peer"][:10]),
           ("limit connects per address", front.line_of("limit connects"), "plant", "c", "127.0.0.1:"),
           "a line of the log says all")
    answers = tries(front, 40)
    tap.ok(answers.count(3) <= 20 and answers[-1] is None, "who goes on is closed at accept", answers)
    tap.ok(proc.holds(lambda: len([f for f in front.verdicts("rate_limited") if "client_id" not in f]) >= 20, 5),
           "with a line each")
    tap.eq({f["rule"] for f in front.verdicts("rate_limited")}, {line["rule"]}, "by the same rule")
    status = front.status()
    tap.eq(int(status["connects-rate-limited"]), 42, "counted")
    tap.eq(int(status["filter.door.limit.deny." + line["rule"]]), 42, "by its line too")
    tap.eq(front.reload()[0], 0, "a reload")
    tap.eq(int(front.status()["filter.door.limit.deny." + line["rule"]]), 42, "keeps the count")
    tap.eq(stub.accepted(), 4, "and the broker saw only those who got in")
    tap.eq(front.stop(), 0, "status 0")


def it_comes_back():
    """connects per address: after a while there is room again"""
    stub = StubBroker()
    front = made(stub, "limit connects 2 per 1s per address")
    tap.eq(tries(front, 3), [0, 0, 3], "two of three at once")
    tap.ok(proc.holds(lambda: tries(front, 1) == [0], 3), "half a second later one more")
    tap.eq(front.stop(), 0, "status 0")


def connects_per_user():
    """connects per user: counted by what the CONNECT says, before a code is looked at"""
    stub = StubBroker()
    front = made(stub, "limit connects 2 per 1h per user", extra="\totp codes", blocks=proxy.otp_block())
    ann, bob = front.add_user("ann"), front.add_user("bob")
    tap.eq(tries(front, 1, user="ann", password="p" + ann.code()), [0], "a right code")
    tap.eq(tries(front, 1, user="ann", password="p" + ann.wrong()), [4], "a wrong one")
    code = ann.code()
    codes, quick = tap.quickest(lambda: tries(front, 1, user="ann", password="p" + code))
    tap.eq(codes, [3], "the third is refused, with a right code too")
    tap.ok(quick, "at once")
    tap.eq(tries(front, 1, version=5, user="ann", password="p" + code, source="127.0.0.3"), [0x9f], "from anywhere")
    tap.eq(tries(front, 1, user="bob", password="p" + bob.code()), [0], "another user gets in")
    line = front.wait_verdict("rate_limited")
    tap.eq((line["why"], line["rule"]), ("limit connects per user", front.line_of("limit connects")), "the log says why")
    tap.eq(front.stop(), 0, "status 0")


def connections():
    """connections per address and per user: the place comes back"""
    for what, me, other in (("address", {"source": "127.0.0.1"}, {"source": "127.0.0.2"}),
                            ("user", {"user": "ann", "source": "127.0.0.1"}, {"user": "bob", "source": "127.0.0.1"})):
        stub = StubBroker()
        front = made(stub, "limit connections 2 per %s" % what)
        first = [raw.Client(front.port, source="127.0.0.1") for _ in range(2)]
        for i, c in enumerate(first):
            tap.eq(c.login("in-%d" % i, user=me.get("user")).code, 0, "%s: client %d gets in" % (what, i + 1))
        tap.eq(tries(front, 1, **me) + tries(front, 1, version=5, **me), [3, 0x97], what + ": the third is told 3, or 0x97")
        tap.eq(tries(front, 1, **other), [0], "another %s gets in" % what)
        line = front.wait_verdict("connection_limit")
        tap.eq((line["why"], line["rule"]), ("limit connections per " + what, front.line_of("limit connections")),
               "the log says why")
        tap.eq(stub.accepted(), 3, "the broker saw three")
        first[0].close()
        tap.ok(proc.holds(lambda: tries(front, 1, **me) == [0], 5), what + ": a place that became free is taken")
        for c in first:
            c.close()
        tap.eq(front.stop(), 0, "status 0")


def silent():
    """refuse silent: a limit closes without a word"""
    stub = StubBroker()
    front = made(stub, "limit connects 1 per 1h per address", "refuse silent")
    tap.eq(tries(front, 3), [0, None, None], "one gets in")
    front.wait_verdict("rate_limited", times=2)
    front.wait_verdict("rate_limited", times=2)
    tap.eq(len(front.verdicts("rate_limited")), 2, "two lines")
    front.configure(front.text.replace("connects 1 per 1h per address", "connections 1 per user"))
    tap.eq(front.reload()[0], 0, "another limit by reload")
    c = raw.Client(front.port)
    tap.eq(c.login("one", user="ann").code, 0, "a user gets in")
    tap.eq(tries(front, 1, version=5, user="ann"), [None], "and a second time without a word")
    c.close()
    tap.eq(front.stop(), 0, "status 0")


def dry_run():
    """dry-run: nobody is refused, all is logged and counted"""
    stub = StubBroker()
    front = made(stub, "limit connects 1 per 1h per address", "limit publish 1 per 1h per client", "dry-run on")
    tap.eq(tries(front, 3, user="ann"), [0, 0, 0], "three get in")
    front.wait_event("would_deny", times=2)
    front.wait_event("would_deny", times=2)
    tap.eq([(f["why"], f["rule"]) for f in front.events("would_deny")],
           [("limit connects per address", front.line_of("limit connects"))] * 2, "two lines")
    with raw.Client(front.port) as c:
        c.login("p", user="ann")
        for i in range(3):
            c.publish("t", b"x", 1, mid=i + 1)
    front.wait_event("would_delay", times=2)
    front.wait_event("would_delay", times=2)
    tap.eq([f["rule"] for f in front.events("would_delay")], [front.line_of("limit publish")] * 2,
           "two messages would have waited")
    status = front.status()
    tap.eq(int(status["would-deny"]), 5, "counted")
    tap.eq({k.rsplit(":", 1)[1]: int(v) for k, v in status.items() if k.startswith("filter.door.limit.deny.")},
           {front.line_of("limit connects").rsplit(":", 1)[1]: 3}, "and by line, what is no message")
    tap.eq(front.stop(), 0, "status 0")


def publishing():
    """publish per client: read more slowly, nothing is lost, and a new connection has no new burst"""
    stub = StubBroker()
    front = made(stub, "limit publish 20 per 1s per client")
    c = raw.Client(front.port)
    c.login("fast", keep_alive=1)
    began = time.monotonic()
    c.send(b"".join(raw.publish("t", b"%d" % i) for i in range(65)) + raw.disconnect())
    c.sock.shutdown(1)
    broker = stub.wait_connection()
    stub.wait(lambda: sum(p.kind == raw.PUBLISH for p in broker.packets) >= 20, 20, "the burst")
    with raw.Client(front.port) as other:
        other.login("other")
        other.publish("t", b"x", 1)
        tap.ok(raw.DISCONNECT not in [p.kind for p in broker.packets], "another client is not held back")
    stub.wait(lambda: any(p.kind == raw.DISCONNECT for p in broker.packets), 20, "the end")
    tap.within(time.monotonic() - began, 2.2, 20, "the rest comes at 20 a second")
    tap.eq([p.payload for p in broker.packets if p.kind == raw.PUBLISH], [b"%d" % i for i in range(65)], "all, in order")
    tap.eq(c.end(), [], "then the end")
    with raw.Client(front.port) as c:
        c.login("fast")
        for i in range(10):
            c.publish("t", b"x", 1, mid=i + 1)
        tap.within(time.monotonic() - began, 2.7, 30, "the same client comes back without a burst: 20 at once, 55 later")
    tap.ok(int(front.status()["publishes-delayed"]) > 0, "counted")
    line = front.wait_event("delayed")
    tap.eq((line["client_id"], line["rule"]), ("fast", front.line_of("limit publish")), "and in the log")
    tap.eq(front.stop(), 0, "status 0")


def publishing_changed():
    """A client that waits goes on as soon as a reload lifts its limit"""
    stub = StubBroker()
    front = made(stub, "limit publish 1 per 1h per client")
    with raw.Client(front.port) as c:
        c.login("slow")
        c.send(b"".join(raw.publish("t", b"x", 1, mid=i + 1) for i in range(3)))
        tap.eq(c.expect(raw.PUBACK).mid, 1, "the first goes")
        tap.ok(c.quiet(0.1), "the second waits")
        front.configure(front.text.replace("publish 1 per 1h", "publish 1000 per 1s"))
        tap.eq(front.reload()[0], 0, "reload")
        tap.eq([c.expect(raw.PUBACK).mid for _ in range(2)], [2, 3], "and the rest goes")
    tap.eq(front.stop(), 0, "status 0")


def publisher_resets():
    """A client that waits and resets its connection is gone at once, with what it had not been let say"""
    stub = StubBroker()
    front = made(stub, "limit publish 1 per 1h per client")
    c = raw.Client(front.port)
    c.login("gone")
    c.send(b"".join(raw.publish("t", b"x", 1, mid=i + 1) for i in range(2)))
    c.expect(raw.PUBACK)
    front.wait_event("delayed")
    c.send(raw.publish("t", b"x" * 100000))
    c.reset()
    broker = stub.wait_connection()
    stub.wait(lambda: broker.closed, 20, "the end")
    tap.eq(len([p for p in broker.packets if p.kind == raw.PUBLISH]), 1, "the broker's leg ends behind the one message")
    tap.eq(front.stop(), 0, "status 0")


def reload_counts_those_inside():
    """A limit that a reload brings counts who is there already, and cuts nobody"""
    stub = StubBroker()
    front = made(stub, "refuse connack")
    crowd = [raw.Client(front.port) for _ in range(3)]
    for i, c in enumerate(crowd):
        c.login("in-%d" % i)
    front.configure(front.text.replace("\trefuse connack\n", "\tlimit connections 3 per address\n"))
    tap.eq(front.reload()[0], 0, "reload")
    tap.eq([c.ping().kind for c in crowd], [raw.PINGRESP] * 3, "those inside stay")
    tap.eq(tries(front, 1), [3], "the fourth is refused")
    for c in crowd:
        c.close()
    tap.ok(proc.holds(lambda: tries(front, 1) == [0], 5), "when they are gone, one gets in")
    tap.eq(front.stop(), 0, "status 0")


tap.run([connects_per_address, it_comes_back, connects_per_user, connections, silent, dry_run, publishing,
         publishing_changed, publisher_resets, reload_counts_those_inside])
