# SPDX-License-Identifier: ISC
"""Rules on topics before a real broker: what they deny never gets there, whoever sends it, and never comes back, whoever
subscribed; a reload reaches who is connected; and a list that cannot be read lets nobody do anything that it kept from him.
STAY says how many connections stay while a list of a million entries is loaded anew."""
import os
import time

from lib import clients, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")

STAY = tap.rounds("STAY", 5000)
RULES = """filter plant {
	deny publish cmd/#
	allow publish telemetry/%u/#
	allow publish shared/#
	deny publish
	deny subscribe cmd/secret/#
	allow subscribe cmd/%u/#
	allow subscribe telemetry/#
	deny subscribe
}
"""
LINE = {name: 1 + RULES.split("\n").index("\t" + name) for name in
        ("deny publish cmd/#", "deny publish", "deny subscribe cmd/secret/#", "deny subscribe")}
broker = Mosquitto(extra="retain_available true")


def made(rules=RULES, name=None, extra=""):
    return proxy.Proxy(rules + proxy.listener(extra="\tfilter plant\n" + extra) + proxy.broker(broker.port), name=name).start()


front = made(name="front")


def before(front, text):
    """How many lines stand in its file before this text"""
    with open(front.conf, encoding="utf-8") as f:
        return f.read().split(text)[0].count("\n")


def rule(front, name):
    return "%s:%d" % (front.conf, before(front, RULES) + LINE[name])


def counted(front, name):
    """How often a rule denied something"""
    verb = name.split()
    return int(front.status().get("filter.plant.%s.%s.%s" % (verb[1], verb[0], rule(front, name)), 0))


def denied_code(version):
    return 0x87 if version == 5 else 0


def sentinel(s, p, topic="telemetry/ann/end"):
    """What comes to `s` until a message that is allowed: whatever was denied would be before it."""
    got = []
    p.publish(topic, b"end", 1, mid=999)
    while not got or got[-1] != (topic, b"end"):
        m = s.message()
        got.append((m.topic.decode() if isinstance(m.topic, bytes) else m.topic, m.payload))
    return got[:-1]


def publish():
    """A denied PUBLISH of each QoS is answered, and never at the broker"""
    for version in (3, 4, 5):
        with raw.Client(broker.port, 4) as s, raw.Client(front.port, version) as p:
            s.login("watcher")
            s.subscribe("#", 2)
            p.login("p", user="ann", password="x")
            p.publish("cmd/ann", b"no", 0)
            p.publish("cmd", b"no", 0, retain=True)
            tap.eq(p.publish("telemetry/bob", b"no", 1).code, denied_code(version), "level %d, QoS 1" % version)
            p.send(raw.publish("other", b"no", 2, mid=7, version=version))
            tap.eq(p.expect(raw.PUBREC).code, denied_code(version), "QoS 2")
            if version != 5:
                p.send(raw.ack(raw.PUBREL, 7))
                tap.eq(p.expect(raw.PUBCOMP).mid, 7, "its handshake is completed")
            p.send(raw.publish("telemetry/ann/x", b"yes", 2, mid=7, version=version))
            p.expect(raw.PUBREC)
            p.send(raw.ack(raw.PUBREL, 7))
            tap.eq(p.expect(raw.PUBCOMP).code, 0, "the id is free again")
            tap.eq(sentinel(s, p), [("telemetry/ann/x", b"yes")], "level %d: only what is allowed arrives" % version)
    f = front.wait_event("denied", topic="cmd/ann")
    tap.eq((f["what"], f["user"], f["rule"]), ("publish", "ann", rule(front, "deny publish cmd/#")), "the log names the rule")


def tools():
    """mosquitto_pub and _sub meet the same"""
    file = proc.write("payload", "x")
    with raw.Client(broker.port, 4) as s:
        s.login("watcher")
        s.subscribe("#", 2)
        for version in clients.MOSQUITTO_VERSION:
            for qos in (0, 1, 2):
                status, err = clients.publish(front.port, version, "cmd/x", file, qos, user="ann", password="x")
                tap.ok(status == 0 or version == "5.0", "%s, QoS %d: mosquitto_pub is answered" % (version, qos), err)
        with raw.Client(front.port, 4) as p:
            p.login("p", user="ann", password="x")
            tap.eq(sentinel(s, p), [], "nothing arrived")


