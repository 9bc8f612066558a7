# SPDX-License-Identifier: ISC
"""`explain` says what the daemon does: random rules, and both asked about the same clients, topics and filters. EXPLAINED is
the number of rulesets, EXPLAIN_SEED what they are made from."""
import json
import os
import random

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
ROUNDS = tap.rounds("EXPLAINED", 25)
SEED = int(os.environ.get("EXPLAIN_SEED") or 20261122)
rng = random.Random(SEED)
CLIENT_IDS = ["a", "b", "dev-1", "dev-22", "$a", "x/y", "a+", "\u00e9", "%u", "-", "A b", "a" * 300]
USERS = [None, "", "a", "b", "dev-1", "$a", "ann", "x#", "\u00e9", "%c"]
ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.1.2.3"]
VALUES = {"address": ["127.0.0.1", "127.0.0.0/24", "0.0.0.0/0", "::/0", "::ffff:127.0.0.2", "127.1.0.0/16"],
          "client-id": ["a", "%u", "*", "dev-*", "%u*", "?", "\\%u", "A*b", "*a"],
          "user": ["a", "*", "?", "dev-*", "an?", "\\$a"]}
ENTRIES = {"address": ["127.0.0.1\n", "127.1.0.0/16\n", "10.0.0.0/8\r\n", "::/8\n"]}
NAMES = ["a\n", "b\r\n", "dev-*\n", "?\n", "\\$a\n", "x/y\n", "\u00e9\n", "# c\n", "\n"]
RULE_LEVELS = ["a", "b", "cmd", "%u", "%c", "dev-%u", "+", "", "x%cy%u", "$SYS"]
LEVELS = ["a", "b", "cmd", "dev-1", "dev-a", "xay", "", "$SYS", "xdev-1ydev-1", "$a", "\u00e9"]


def list_file(kind):
    entries = ENTRIES.get(kind, NAMES)
    return "@" + proc.write("list-%d.txt" % rng.getrandbits(40), "".join(rng.sample(entries, rng.randint(0, 3))))


def criteria():
    kinds = rng.sample(sorted(VALUES), rng.choice([1, 1, 2, 3]))
    values = [list_file(k) if rng.random() < 0.25 else rng.choice(VALUES[k]) for k in kinds]
    return " ".join('%s "%s"' % (k, v.replace("\\", "\\\\")) for k, v in zip(kinds, values))


def joined(levels, most):
    return "/".join(rng.choice(levels) for _ in range(rng.randint(1, most)))


def rule_filter():
    text = joined(RULE_LEVELS, 4)
    while text.count("%u") + text.count("%c") > 4:  # more are no rule
        text = joined(RULE_LEVELS, 4)
    return (text + "/#" if rng.random() < 0.4 else text) or "a"


def some_filter():
    text = joined(LEVELS + ["+"] * 3, 4)
    text = (text + "/#" if rng.random() < 0.3 else text) or "#"
    return "$share/g/" + text if rng.random() < 0.2 else text


def rules():
    either = ["allow", "deny"]
    out = []
    if rng.random() < 0.7:
        out += ["%s connect %s" % (rng.choice(either), criteria()) for _ in range(rng.randint(0, 4))]
        out.append(rng.choice(["allow", "allow", "deny"]) + " connect")
    for verb in ("publish", "subscribe"):
        if rng.random() < 0.85:
            out += ['%s %s "%s"' % (rng.choice(either), verb, rule_filter()) for _ in range(rng.randint(0, 5))]
            out.append("%s %s" % (rng.choice(either), verb))
    return out


def explained(front, client_id, user, address, topics, filters):
    words = ["--json", "explain", "--client-id", client_id, "--address", address]
    words += [] if user is None else ["--user", user]
    for t in topics:
        words += ["--topic", t]
    for f in filters:
        words += ["--subscribe", f]
    verdicts = json.loads(front.ctl(*words)[1])["verdicts"]
    first = {}
    for v in verdicts[1:]:  # a topic may be in twice
        first.setdefault((v["what"], v["topic"]), v)
    return verdicts[0], first


def met(c, connect, said, topics, filters, fields):
    """What the daemon does otherwise than was said, as text."""
    bad = []
    try:
        answer = c.login(**fields)
    except ConnectionError:
        answer = None
    accepted = answer is not None and answer.code == 0
    if accepted != connect["allow"]:
        return ["CONNECT %r: %r, said %r" % (fields, answer, connect)]
    if not accepted:
        return []
    for t in topics:
        code = c.publish(t, b"x", 1).code
        if c.version == 5 and (code < 0x80) != said["publish", t]["allow"]:
            bad.append("PUBLISH %s: 0x%02x, said %r" % (t, code, said["publish", t]))
    c.send(raw.subscribe(5, [(f, 1) for f in filters], c.version))
    for f, code in zip(filters, c.expect(raw.SUBACK).codes):
        if (code < 0x80) != said["subscribe", f]["allow"]:
            bad.append("SUBSCRIBE %s: 0x%02x, said %r" % (f, code, said["subscribe", f]))
    return bad


def rule_named(front, mark, said):
    """The rule of each denial in the log is the one that was said."""
    bad = []
    for line in front.lines[mark:]:
        f = proxy.fields(line)
        v = said.get((f.get("what"), f.get("topic") or f.get("filter"))) if f.get("event") == "denied" else None
        if v and (v["allow"] or f.get("rule") != "%s:%d" % (v["file"], v["line"])):
            bad.append("%r, said %r" % (f, v))
    return bad


def agree():
    """The daemon and explain agree on CONNECT, PUBLISH and SUBSCRIBE, and on the rule"""
    stub, front, compared = StubBroker(), None, 0
    for turn in range(ROUNDS):
        made = rules()
        text = "filter f {\n%s\n}\n" % "\n".join("\t" + r for r in made) + proxy.listener(extra="\tfilter f\n") + \
            proxy.broker(stub.port)
        if front is None:
            front = proxy.Proxy(text, name="explained").start()
        else:
            front.configure(text)
            if front.reload()[0] != 0:
                raise RuntimeError("no configuration: " + text)
        bad = []
        for version in (4, 5, 4, 5):
            topics, filters = [joined(LEVELS, 4) or "a" for _ in range(5)], [some_filter() for _ in range(5)]
            client_id, user, address = rng.choice(CLIENT_IDS), rng.choice(USERS), rng.choice(ADDRESSES)
            connect, said = explained(front, client_id, user, address, topics, filters)
            mark = len(front.lines)
            fields = {"client_id": client_id, **({} if user is None else {"user": user, "password": "x"})}
            with raw.Client(front.port, version, source=address) as c:
                bad += met(c, connect, said, topics, filters, fields)
            bad += rule_named(front, mark, said)
            compared += 1 + (connect["allow"] and len(topics) + len(filters))
        tap.ok(not bad, "ruleset %d of seed %d" % (turn, SEED), "\n".join(bad + made))
    tap.note("%d verdicts compared" % compared)
    tap.eq(front.stop(), 0, "status 0")


tap.run([agree])
