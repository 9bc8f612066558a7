# SPDX-License-Identifier: ISC
"""From start to stop: brokers that come and go, clients that vanish, packets in pieces, reloads good and bad, orders from
the control socket, the end; and nothing secret in any place that others can look at."""
import base64
import os
import re
import signal
import socket
import threading
import time

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")
VERSIONS = (3, 4, 5)


def broker_down():
    """A broker that is away costs nobody a code"""
    broker = Mosquitto({"alice": "s3cret"})
    front = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(broker.port) + proxy.otp_block()).start()
    for version, code in ((4, 3), (5, 0x88)):
        if version == 4:
            user = front.add_user("alice")
        one = user.code()
        tap.eq(broker.stop(), 0, "the broker stops")
        with raw.Client(front.port, version) as c:
            began = time.monotonic()
            p = c.login("a", user="alice", password="s3cret" + one)
            tap.eq(p and p.code, code, "level %d: refused while the broker is away" % version)
            tap.within(time.monotonic() - began, 0.95, 20, "1 s after CONNECT")
            tap.eq(c.end(), [], "then the end")
        broker.start()
        with raw.Client(front.port, version) as c:
            tap.eq(c.login("a", user="alice", password="s3cret" + one).code, 0, "the same code works when it is back")
        with raw.Client(front.port, version) as c:
            tap.eq(c.login("a", user="alice", password="s3cret" + one).code, 4 if version == 4 else 0x86, "once")
        with raw.Client(front.port, version) as c:
            two = user.code()
            began = time.monotonic()
            p = c.login("a", user="alice", password="wrong" + two)
            tap.eq(p.code, 4 if version == 4 else 0x86, "level %d: the broker refuses the static part: like a wrong code" % version)
            tap.within(time.monotonic() - began, 0.95, 20, "1 s after CONNECT")
        with raw.Client(front.port, version, source="127.0.3.%d" % version) as c:
            tap.ok(c.login("a", user="alice", password="s3cret" + two).code != 0, "and that code is used up")
    tap.ok(front.verdicts("broker_unreachable") and front.verdicts("broker_refused"), "both have their verdict in the log")
    tap.eq(front.stop(), 0, "status 0")


def several_brokers():
    """The second address is tried when the first is down"""
    dead = Mosquitto()
    alive = Mosquitto()
    dead.stop()
    front = proxy.Proxy(proxy.listener() + "broker main {\n\taddress 127.0.0.1:%d\n\taddress 127.0.0.1:%d\n}\n" % (
        dead.port, alive.port)).start()
    for i in range(3):
        with raw.Client(front.port) as c:
            tap.eq(c.login("c%d" % i).code, 0, "client %d gets in" % i)
            c.ping()
    tap.eq(front.stop(), 0, "status 0")