def will():
    """A denied Will refuses the CONNECT; an allowed one is published"""
    for version in (3, 4, 5):
        with raw.Client(front.port, version) as c:
            p = c.login("w", user="ann", password="x", will=("cmd/gone", b"no", 1, False))
            tap.eq(p.code, 0x87 if version == 5 else 5, "level %d" % version)
            tap.eq(c.end(), [], "then the end")
        with raw.Client(front.port, version) as s, raw.Client(front.port, version) as c:
            s.login("watcher", user="bob", password="x")
            s.subscribe("telemetry/#", 1)
            c.login("w", user="ann", password="x", will=("telemetry/ann/gone", b"bye", 1, False))
            c.reset()
            tap.eq(s.message().payload, b"bye", "level %d: an allowed Will comes" % version)
    f = front.wait_verdict("will_refused")
    tap.eq(f["rule"], rule(front, "deny publish cmd/#"), "the log names the rule")


def subscribe():
    """Denied filters are answered at their places"""
    filters = [("#", 2), ("telemetry/+", 1), ("cmd/#", 0), ("cmd/ann/#", 2), ("+/secret/x", 0)]
    bad = {3: None, 4: 0x80, 5: 0x87}
    for version in (3, 4, 5):
        with raw.Client(front.port, version) as c:
            c.login("s", user="ann", password="x")
            c.send(raw.subscribe(5, filters, version))
            p = c.expect(raw.SUBACK)
            wanted = [q if version == 3 or i in (1, 3) else bad[version] for i, (_, q) in enumerate(filters)]
            tap.eq((p.mid, list(p.codes)), (5, wanted), "level %d" % version)
            c.send(raw.subscribe(6, [("#", 1)], version))
            tap.eq(list(c.expect(raw.SUBACK).codes), [1 if version == 3 else bad[version]], "all denied: the proxy's answer")
            if version == 5:
                c.send(raw.subscribe(7, [("$share/g/cmd/secret/x", 1), ("$share/g/telemetry/#", 1)], 5))
                tap.eq(list(c.expect(raw.SUBACK).codes), [0x87, 1], "$share is judged by what it shares")
            with raw.Client(broker.port, 4) as p:
                p.login("p")
                for topic in ("cmd/x", "cmd/secret/x", "other"):
                    p.publish(topic, b"no", 2)
                p.publish("cmd/ann/x", b"yes", 1)
                tap.eq(c.message().payload, b"yes", "level %d: only what is allowed comes" % version)
                c.ping()
    with raw.Client(front.port, 5) as c:
        c.login("many", user="ann", password="x")
        names = ["deny subscribe cmd/secret/#", "deny subscribe"]
        was = [counted(front, name) for name in names]
        c.subscribe("cmd/secret/x", 1)
        c.send(raw.subscribe(9, [("cmd/secret/%d" % i, 1) for i in range(30)] + [("other/%d" % i, 1) for i in range(5)] +
                             [("cmd/secret/y", 1)] * 5, 5))
        c.expect(raw.SUBACK)
        tap.eq([counted(front, name) - n for name, n in zip(names, was)], [36, 5], "each denied filter counts for its rule")
    f = front.wait_event("denied", what="subscribe", filter="#")
    tap.eq(f["rule"], rule(front, "deny subscribe cmd/secret/#"), "the rule that overlaps is named")


def inherited():
    """A session that has what it may not have gets nothing of it, and its window stays open"""
    for version, qos in ((4, 1), (4, 2), (5, 1), (5, 2)):
        props = [(17, 300)] if version == 5 else None
        fields = dict(clean=False, user="ann", password="x", **({"props": props} if props else {}))
        name = "inherited-%d-%d" % (version, qos)
        with raw.Client(broker.port, version) as c:  # not through the proxy
            c.login(name, **fields)
            c.subscribe("cmd/#", qos)
        with raw.Client(broker.port, 4) as p:
            p.login("p")
            for i in range(60):  # three times mosquitto's window
                p.publish("cmd/secret/x", b"no", qos)
            p.publish("cmd/ann/x", b"yes", qos)
        with raw.Client(front.port, version) as c:
            tap.eq(c.login(name, **fields).session, 1, "%s: resumed" % name)
            tap.eq(c.message().payload, b"yes", "%s: what is denied is not delivered" % name)
            if qos == 2:
                c.send(raw.ack(raw.PUBCOMP, c.expect(raw.PUBREL).mid))
            c.ping()
        with raw.Client(broker.port, version) as c:
            c.login(name, **dict(fields, clean=True))
    f = front.wait_event("denied", what="delivery", topic="cmd/secret/x")
    tap.eq(f["rule"], rule(front, "deny subscribe cmd/secret/#"), "the log names the rule")


LISTED = """filter plant {
	deny connect user @%s
	allow connect
	deny publish %s
	allow publish
}
"""


