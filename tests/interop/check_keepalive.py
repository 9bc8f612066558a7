# SPDX-License-Identifier: ISC
"""Keep-alive: a client that has vanished is closed after twice its own; a broker does not miss a client whose message is
held back, or that cannot be read."""
import threading
import time

from lib import envelope, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto, StubBroker

proxy.need()
SLACK = 20
rule, _ = proxy.key("site") if envelope.available else ("", None)
if envelope.available:
    rule += proxy.encrypt("t/#", "site")


def silent():
    """Nothing at all: closed after twice the keep-alive, the broker without a word; any byte counts"""
    stub = StubBroker(lambda c, p: raw.connack(5, props=[(19, 1)]) if p.kind == raw.CONNECT and p.client_id == b"told" else
                      StubBroker.agree(c, p))
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    began = time.monotonic()
    clients = {}
    for version in (3, 4, 5):
        clients["silent%d" % version] = c = raw.Client(front.port, version)
        c.login("silent%d" % version, keep_alive=1)
    clients["told"] = c = raw.Client(front.port, 5)
    c.login("told", keep_alive=60)
    none = raw.Client(front.port, 4)
    none.login("none", keep_alive=0)
    trickle = raw.Client(front.port, 4)
    trickle.login("trickle", keep_alive=1)
    message = raw.publish("a", b"12345678901")
    for byte in message[:3]:
        trickle.send(bytes([byte]))
        time.sleep(0.5)  # what is tested is time itself
    for name, c in clients.items():
        said = c.end(20)
        tap.within(c.ended_at - began, 1.99, 2 + SLACK, name + ": closed after twice its keep-alive")
        codes = [p.code for p in said if p.kind == raw.DISCONNECT]
        tap.eq(codes, [0x8D] if c.version == 5 else [], name + ": told so in 5.0")
        leg = stub.find(name)[0]
        stub.wait(lambda leg=leg: leg.closed, 3, "the end of the broker's leg")
        tap.eq((stub.kinds(leg), leg.closed), (["CONNECT"], "eof"), name + ": no word to the broker")
    trickle.send(message[3:])
    leg = stub.find("trickle")[0]
    stub.wait(lambda: "PUBLISH" in stub.kinds(leg), 3, "the message that trickled")
    tap.ok(trickle.quiet(0.01), "a client that sends a byte at a time is alive")
    tap.ok(none.quiet(0.01), "and so is one without keep-alive")
    tap.ok("twice its keep-alive" in front.log(), "the log tells why")
    tap.eq(front.stop(), 0, "status 0")


def held():
    """A message that is taken whole comes in slowly: the broker does not lose patience"""
    broker = Mosquitto()
    front = proxy.Proxy(proxy.listener() + proxy.broker(broker.port) + rule).start()
    listener = raw.Client(broker.port, 4)
    listener.login("listener")
    listener.subscribe("t/#")
    for version in (4, 5):
        c = raw.Client(front.port, version)
        c.login("slow%d" % version, keep_alive=1)
        c.send(raw.pingreq())
        message = raw.publish("t/x", bytes(4000), version=version)
        for at in range(0, 3000, 500):
            c.send(message[at:at + 500])
            time.sleep(0.5)
        c.send(message[3000:] + raw.pingreq())
        tap.eq([c.expect(raw.PINGRESP).kind for _ in range(2)], [raw.PINGRESP] * 2, "both its answers, level %d" % version)
        tap.ok(c.quiet(0.05), "and no other")
        tap.ok(len(listener.message().payload) > 4000, "the message has arrived")
        tap.ok("slow%d has exceeded" % version not in broker.log(), "the broker has not missed it")
        c.send(raw.disconnect(version))
        c.end()
    tap.ok(broker.log().count("Received PINGREQ from slow4") > 3, "the broker was asked in between")
    tap.eq(front.stop(), 0, "status 0")


def unread():
    """A client that does not read is not read: it is not silent, and the broker does not miss it"""
    pings = []

    def answer(c, p):
        if p.kind == raw.PINGREQ:
            pings.append(time.monotonic())
        return StubBroker.agree(c, p)

    stub = StubBroker(answer)
    front = proxy.Proxy(proxy.listener(extra="\tmax-buffer 2M") + proxy.broker(stub.port) + "max-message 256k\n").start()
    c = raw.Client(front.port, 4, receive_buffer=4096, patience=20)
    c.login("lazy", keep_alive=1)
    leg = stub.wait_connection()
    stub.send(leg, raw.publish("a", bytes(1000)) * 20000)
    stop = threading.Event()

    def talk():
        while not stop.wait(0.3):
            c.send(raw.publish("b", b"x"))
    talker = threading.Thread(target=talk)
    talker.start()
    began = time.monotonic()
    time.sleep(4)
    stop.set()
    talker.join()
    asked, seconds = len(pings), time.monotonic() - began
    tap.within(asked, 4, 2 * seconds + 1, "PINGREQs of the proxy in %.1f s" % seconds)
    tap.ok(not leg.closed, "nobody has closed it")
    began = time.monotonic()
    c.send(raw.pingreq())
    kinds = {}
    n = 0
    while n < 20000 or raw.PINGRESP not in kinds:
        p = c.receive()
        if p is None:
            break
        n += p.kind == raw.PUBLISH
        kinds[p.kind] = kinds.get(p.kind, 0) + 1
    tap.eq(kinds, {raw.PUBLISH: 20000, raw.PINGRESP: 1}, "all that came down, and its own answer only")
    c.end(20)
    tap.within(c.ended_at - began, 1.99, 2 + SLACK, "silent then, it is closed")
    tap.eq(front.stop(), 0, "status 0")


tests = [silent, unread]
if MOSQUITTO and envelope.available:
    tests.insert(1, held)
else:
    tap.skip("held", "needs mosquitto and libcrypto")
tap.run(tests)