class FullBroker:
    """A broker whose queue of connections is full: the kernel answers nobody more until it takes those."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while not proc.connecting(self.port):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(s)
        self.fillers.pop().close()  # the one that waits would be let in as well
        proc.until(lambda: not proc.connecting(self.port))

    def take(self, patience=20):
        """Empties the queue, and gives the first connection that says something, with what it said."""
        for s in self.fillers:
            s.close()
        self.listener.settimeout(patience)
        while True:
            s = self.listener.accept()[0]
            s.settimeout(patience)
            said = s.recv(4096)
            if said:
                return s, said
            s.close()


def patient_broker():
    """A connect that takes its time is waited for, and where there is another address not all the time"""
    slow = FullBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(slow.port, extra="\tconnect-timeout 30s")).start()
    with raw.Client(front.port, patience=30) as c:
        c.send(raw.connect(4, "late"))
        proc.until(lambda: proc.connecting(slow.port), 10, "the proxy's connect")
        tap.ok(c.quiet(), "the client waits while the broker does not answer")
        leg, said = slow.take()
        tap.eq(said, raw.connect(4, "late"), "when it does, CONNECT goes up")
        leg.sendall(raw.connack(4))
        tap.eq(c.receive().code, 0, "and the client is in")
    leg.close()
    tap.eq(front.stop(), 0, "status 0")
    slow, other = FullBroker(), StubBroker()
    front = proxy.Proxy(proxy.listener() + "broker main {\n\taddress 127.0.0.1:%d\n\taddress 127.0.0.1:%d\n"
                        "\tconnect-timeout 2s\n}\n" % (slow.port, other.port)).start()
    with raw.Client(front.port, patience=30) as c:
        tap.eq(c.login("next").code, 0, "the next address gets the client")
    tap.eq(front.wait_event("dial")["why"], "no answer in time, the next address is tried", "the log tells why")
    tap.eq(front.stop(), 0, "status 0")


def killed_broker():
    """When the broker dies its clients see the close"""
    broker = Mosquitto()
    front = proxy.Proxy(proxy.listener() + proxy.broker(broker.port)).start()
    clients = [raw.Client(front.port, v) for v in VERSIONS]
    for v, c in zip(VERSIONS, clients):
        c.login("c%d" % v)
        c.ping()
    broker.stop(signal.SIGKILL)
    for v, c in zip(VERSIONS, clients):
        tap.eq(c.end(), [], "level %d: nothing is made up, then the end" % v)
    broker.start()
    with raw.Client(front.port) as c:
        tap.eq(c.login("back").code, 0, "when it is back, clients get in")
    broker.stop()
    tap.eq(front.stop(), 0, "status 0")
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    for reset in (False, True):
        with raw.Client(front.port, 5) as c:
            c.login("last words %d" % reset)
            leg = stub.find("last words %d" % reset)[0]
            stub.send(leg, raw.publish("t", b"last", version=5) + raw.disconnect(5, 0x8B))
            if reset:
                c.expect(raw.PUBLISH)
                c.expect(raw.DISCONNECT)
            stub.hang_up(leg, reset)
            if not reset:
                tap.eq([p.kind for p in c.end()], [raw.PUBLISH, raw.DISCONNECT], "the broker's last bytes arrive before the close")
            else:
                tap.eq(c.end(), [], "a reset of the broker ends the client")
    tap.eq(front.stop(), 0, "status 0")


def wills():
    """A client that vanishes makes the broker publish its Will, one that says DISCONNECT does not"""
    broker = Mosquitto()
    front = proxy.Proxy(proxy.listener() + proxy.broker(broker.port)).start()
    watcher = raw.Client(broker.port)
    watcher.login("watcher")
    watcher.subscribe("will/#", 1)
    for version in VERSIONS:
        for ending in ("reset", "close", "half frame", "malformed", "DISCONNECT"):
            c = raw.Client(front.port, version)
            topic = "will/%d/%s" % (version, ending)
            c.login("dying", will=(topic, b"gone", 1, False))
            c.ping()
            if ending == "reset":
                c.reset()
            elif ending == "close":
                c.close()
            elif ending == "half frame":
                c.send(raw.publish("t", bytes(1000))[:500])
                c.close()
            elif ending == "malformed":
                c.send(b"\0\0")
                answers = c.end()
                if version == 5:
                    tap.ok([p.kind for p in answers] == [raw.DISCONNECT] and answers[0].code in (0x81, 0x82),
                           "5.0: a malformed packet is answered by DISCONNECT", repr(answers))
                else:
                    tap.eq(answers, [], "level %d: a malformed packet ends the session" % version)
            else:
                c.send(raw.disconnect(version))
                c.end()
            if ending == "DISCONNECT":
                with raw.Client(front.port) as p:
                    p.login("marker")
                    p.publish("will/marker", b"", 1)
                tap.eq(watcher.message().topic, b"will/marker", "level %d: DISCONNECT, no Will" % version)
            else:
                m = watcher.message()
                tap.eq((m.topic, m.payload), (topic.encode(), b"gone"), "level %d, %s: the Will" % (version, ending))
    watcher.close()
    tap.eq(front.stop(), 0, "status 0")


def session_bytes(version, ident, topic):
    """A session as one string, and how many packets answer it."""
    props = [(17, 0)] if version == 5 else None
    return [raw.connect(version, ident, props=props, will=("w", b"will", 0, False)),
            raw.subscribe(1, [(topic, 0), ("other/+/x", 0)], version), raw.publish(topic, b"zero", version=version),
            raw.publish(topic, b"one", 1, mid=2, version=version), raw.publish(topic, b"two" * 60, 2, mid=3, version=version),
            raw.ack(raw.PUBREL, 3), raw.pingreq()]


ANSWERS = 9


def pieces():
    """A session in pieces, at every byte, and in one segment"""
    broker = Mosquitto()
    key_text, key = proxy.key("site")
    front = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + key_text + proxy.encrypt("enc/#", "site")).start()

    def answers(port, version, parts, ordered=False):
        with raw.Client(port, version) as c:
            for i, part in enumerate(parts):
                c.send(part)
                if i < len(parts) - 1 and len(parts) < 10:
                    # the next part only when this one was read: they must not come together
                    proc.until(lambda: proc.unread(port, c.port) in (0, None), 5, "the proxy to read")
            return sorted((p.kind, p.raw) for p in (c.receive() for _ in range(ANSWERS)))

    for version in VERSIONS:
        for topic in ("plain/x", "enc/x"):
            name = "level %d, %s" % (version, topic)
            whole = b"".join(session_bytes(version, "reference", topic))
            wanted = answers(broker.port, version, [whole])
            tap.eq(answers(front.port, version, [whole]), wanted, name + ": in one segment, as without a proxy")
            bad = []
            step = 1 if tap.rounds("SPLITS", 0) or version != 3 else 3
            for at in range(1, len(whole), step):
                try:
                    if answers(front.port, version, [whole[:at], whole[at:]]) != wanted:
                        bad.append("%d: other answers" % at)
                except Exception as e:
                    bad.append("%d: %r" % (at, e))
                    if len(bad) > 3:
                        break
            tap.ok(not bad, name + ": cut in two at each of %d bytes" % (len(whole) - 1), "\n".join(bad[:5]))
            tap.eq(answers(front.port, version, [whole[i:i + 1] for i in range(len(whole))]), wanted,
                   name + ": byte by byte")
        # all there is, DISCONNECT included, before the first answer
        with raw.Client(broker.port, version) as watcher:
            watcher.login("watcher")
            watcher.subscribe("one/segment", 2)
            with raw.Client(front.port, version) as c:
                c.send(raw.connect(version, "segment") + raw.subscribe(1, [("one/segment", 1)], version) +
                       raw.publish("one/segment", b"x", 1, mid=7, version=version) + raw.disconnect(version))
                kinds = [p.kind for p in c.end()]
                tap.ok(kinds[:2] == [raw.CONNACK, raw.SUBACK], "level %d: CONNECT to DISCONNECT in one segment" % version,
                       repr(kinds))
            tap.eq(watcher.message().payload, b"x", "level %d: and its message was published" % version)
    # a client that shuts its sending side down still gets its answers
    with raw.Client(front.port) as c:
        c.send(raw.connect(4, "half") + raw.subscribe(1, [("half", 0)]) + raw.publish("half", b"closed") + raw.pingreq())
        c.sock.shutdown(socket.SHUT_WR)
        kinds = [p.kind for p in c.end()]
        with raw.Client(broker.port) as d:
            d.send(raw.connect(4, "half2") + raw.subscribe(1, [("half", 0)]) + raw.publish("half", b"closed") + raw.pingreq())
            d.sock.shutdown(socket.SHUT_WR)
            tap.note("a half-closed client: %s through the proxy, %s without" % (kinds, [p.kind for p in d.end()]))
    tap.eq(front.stop(), 0, "status 0")


def early_data():
    """What follows CONNECT does not reach the broker before it said yes"""
    held = []

    def answer(c, p):
        if p.kind == raw.CONNECT:
            held.append(c)
            return b""
        return StubBroker.agree(c, p)
    stub = StubBroker(answer)
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    with raw.Client(front.port) as c:
        c.send(raw.connect(4, "early") + raw.subscribe(1, [("a", 0)]) + raw.publish("a", b"x") + raw.pingreq())
        stub.wait(lambda: held, 5, "CONNECT")
        tap.ok(c.quiet(0.2), "no answer before the broker's")
        tap.eq(stub.kinds(held[0]), ["CONNECT"], "only CONNECT came to the broker")
        stub.send(held[0], raw.connack(4))
        tap.eq([c.receive().kind for _ in range(3)], [raw.CONNACK, raw.SUBACK, raw.PINGRESP], "then all is answered")
        tap.eq(stub.kinds(held[0]), ["CONNECT", "SUBSCRIBE", "PUBLISH", "PINGREQ"], "in order")
    # the broker's refusals come as they are, without a one-time password
    for version, code in ((3, 5), (4, 2), (5, 0x97)):
        refusing = StubBroker(lambda c, p: raw.connack(version, code, props=[(31, "full")]))
        other = proxy.Proxy(proxy.listener() + proxy.broker(refusing.port)).start()
        with raw.Client(other.port, version) as c:
            p = c.login("refused")
            tap.eq(p.raw, raw.connack(version, code, props=[(31, "full")]),
                   "level %d: a refusal of the broker is passed on" % version)
        tap.eq(other.stop(), 0, "status 0")
    tap.eq(front.stop(), 0, "status 0")


def auth():
    """5.0 AUTH before CONNACK passes both ways"""
    def answer(c, p):
        if p.kind == raw.CONNECT:
            return raw.auth(0x18, [(21, "X-TEST"), (22, b"challenge")])
        if p.kind == raw.AUTH:
            return raw.connack(5, 0, props=[(21, "X-TEST"), (22, b"done")])
        return StubBroker.agree(c, p)
    stub = StubBroker(answer)
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    with raw.Client(front.port, 5) as c:
        c.send(raw.connect(5, "auth", props=[(21, "X-TEST"), (22, b"hello")]))
        p = c.expect(raw.AUTH)
        tap.eq((p.code, p.prop(22)), (0x18, b"challenge"), "the challenge comes")
        c.send(raw.auth(0x18, [(21, "X-TEST"), (22, b"response")]) + raw.pingreq())
        p = c.expect(raw.CONNACK)
        tap.eq((p.code, p.prop(22)), (0, b"done"), "the response is answered by CONNACK")
        c.expect(raw.PINGRESP)
        leg = stub.connections[0]
        tap.eq([raw.NAMES[p.kind] for p in leg.packets], ["CONNECT", "AUTH", "PINGREQ"], "the broker saw it all in order")
        tap.eq(leg.packets[1].prop(22), b"response", "the response as it was")
        c.send(raw.auth(0x19, [(21, "X-TEST")]))
        stub.wait(lambda: len(leg.packets) == 4, 5, "re-authentication")
    tap.eq(front.stop(), 0, "status 0")


def unchanged():
    """A CONNECT without a rule passes byte for byte, unknown user properties included"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    rows = [raw.connect(3, "three", user="u", password="p", will=("w", b"x", 1, True)),
            raw.connect(4, "four", clean=False, keep_alive=7, user="ü", password=b"\0\xff"),
            raw.connect(5, "five", user="u", props=[(17, 9), (33, 5), (38, ("k", "v")), (38, ("k", "v")), (23, 0)],
                        will=("w/x", b"\0" * 300, 2, True, [(24, 3), (1, 0), (38, ("a", ""))])),
            raw.connect(5, "six", password="no user"), raw.connect(3, "x" * 200)]
    for wire in rows:
        with raw.Client(front.port, wire[10] if wire[3] == 6 else wire[8]) as c:
            c.send(wire)
            p = c.receive()
            tap.eq(p and p.code, 0, "CONNECT %s… is accepted" % wire[:12].hex())
    tap.eq([bytes(c.received[:len(w)]) for c, w in zip(stub.connections, rows)], rows, "all as they were")
    tap.eq(front.stop(), 0, "status 0")