def revoked():
    """A reload reaches who is connected: a user is cut, a topic is closed"""
    file = proc.write("revoked.txt", "")
    mine = made(LISTED % (file, "never"), name="revoked")
    sessions = []
    for version in (3, 4, 5):
        c = raw.Client(mine.port, version)
        c.login("r%d" % version, user="eve%d" % version, password="x", will=("wills/%d" % version, b"cut", 1, False))
        sessions.append(c)
    stays = raw.Client(mine.port, 5)
    stays.login("stays", user="ann", password="x")
    with raw.Client(broker.port, 4) as s:
        s.login("watcher")
        s.subscribe("wills/#", 1)
        proc.write("revoked.txt", "# who left\neve3\neve4\neve5\n")
        mine.configure(LISTED % (file, "closed/#") + proxy.listener(extra="\tfilter plant\n") + proxy.broker(broker.port))
        code, out, err = mine.reload()
        tap.ok(code == 0, "reloaded", out + err)
        for c in sessions:
            last = c.end()
            tap.eq([(p.kind, p.code) for p in last], [(raw.DISCONNECT, 0x87)] if c.version == 5 else [],
                   "level %d: cut" % c.version)
        tap.eq(sorted(s.message().payload for _ in sessions), [b"cut"] * 3, "their Wills are published")
    deny = "%s:%d" % (mine.conf, before(mine, "filter plant {") + 2)
    for c in sessions:
        tap.eq(mine.wait_event("closed", client_id="r%d" % c.version)["rule"], deny, "the log names the rule")
    tap.eq(mine.status().get("filter.plant.connect.deny." + deny), "3", "which is counted")
    tap.eq(stays.publish("closed/x", b"no", 1).code, 0x87, "who stays has the new rules on topics")
    with raw.Client(mine.port, 4) as c:
        tap.eq(c.login("again", user="eve4", password="x").code, 5, "and nobody of them comes back")
    stays.close()
    mine.stop()


def revoked_at_the_door():
    """A reload refuses a login that waits for the broker"""
    file = proc.write("door.txt", "")
    stub = StubBroker(answer=lambda c, p: b"")
    mine = proxy.Proxy(LISTED % (file, "never") + proxy.listener(extra="\tfilter plant\n") + proxy.broker(stub.port), name="door").start()
    sessions = []
    for version in (3, 4, 5):
        c = raw.Client(mine.port, version)
        c.send(raw.connect(version, "d%d" % version, user="eve", password="x"))
        sessions.append(c)
        stub.wait_connection(len(sessions))
    proc.write("door.txt", "eve\n")
    tap.eq(mine.reload()[0], 0, "reloaded")
    for c in sessions:
        tap.eq([(p.kind, p.code) for p in c.end()], [(raw.CONNACK, 0x87 if c.version == 5 else 5)], "level %d: told" % c.version)
        f = mine.wait_verdict("filtered", client_id="d%d" % c.version)
        tap.eq(f["rule"], "%s:%d" % (mine.conf, before(mine, "filter plant {") + 2), "the log names the rule")
    tap.eq(mine.stop(), 0, "status 0")


def closed_at_once(c):
    """Where nobody can be allowed, the address alone decides, and nothing is read."""
    try:
        return c.end() == []
    except ConnectionError:
        return True


def lists():
    """A list that is empty matches nothing; one that cannot be read is refused; neither allows anything"""
    file = proc.write("list.txt", "")
    text = "filter plant {\n\tallow connect user @%s\n\tdeny connect\n}\n" % file
    folder = proc.path("a" * 200)
    os.mkdir(folder)
    with open(folder + "/far.conf", "w", encoding="ascii") as f:
        f.write(text)
    far = made("include %s/far.conf\n" % folder, name="far")
    with raw.Client(far.port, 4) as c:
        tap.ok(closed_at_once(c), "from a file far away")
    tap.ok(far.wait_verdict("filtered")["rule"].endswith("aaa/far.conf:3"), "of its long path the end is told")
    far.stop()
    mine = made(text, name="lists")
    with raw.Client(mine.port, 4) as c:
        tap.ok(closed_at_once(c), "empty: nobody is allowed")
    proc.write("list.txt", "ann\n")
    tap.eq(mine.reload()[0], 0, "a list with a name")
    with raw.Client(mine.port, 4) as stays:
        tap.eq(stays.login("stays", user="ann", password="x").code, 0, "who is on it comes in")
        for name, spoil in (("missing", lambda: os.unlink(file)), ("a folder", lambda: os.mkdir(file))):
            spoil()
            code, out, err = mine.reload()
            tap.ok(code != 0 and file in out + err, "%s: refused, and named" % name, out + err)
        os.rmdir(file)
        # what a reload finds while the list is being written: a line that is cut off is no valid entry
        addresses = proc.write("addresses.txt", "127.0.0.0/8\n")
        good = "filter plant {\n\tallow connect address @%s\n\tdeny connect\n}\n" % addresses
        proc.write("list.txt", "ann\n")
        mine.configure(good + proxy.listener(extra="\tfilter plant\n") + proxy.broker(broker.port))
        tap.eq(mine.reload()[0], 0, "a list of addresses")
        proc.write("addresses.txt", "10.0.0.0/8\n127.0.0.0/")
        code, out, err = mine.reload()
        tap.ok(code != 0 and "%s:2" % addresses in out + err, "half written: refused with its line", out + err)
        with raw.Client(mine.port, 4) as c:
            tap.eq(c.login("c", user="bob", password="x").code, 0, "the old list is whole in force")
        # ... and so is one that is, where the last line had its end before: it may be a part of another
        proc.write("addresses.txt", "127.0.0.0/8\n10.0.0.1")
        code, out, err = mine.reload()
        tap.ok(code != 0 and addresses in out + err and "half written" in out + err, "the last line has no end: refused", out + err)
        for content in ("127.0.0.0/8", "127.0.0.0/8\n10.0.0.0/8"):
            bare = proc.write("bare.txt", content)
            mine.configure(good.replace(addresses, bare) + proxy.listener(extra="\tfilter plant\n") + proxy.broker(broker.port))
            tap.eq(mine.reload()[0], 0, "%r: as a list that never ended in a line end" % content)
        with raw.Client(mine.port, 4) as c:
            tap.eq(c.login("c", user="bob", password="x").code, 0, "and is in force")
        for kind in ("client-id", "user"):
            names = proc.write("names-%s.txt" % kind, "bad-1\nbad-*\nworse\n")
            mine.configure(good.replace("filter plant {", "filter plant {\n\tdeny connect %s @%s" % (kind, names)) +
                           proxy.listener(extra="\tfilter plant\n") + proxy.broker(broker.port))
            proc.write("addresses.txt", "127.0.0.0/8\n")
            tap.eq(mine.reload()[0], 0, "a list of names, by " + kind)
            for part, want in (("other\nbad-\\", "%s:2" % names), ("other\nwor", "half written")):
                proc.write("names-%s.txt" % kind, part)
                code, out, err = mine.reload()
                tap.ok(code != 0 and names in out + err and want in out + err, "%s, %r: refused" % (kind, part), out + err)
            for name, want in (("bad-1", 5), ("bad-x", 5), ("worse", 5), ("other", 0), ("ann", 0)):
                with raw.Client(mine.port, 4) as c:
                    who = {"client_id": "c", "user": "u", kind.replace("-", "_"): name}
                    tap.eq(c.login(password="x", **who).code, want, "%s %s: as in the old list" % (kind, name))
        stays.ping()
    tap.eq(mine.stop(), 0, "status 0")
    code, err = proxy.config_error(text + proxy.listener(extra="\tfilter plant\n").replace(file, file + ".none"))
    for name in ("missing", "folder"):
        path = proc.path("no-list-" + name)
        if name == "folder":
            os.mkdir(path)
        code, err = proxy.config_error(text.replace(file, path) + proxy.listener(extra="\tfilter plant\n") +
                                       proxy.broker(broker.port))
        tap.ok(code == 78 and path in err, "%s at start: 78, and named" % name, err)