# ---- configuration

DOOR = """filter door {
	deny connect client-id bad-*
	deny connect client-id @%s
	allow connect address 127.0.0.0/8
	deny connect
}
"""


def reload():
    """A good configuration takes effect on new and live connections, a bad one leaves all as it was"""
    broker = Mosquitto()
    names = proc.write("names.list", "listed-*\n")
    key_text, key = proxy.key("first")
    door = DOOR % names

    def text(extra="", filters=door, keys=key_text + proxy.encrypt("enc/#", "first")):
        return proxy.listener(extra="\tfilter door\n" + extra) + proxy.broker(broker.port) + filters + keys
    front = proxy.Proxy(text()).start()
    live = {}
    for v in VERSIONS:
        live[v] = raw.Client(front.port, v)
        live[v].login("live-%d" % v)
        live[v].subscribe("live/%d" % v, 1)
    doomed = {v: raw.Client(front.port, v) for v in VERSIONS}
    for v, c in doomed.items():
        tap.eq(c.login("doomed-%d" % v).code, 0, "doomed-%d gets in" % v)

    def enters(ident):
        with raw.Client(front.port) as c:
            p = c.login(ident)
            return p is not None and p.code == 0

    def all_live(name):
        tap.ok(all(c.ping() for c in live.values()), name + ": live connections are untouched")

    tap.eq((enters("good"), enters("bad-1"), enters("listed-1")), (True, False, False), "the first configuration holds")
    # a list that grew, by SIGHUP
    proc.write("names.list", "# a remark\nlisted-*\n\nnewly-listed\n")
    tap.ok(enters("newly-listed"), "a list is not read before the order comes")
    front.child.send_signal(signal.SIGHUP)
    tap.ok(proc.holds(lambda: not enters("newly-listed"), 5), "SIGHUP: the longer list holds")
    all_live("SIGHUP")
    # a reload that denies connected clients
    front.configure(text(filters=door.replace("bad-*", "doomed-*")))
    code, out, err = front.reload()
    tap.eq(code, 0, "mqsecproxyctl reload: status 0")
    for v, c in doomed.items():
        packets = c.end()
        tap.ok(all(p.kind == raw.DISCONNECT for p in packets), "level %d: a client that is denied now is cut" % v, repr(packets))
    tap.eq((enters("bad-1"), enters("doomed-1")), (True, False), "the new rules hold")
    all_live("a reload that denies others")
    # new keys reach a live connection
    second_text, second = proxy.key("second")
    front.configure(text(filters=door, keys=key_text + second_text + proxy.encrypt("enc/#", "second", "first")))
    with raw.Client(broker.port) as b:
        b.login("b")
        b.subscribe("enc/#", 1)
        live[4].publish("enc/a", b"one", 1)
        tap.eq(envelope.open_envelope(key, "enc/a", b.message().payload).payload, b"one", "sealed with the first key")
        tap.eq(front.reload()[0], 0, "a reload with a second key")
        live[4].publish("enc/a", b"two", 1)
        tap.eq(envelope.open_envelope(second, "enc/a", b.message().payload).payload, b"two",
               "a live connection seals with the second key")
    all_live("a reload with new keys")
    # everything that must not pass
    shared = proc.write("shared.key", "00" * 31 + "01\n", 0o644)
    os.chmod(shared, 0o644)
    bad = [
        ("a key file that others can read", text(keys="key open {\n\tfile %s\n}\n" % shared + proxy.encrypt("enc/#", "open")),
         r"%s|key open" % re.escape(shared)),
        ("a key file that is not there", text(keys="key gone {\n\tfile /nonexistent/key\n}\n"), "nonexistent"),
        ("a bad CIDR", text(filters=door.replace("127.0.0.0/8", "127.0.0.0/33")), "127.0.0.0/33"),
        ("a CIDR with host bits", text(filters=door.replace("127.0.0.0/8", "127.0.0.1/8")), "127.0.0.1/8"),
        ("an unknown directive", text(extra="\tmax-conections 5\n"), "max-connections"),
        ("a filter without its last line", text(filters=door.replace("\tdeny connect\n}", "}")), "deny connect"),
        ("a directive set twice", text(extra="\tfilter door\n"), "filter"),
        ("an unknown broker", text().replace("broker main\n", "broker mian\n", 1), "mian"),
        ("a list that is not there", text(filters=DOOR % "/nonexistent/list"), "nonexistent"),
        ("an open block", text()[:-3], ""),
        ("a number that is none", text(extra="\tmax-connections ten\n"), "ten"),
    ]
    connected = front.status()["connections"]
    for name, broken, word in bad:
        proxied = front.head + broken
        status, err = proxy.config_error(proxied)
        tap.eq(status, 78, name + ": the daemon does not start, status 78")
        tap.ok(re.search(r"\.conf:\d+:\d+: error: \S+", err) and re.search(word, err),
               name + ": file, line and what is wrong", err)
        front.configure(broken)
        code, out, err = front.reload()
        tap.eq(code, 78, name + ": reload: status 78")
        tap.ok(re.search(r"\.conf:\d+", out + err), name + ": and says where", out + err)
        front.child.send_signal(signal.SIGHUP)
        code, out, err = front.ctl("check-config")
        tap.eq(code, 78, name + ": check-config: status 78")
    tap.eq((enters("good"), enters("bad-1"), enters("newly-listed")), (True, False, False), "the old configuration holds")
    proc.holds(lambda: front.status()["connections"] == connected, 3)
    all_live("all the bad ones")
    live[4].publish("enc/a", b"three", 1)
    front.configure(text())
    tap.eq(front.reload()[0], 0, "a good one is taken again")
    # a whole list of faults is reported at once
    status, err = proxy.config_error(front.head + text(extra="\tmax-conections 5\n\tmqtt 6.0\n", filters=door.replace(
        "127.0.0.0/8", "127.0.0.0/33")))
    tap.ok(len(re.findall(r": error: ", err)) >= 3, "every fault is reported, not only the first", err)
    for c in live.values():
        c.close()
    tap.eq(front.stop(), 0, "status 0")


def reload_reaches_all():
    """What a reload may change takes effect on it: a larger max-message, the first listener that verifies codes"""
    broker = Mosquitto()
    key_text, key = proxy.key("sizes")

    def text(top="", extra=""):
        return top + proxy.listener(extra="\tmax-buffer 8M\n" + extra) + proxy.broker(broker.port) + key_text + \
            proxy.encrypt("enc/#", "sizes") + (proxy.otp_block() if extra else "")
    front = proxy.Proxy(text("max-message 1k\n")).start()
    big = bytes(range(256)) * 8192
    with raw.Client(front.port) as live, raw.Client(broker.port) as b:
        live.login("live")
        b.login("b")
        b.subscribe("enc/#", 1)
        front.configure(text("max-message 3M\npre-auth-memory 2M\n"))
        tap.eq(front.reload()[0], 0, "a larger max-message is taken")
        live.publish("enc/a", big, 1)
        tap.ok(envelope.open_envelope(key, "enc/a", b.message(20).payload).payload == big, "a live connection seals 2 MiB")
        front.configure(text(extra="\totp codes\n"))
        user = front.add_user("alice")
        code, out, err = front.reload()
        tap.eq(code, 0, "the first listener that verifies codes is taken")
        tap.ok(live.ping(), "a live connection stays")
    with raw.Client(front.port) as c:
        tap.eq(c.login("c", user="alice", password="pw").code, 4, "a login without a code is refused")
    with raw.Client(front.port) as c:
        tap.eq(c.login("c", user="alice", password="pw" + user.code()).code, 0, "one with a code is let in")
    tap.eq(front.stop(), 0, "status 0")