def tried():
    """On trial nothing is denied, and all of it is told"""
    mine = made(RULES.replace("filter plant {", "filter plant {\n\tdeny connect user mallory\n\tallow connect\n\tdry-run on"),
                name="tried")
    with raw.Client(broker.port, 4) as s, raw.Client(mine.port, 5) as c:
        s.login("watcher")
        s.subscribe("cmd/#", 1)
        tap.eq(c.login("m", user="mallory", password="x", will=("cmd/gone", b"x", 0, False)).code, 0, "let in")
        tap.eq(c.publish("cmd/x", b"through", 1).code, 0, "published")
        tap.eq(s.message().payload, b"through", "and delivered")
        tap.eq(list(c.subscribe("#", 1).codes), [1], "subscribed")
    for what in ("connect", "publish", "subscribe"):
        f = mine.wait_event("would_deny", what=what)
        tap.ok(f["rule"].startswith(mine.conf + ":"), "%s: told with its rule" % what)
    tap.ok(int(mine.status()["would-deny"]) >= 3, "and counted")
    tap.eq(mine.status()["messages-denied"], "0", "nothing was denied")
    mine.stop()
    # one message, three things to tell
    mine = made("filter plant {\n\tdeny publish\n\tlimit publish 1 per 1h per client\n\tdry-run on\n}\n" + proxy.key("one")[0] +
                proxy.decrypt("t", "one"), name="tried-much")
    with raw.Client(mine.port, 5) as c:
        c.login("m")
        c.send(b"".join(raw.publish("t", b"plaintext", version=5) for _ in range(31)))
        c.ping()
        c.ping()
    deny = "filter.plant.publish.deny.%s:%d" % (mine.conf, before(mine, "filter plant {") + 2)
    status = mine.status()
    failed = sum(int(v) for k, v in status.items() if k.startswith("payloads-failed."))
    tap.eq((status[deny], failed, status["would-deny"]), ("31", 31, "61"), "all are counted")
    mine.stop()


def silent():
    """refuse silent, on-deny disconnect"""
    mine = made("filter plant {\n\tdeny connect user mallory\n\tallow connect\n\tdeny publish cmd/#\n\tallow publish\n"
                "\trefuse silent\n\ton-deny disconnect\n}\n", name="silent")
    for version in (3, 4, 5):
        with raw.Client(mine.port, version) as c:
            tap.eq(c.login("m", user="mallory", password="x"), None, "level %d: no word" % version)
        with raw.Client(mine.port, version) as c:
            c.login("c", user="ann", password="x")
            c.send(raw.publish("cmd/x", b"no", 1, mid=3, version=version))
            tap.eq([(p.kind, p.code) for p in c.end()], [(raw.DISCONNECT, 0x87)] if version == 5 else [],
                   "level %d: a denied message ends it" % version)
    mine.stop()


def stay():
    """Connections stay while a list of a million entries is loaded"""
    file = proc.write("million.txt", "".join("device-%07d\n" % i for i in range(1000000)))
    text = "filter plant {\n\tdeny connect client-id @%s\n\tallow connect\n}\n" % file
    mine = made(text, name="million", extra="\tmax-connections %d\n\tmax-pending %d\n\tmax-pending-per-address %d\n" % (
        STAY + 10, STAY, STAY))
    sessions, port = [], mine.port
    for i in range(STAY):
        c = raw.Client(port, 4, source="127.0.1.%d" % (1 + i % 200))
        c.send(raw.connect(4, "stays-%d" % i))
        sessions.append(c)
    tap.ok(all(c.expect(raw.CONNACK).code == 0 for c in sessions), "%d are let in" % STAY)
    with open(file, "a", encoding="ascii") as f:
        f.write("stays-7\n")
    began = time.monotonic()
    code, out, err = mine.reload()
    tap.note("reloaded in %.1f s" % (time.monotonic() - began))
    tap.ok(code == 0, "reloaded", out + err)
    tap.eq(sessions[7].end(), [], "who is on the list now is cut")
    for c in sessions:
        if c is not sessions[7]:
            c.send(raw.pingreq())
    alive = sum(c.receive().kind == raw.PINGRESP for c in sessions if c is not sessions[7])
    tap.eq(alive, STAY - 1, "all the others stay")
    with raw.Client(port, 4) as c:
        tap.eq(c.login("device-0999999").code, 5, "the list holds")
    for c in sessions:
        c.close()
    tap.eq(mine.stop(), 0, "status 0")


def memory():
    """Big lists that are read again and again take no more than the old and the new ones"""
    ids = proc.write("ids.txt", "".join("device-%07d\n" % i for i in range(1000000)))
    addresses = proc.write("addresses.txt", "".join("10.%d.%d.%d\n" % (i >> 16, i >> 8 & 255, i & 255) for i in range(1000000)))
    mine = made("filter plant {\n\tdeny connect client-id @%s\n\tdeny connect address @%s\n\tallow connect\n}\n" % (ids, addresses),
                name="memory")
    for _ in range(6):
        tap.eq(mine.reload()[0], 0, "reloaded")
    peak = proc.status(mine.pid, "VmHWM")
    tap.note("%d KiB" % peak)
    if not proxy.sanitized():
        tap.within(peak, 0, 100 << 10, "at most 100 MB")
    tap.eq(mine.stop(), 0, "status 0")


tap.run([publish, tools, will, subscribe, inherited, revoked, revoked_at_the_door, lists, tried, silent, stay, memory])