def reload_under_load():
    """Reloads in the middle of traffic lose, double and damage nothing"""
    broker = Mosquitto(extra="max_queued_messages 0\nmax_inflight_messages 0\n")
    texts = []
    keys = ""
    for name in ("one", "two"):
        keys += proxy.key(name)[0]
    for first, second in (("one", "two"), ("two", "one")):
        texts.append(proxy.listener(extra="\tmax-connections %d" % (100 + len(texts))) + proxy.broker(broker.port) + keys +
                     proxy.encrypt("enc/#", first, second))
    front = proxy.Proxy(texts[0]).start()
    orders, stop = [0], threading.Event()

    def reloader():
        while not stop.is_set():
            orders[0] += 1
            front.configure(texts[orders[0] % 2])
            code, out, err = front.reload()
            if code:
                failures.append((code, out, err))

    failures = []
    results = {}

    def traffic(name, version, qos, n):
        try:
            with raw.Client(front.port, version, patience=30) as c:
                c.login(name)
                topic = "enc/" + name
                c.subscribe(topic, qos)
                got, sent, acks = [], 0, 0
                # a window of twenty, answers in passing
                while len(got) < n or (qos and acks < n):
                    while sent < n and sent - len(got) < 20:
                        c.send(raw.publish(topic, b"%d " % sent + bytes(sent * 97 % 5000), qos, mid=sent + 1, version=version))
                        sent += 1
                    p = c.receive()
                    if p is None:
                        raise AssertionError("the stream ended: %s" % c.ended)
                    if p.kind == raw.PUBLISH:
                        got.append(p.payload)
                        if p.qos:
                            c.send(raw.ack(raw.PUBACK if p.qos == 1 else raw.PUBREC, p.mid))
                    elif p.kind == raw.PUBREL:
                        c.send(raw.ack(raw.PUBCOMP, p.mid))
                    elif p.kind == raw.PUBREC:
                        c.send(raw.ack(raw.PUBREL, p.mid))
                    elif p.kind in (raw.PUBACK, raw.PUBCOMP):
                        acks += 1
                results[name] = got == [b"%d " % i + bytes(i * 97 % 5000) for i in range(n)] or "other messages"
        except Exception as e:
            results[name] = repr(e)

    n = tap.rounds("RELOAD_MESSAGES", 3000)
    threads = [threading.Thread(target=traffic, args=("t-%d-%d" % (v, q), v, q, n)) for v in VERSIONS for q in (0, 1, 2)]
    loop = threading.Thread(target=reloader)
    loop.start()
    for t in threads:
        t.start()
    for t in threads:
        t.join(100)
    stop.set()
    loop.join(10)
    tap.eq({k: v for k, v in results.items() if v is not True}, {}, "%d messages each of 9 clients arrive, once, in order" % n)
    tap.eq((len(results), failures), (9, []), "%d reloads were taken meanwhile" % orders[0])
    tap.ok(orders[0] >= 5, "which is enough to say something", orders[0])
    tap.eq(front.stop(), 0, "status 0")


def control():
    """status, kick, and what they do without a proxy"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port))
    tap.eq(front.ctl("status")[0], 3, "status without a proxy: 3")
    tap.eq(front.ctl("frobnicate")[0], 2, "an unknown command: 2")
    tap.eq(front.ctl("check-config")[0], 0, "check-config: 0")
    front.start()
    clients = {v: raw.Client(front.port, v) for v in VERSIONS}
    for v, c in clients.items():
        c.login("kick me %d" % v, user="user %d" % v)
    status = front.status()
    tap.eq((status.get("connections"), status.get("listener.plant.connections"), status.get("workers")), ("3", "3", "2"),
           "status counts")
    tap.eq(status.get("listener.plant.address"), "127.0.0.1:%d" % front.port, "status names the address")
    tap.eq(status.get("version"), "0.1.0", "and the version")
    mode = os.stat(proc.path(front.name + ".sock")).st_mode & 0o777
    tap.eq(oct(mode), "0o600", "the socket is its owner's")
    tap.eq(front.ctl("kick", "--client-id", "nobody")[:2], (0, "kicked 0\n"), "nobody to kick")
    for v, what, name in ((4, "client-id", "kick me 4"), (5, "user", "user 5")):
        code, out, err = front.ctl("kick", "--" + what, name)
        tap.eq((code, out), (0, "kicked 1\n"), "kick by %s" % what)
        packets = clients[v].end()
        tap.eq([(p.kind, p.code) for p in packets], [(raw.DISCONNECT, 0x98)] if v == 5 else [], "level %d: it is cut" % v)
    tap.ok(clients[3].ping(), "the other stays")
    code, out, err = front.ctl("kick", "--address", "127.0.0.1")
    tap.eq((code, clients[3].end()), (0, []), "kick by address")
    stub.wait(lambda: all(c.closed for c in stub.connections), 5, "the legs to close")
    tap.ok(not any(p.kind == raw.DISCONNECT for c in stub.connections for p in c.packets),
           "the broker is told nothing, so it publishes the Wills")
    second = proxy.Proxy(front.text, name="second")
    second.head = front.head
    second.configure(front.text)
    second.start(wait=False)
    tap.eq(second.wait_exit(), 1, "a second proxy on the same control socket does not start")
    tap.diagnosers.remove(second.diagnose)
    tap.eq(front.ctl("status")[0], 0, "and leaves the first one's socket alone")
    tap.eq(front.stop(), 0, "status 0")
    tap.ok(not os.path.exists(proc.path(front.name + ".sock")), "the socket is gone after the end")


def command_line():
    """The daemon's own options and exit codes"""
    good = proc.write("good.conf", "state {\n\tpath %s\n}\n" % proc.path("good.db") + proxy.listener() + proxy.broker(1))
    status, out, err = proc.run([proxy.DAEMON, "-V"])
    tap.ok(status == 0 and re.fullmatch(rb"mqsecproxy 0\.1\.0\nAES-256-GCM by (libIPSec_MB|libcrypto)\n", out),
           "-V says the version, and what encrypts", (status, out))
    tap.eq(proc.run([proxy.DAEMON, "--version"])[:2], (0, out), "and so does --version")
    status, text, err = proc.run([proxy.DAEMON, "--help"])
    tap.ok(status == 0 and text.startswith(b"usage: ") and err == b"", "--help", (status, text, err))
    tap.eq(proc.run([proxy.DAEMON, "-t", "-c", good])[0], 0, "-t takes a good configuration: status 0")
    tap.ok(not os.path.exists(proc.path("good.db")), "and touches no state")
    tap.eq(proc.run([proxy.DAEMON, "-t", "-c", proc.write("bad.conf", "nonsense 1\n")])[0], 78, "-t and a bad one: status 78")
    tap.eq(proc.run([proxy.DAEMON, "-c", "/nonexistent/conf"])[0], 78, "no configuration: status 78")
    for words in (["-x"], ["-c"], ["word"]):
        status, out, err = proc.run([proxy.DAEMON] + words)
        tap.ok(status == 2 and err, "%s: status 2 and a word" % " ".join(words), (status, err))
    wide = proxy.listener(listen="0.0.0.0:0") + proxy.broker(1)
    status, err = proxy.config_error(wide)
    tap.ok(status == 78 and "insecure-ok" in err, "plain TCP beyond loopback wants insecure-ok", err)
    broken = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(1) + proxy.otp_block())
    proc.write(broken.state, b"this is no database" * 100)
    broken.start(wait=False)
    tap.eq(broken.wait_exit(), 1, "a state that is none: status 1")
    tap.diagnosers.remove(broken.diagnose)


def addresses():
    """Several addresses, both families, several listeners with rules of their own"""
    stub = StubBroker()
    v6 = socket.has_ipv6 and proc.holds(lambda: bool(open("/proc/net/if_inet6").read()), 0)
    text = "listener plant {\n\tlisten 127.0.0.1:0\n\tlisten 127.0.0.2:0\n%s\tbroker main\n}\n" % (
        "\tlisten [::1]:0\n" if v6 else "")
    front = proxy.Proxy(text + proxy.listener(name="old", extra="\tmqtt 3.1") + proxy.broker(stub.port)).start()
    heard = [e["address"] for e in front.events("listening", listener="plant")]
    tap.eq(len(heard), 3 if v6 else 2, "each address is in the log")
    for address in heard:
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port)), 5) as s:
            s.sendall(raw.connect(4, "at " + host))
            tap.eq(s.recv(4), raw.connack(4), "a client gets in at " + host)
    with raw.Client(front.port_of("old"), 4) as c:
        tap.eq(c.login("new").code, 1, "the other listener has its own versions")
    with raw.Client(front.port_of("old"), 3) as c:
        tap.eq(c.login("old").code, 0, "which it lets in")
    if v6:
        v = front.wait_verdict("accepted", client_id="at [::1]")
        tap.ok(v["peer"].startswith("[::1]:"), "an IPv6 peer in the log", v)
    tap.eq(front.stop(), 0, "status 0")


def port_taken():
    """A port that is taken: status 1, and a word"""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        front = proxy.Proxy(proxy.listener(listen="127.0.0.1:%d" % s.getsockname()[1]) + proxy.broker(1))
        front.start(wait=False)
        tap.eq(front.wait_exit(), 1, "status 1")
        tap.ok(str(s.getsockname()[1]) in front.log(), "the log names it", front.log)
        tap.diagnosers.remove(front.diagnose)


def drain():
    """SIGTERM: 5.0 clients get DISCONNECT 0x8B, the others a close, and the end comes in time"""
    for grace in ("3s", "0s"):
        stub = StubBroker()
        front = proxy.Proxy("shutdown-grace %s\n" % grace + proxy.listener() + proxy.broker(stub.port)).start()
        port = front.port
        clients = {(v, i): raw.Client(port, v) for v in VERSIONS for i in range(5)}
        for (v, i), c in clients.items():
            c.login("drain-%d-%d" % (v, i))
        waiting = raw.Client(port)
        inside = raw.Client(port, 5)
        inside.login("inside")
        leg = stub.find("inside")[0]
        half = raw.publish("t", bytes(1000), version=5)
        stub.send(leg, half[:500])
        while len(inside.received) < 505:  # CONNACK and half a PUBLISH
            inside.read(5)
        began = time.monotonic()
        front.child.send_signal(signal.SIGTERM)
        for (v, i), c in clients.items():
            packets = c.end()
            if v == 5 and grace != "0s":
                tap.eq([(p.kind, p.code) for p in packets], [(raw.DISCONNECT, 0x8B)], "grace %s: 5.0 client %d" % (grace, i))
            else:
                tap.ok(packets == [] or v == 5 and packets[0].kind == raw.DISCONNECT, "grace %s: level %d client %d" % (
                    grace, v, i), repr(packets))
        waiting.end()
        inside.end()
        data = bytes(inside.received)
        tap.ok(raw.disconnect(5, 0x8B) not in data, "grace %s: nothing of its own inside a frame" % grace, data[-20:].hex())
        status = front.wait_exit(10)
        took = time.monotonic() - began
        tap.eq(status, 0, "grace %s: status 0" % grace)
        tap.within(took, 0, 9, "grace %s: in time" % grace)
        tap.ok(not any(p.kind == raw.DISCONNECT for c in stub.connections for p in c.packets), "grace %s: no DISCONNECT up" % grace)
        tap.ok(not proc.can_connect(port), "grace %s: the port is free" % grace)
        tap.diagnosers.remove(front.diagnose)


def one_line_each():
    """Each decision has one line in the log, with who and why; names cannot forge lines"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tfilter door") + proxy.broker(stub.port) +
                        "filter door {\n\tdeny connect client-id bad-*\n\tallow connect\n}\n").start()
    with raw.Client(front.port, 5, "127.4.5.6") as c:
        c.login("one", user="anna")
    with raw.Client(front.port, 4) as c:
        c.login("bad-one", user="anna")
    with raw.Client(front.port, 4) as c:
        c.login("evil\" event=forged verdict=accepted x=\"", user="new\u00e4 line")
    with raw.Client(front.port, 4) as c:
        c.send(b"\0\0")
        c.end()
    v = front.wait_verdict("accepted", client_id="one")
    tap.eq((v.get("user"), v.get("listener")), ("anna", "plant"), "accepted: user and listener")
    tap.ok(any("127.4.5.6" in x for x in v.values()), "accepted: the address", repr(v))
    v = front.wait_verdict("filtered", client_id="bad-one")
    tap.ok(any(re.search(r"\.conf:\d+", x) for x in v.values()), "filtered: the rule's file and line", repr(v))
    front.wait_verdict("malformed")
    front.wait_verdict("accepted", times=2)
    tap.eq(len(front.verdicts()), 4, "four CONNECTs, four lines")
    tap.eq(front.events("forged"), [], "a client id forges nothing")
    tap.eq(front.stop(), 0, "status 0")


def canary():
    """No password, code, key or payload in the log, the command line, the environment or a core"""
    for form in ("format logfmt", "format json", "format json\n\tclient-ids hashed"):
        canary_in(form)


def canary_in(form):
    broker = Mosquitto({"alice": "canary-password"})
    key_text, key = proxy.key("secret")
    front = proxy.Proxy("log {\n\tlevel debug\n\t%s\n}\n" % form + proxy.listener(extra="\totp codes") + proxy.broker(broker.port) +
                        proxy.otp_block() + key_text + proxy.encrypt("enc/#", "secret")).start()
    user = front.add_user("alice")
    codes = [user.code() for _ in range(4)]
    for version, code in zip((4, 5), codes):
        with raw.Client(front.port, version, "127.5.5.%d" % version) as c:
            tap.eq(c.login("canary", user="alice", password="canary-password" + code,
                           will=("enc/w", b"canary-will", 1, False)).code, 0, "level %d gets in" % version)
            c.publish("enc/x", b"canary-payload", 1)
            c.publish("plain", b"canary-payload", 1)
            try:
                # too large to seal, and no packet at all
                c.send(raw.publish("enc/x", b"canary-payload" * 100000, version=version))
                c.send(b"\xf0\x0ecanary-payload")
                c.end()
            except (ValueError, TimeoutError, ConnectionError):
                pass
    bad = raw.connect(5, "canary", user="alice", password="canary-password" + codes[2])
    for wire in (bad[:2] + bytes([bad[2] ^ 1]) + bad[3:], bad[:-4], bad + b"\0\0canary-payload",
                 raw.connect(4, "c", user="alice", password="canary-password" + codes[0]),
                 raw.connect(4, "c", user="nobody", password="canary-password" + codes[3]),
                 raw.connect(4, "c", user="alice", password="canary-wrong" + codes[3])):
        with raw.Client(front.port, 5, "127.5.6.7") as c:
            c.send(wire)
            c.sock.shutdown(socket.SHUT_WR)
            try:
                c.end()
            except (ValueError, TimeoutError):
                pass
    with raw.Client(broker.port, 4) as b:
        b.login("b", user="alice", password="canary-password")
        b.publish("enc/x", b"canary-payload", 1)
    front.reload()
    front.status()
    visible = {"the log": front.log()}
    for name in ("cmdline", "environ"):
        try:
            with open("/proc/%d/%s" % (front.pid, name), "rb") as f:
                visible[name] = f.read().decode(errors="replace")
        except PermissionError:
            visible[name] = ""  # closed even to us
    with open("/proc/%d/limits" % front.pid) as f:
        limit = re.search(r"Max core file size +(\S+) +(\S+)", f.read())
    tap.eq(limit.groups(), ("0", "0"), "no core file may be written")
    words = ["canary-p", "canary-w", key.hex(), key.hex().upper(), base64.b64encode(key).decode(), user.secret.hex(),
             base64.b32encode(user.secret).decode().rstrip("=")] + codes
    for where, text in visible.items():
        found = [w for w in words if w in text]
        tap.eq(found, [], "%s: %s holds no secret" % (form.replace("\n\t", ", "), where))
    tap.ok("alice" in visible["the log"], "the log was not empty")
    with open(front.state, "rb") as f:
        state = f.read()
    tap.ok(user.secret not in state and user.secret.hex().encode() not in state, "the state file does not hold the secret in clear")
    tap.eq(front.stop(), 0, "status 0")
    tap.ok(not any(w in front.log() for w in words), "nor does the log at the end")


tap.run([broker_down, several_brokers, patient_broker, killed_broker, wills, pieces, early_data, auth, unchanged, reload, reload_reaches_all, reload_under_load,
         control, command_line, addresses, port_taken, drain, one_line_each, canary])
