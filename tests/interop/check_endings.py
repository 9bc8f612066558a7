# SPDX-License-Identifier: ISC
"""How sessions end when nobody says goodbye properly: in the middle of a packet, before the answer, too slowly, too early, all
at once; and how the process ends. SLOW_ENDING=1 adds what takes longer than a half-closed session may be silent."""
import os
import resource
import signal
import socket
import threading
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
SOON = 1.0  # far from every time limit of the proxy: what happens later happened for another reason


def silent(c, p):
    """A broker that never answers."""
    return b""


def made(stub, extra="", blocks="", top="", **options):
    return proxy.Proxy(top + proxy.listener(extra=extra) + proxy.broker(stub.port) + blocks, **options).start()


def closed_within(stub, leg, since, seconds=SOON):
    """Whether the broker saw the end of this connection that soon."""
    try:
        stub.wait(lambda: leg.closed, max(0.0, since + seconds - time.monotonic()))
        return True
    except TimeoutError:
        return False


def forgotten(front, name):
    tap.ok(proc.holds(lambda: front.status()["connections"] == "0", 3), name + ": the proxy keeps no connection", front.status)


def cpu_over(front, seconds=1.0):
    before = proc.cpu_seconds(front.pid)
    time.sleep(seconds)
    return proc.cpu_seconds(front.pid) - before


def halves(version):
    return (("one byte of SUBSCRIBE", b"\x82"), ("half a length", b"\x30\xff"),
            ("half a SUBSCRIBE", raw.subscribe(1, [("a/b", 0)], version)[:5]),
            ("half the head of a PUBLISH", raw.publish("enc/x", bytes(1000), version=version)[:6]),
            ("half a PUBLISH", raw.publish("x", bytes(1000), version=version)[:500]),
            ("half a PUBLISH under a payload rule", raw.publish("enc/x", bytes(1000), 1, mid=1, version=version)[:500]))


def client_ends_inside_a_packet():
    """A client that closes behind half a packet: the broker sees the end at once"""
    stub = StubBroker()
    key, _ = proxy.key("half")
    front = made(stub, blocks=key + proxy.encrypt("enc/#", "half"))
    for pause in (0, 0.1):
        sessions = []
        for version in (4, 5):
            for name, data in halves(version):
                c = raw.Client(front.port, version)
                ident = "%d %s %s" % (version, name, pause)
                c.login(ident)
                c.send(data)
                sessions.append((name, c, stub.find(ident)[0]))
        time.sleep(pause)
        began = time.monotonic()
        for _, c, _ in sessions:
            c.close()
        for name, c, leg in sessions:
            tap.ok(closed_within(stub, leg, began), "level %d, %s, close %s s later" % (c.version, name, pause))
            tap.ok("DISCONNECT" not in stub.kinds(leg) and not any(p.kind == raw.PUBLISH for p in leg.packets),
                   "and nothing is made up", lambda: stub.kinds(leg))
    forgotten(front, "all of them")
    tap.eq(front.stop(), 0, "status 0")


def broker_ends_inside_a_packet():
    """The same the other way round"""
    stub = StubBroker()
    key, _ = proxy.key("mirror")
    front = made(stub, blocks=key + proxy.decrypt("enc/#", "mirror"))
    sessions = []
    for version in (4, 5):
        rows = [(n, d) for n, d in halves(version) if "SUBSCRIBE" not in n]
        for name, data in rows + [("one byte of SUBACK", b"\x90"), ("half a SUBACK", raw.suback(1, [0] * 9, version)[:6])]:
            c = raw.Client(front.port, version)
            ident = "%d %s" % (version, name)
            c.login(ident)
            leg = stub.find(ident)[0]
            stub.send(leg, data)
            sessions.append((name, c, leg))
    time.sleep(0.1)
    began = time.monotonic()
    for _, _, leg in sessions:
        stub.hang_up(leg)
    for name, c, _ in sessions:
        try:
            tap.eq(c.end(max(0.01, began + SOON - time.monotonic())), [], "level %d, %s: the client sees the end" % (c.version, name))
        except TimeoutError as e:
            tap.ok(False, "level %d, %s: the client sees the end" % (c.version, name), repr(e))
        c.close()
    forgotten(front, "all of them")
    tap.eq(front.stop(), 0, "status 0")


def reset_before_the_answer():
    """A client that resets its connection while it waits costs no processor, and its broker leg goes at once"""
    stub = StubBroker(silent)
    front = made(stub, workers=1)
    for name, behind in (("CONNECT alone", b""), ("with more behind it", raw.publish("t", bytes(3000)) * 3)):
        for how in ("reset", "close"):
            if behind and how == "close":
                continue  # a whole session may stand there: see whole_session_before_the_answer
            c = raw.Client(front.port)
            c.send(raw.connect(4, name + how) + behind)
            stub.wait(lambda: stub.find(name + how))
            began = time.monotonic()
            getattr(c, how)()
            gone = closed_within(stub, stub.find(name + how)[0], began)
            tap.within(cpu_over(front), 0, 0.3, "%s, %s: seconds of processor in 1 s" % (name, how))
            tap.ok(gone, "%s, %s: the broker sees the end at once" % (name, how))
    forgotten(front, "afterwards")
    tap.eq(front.stop(), 0, "status 0")


def reset_before_the_refusal():
    """A client that resets its connection while its refusal waits costs no processor"""
    stub = StubBroker()
    front = made(stub, "\totp codes", proxy.otp_block(), workers=1)
    users = iter(front.add_users(["alice-%d" % i for i in range(6)]))  # one each: a second guess would have to wait
    for how in ("reset", "close"):
        for i in range(3):
            c, user = raw.Client(front.port), next(users)
            before = len(front.verdicts("otp_wrong"))
            c.send(raw.connect(4, "late", user=user.name, password="p" + user.wrong()) + (raw.pingreq() if i else b""))
            front.wait_verdict("otp_wrong", times=before + 1)
            getattr(c, how)()
        tap.within(cpu_over(front, 0.8), 0, 0.25, "%s: seconds of processor in 0.8 s" % how)
        tap.ok(proc.holds(lambda: front.status()["pending"] == "0", 3), "%s: it waits no more" % how, front.status)
    tap.eq(front.stop(), 0, "status 0")


def whole_session_before_the_answer():
    """CONNECT, PUBLISH, DISCONNECT and the end, all before CONNACK: what was published arrives"""
    stub = StubBroker(lambda c, p: b"" if p.kind == raw.CONNECT else StubBroker.agree(c, p))
    front = made(stub)
    sessions = []
    for version in (4, 5):
        for late in (False, True):
            for ident in ("%d%d", "%d%d" + "x" * 100, "%d%d" + "y" * 5000):
                c = raw.Client(front.port, version)
                ident = ident % (version, late)
                c.send(raw.connect(version, ident) + raw.publish("t", b"said", version=version) + raw.disconnect(version))
                if not late:
                    c.sock.shutdown(socket.SHUT_WR)
                sessions.append((c, ident, late))
    time.sleep(0.2)
    for c, _, late in sessions:
        if late:
            c.sock.shutdown(socket.SHUT_WR)
    time.sleep(0.4)
    for c, ident, late in sessions:
        name = "level %d, client id of %d bytes, FIN %s" % (c.version, len(ident), "later" if late else "at once")
        leg = stub.find(ident)
        if not tap.ok(leg and not leg[0].closed, name + ": the broker still has the client"):
            continue
        leg = leg[0]
        stub.send(leg, raw.connack(c.version))
        tap.ok(closed_within(stub, leg, time.monotonic()), name + ": the end arrives")
        tap.eq((stub.kinds(leg), [p.payload for p in leg.packets if p.kind == raw.PUBLISH]),
               (["CONNECT", "PUBLISH", "DISCONNECT"], [b"said"]), name + ": with all that was said")
        tap.eq([p.kind for p in c.end()], [raw.CONNACK], name + ": the client gets its answer")
        c.close()
    forgotten(front, "all of them")
    tap.eq(front.stop(), 0, "status 0")


def kicked_inside_a_packet():
    """A client that is kicked while it reads a huge PUBLISH slowly is not heard any more"""
    stub = StubBroker()
    front = made(stub)
    for version in (4, 5):
        c = raw.Client(front.port, version, receive_buffer=4096)
        ident = "evil %d" % version
        c.login(ident)
        leg = stub.find(ident)[0]
        size = 60 << 20
        stub.send(leg, raw.publish("big", bytes(size), version=version))
        c.sock.settimeout(2)
        read = 0

        def said():
            return [p.payload for p in list(leg.packets) if p.kind == raw.PUBLISH]

        def talk(word, rounds):
            """Reads a while and says the word, several times; whether the broker heard it."""
            nonlocal read
            for _ in range(rounds):
                end = read + (2 << 20)
                while read < end:
                    read += len(c.sock.recv(1 << 18)) or size
                c.sock.sendall(raw.publish("t", word, version=version))
                if proc.holds(lambda: word in said(), 0.05):
                    return True
            return False
        tap.ok(talk(b"before", 8), "level %d: a client is heard that reads a huge PUBLISH slowly" % version)
        tap.eq(front.ctl("kick", "--client-id", ident)[:2], (0, "kicked 1\n"), "level %d: it is kicked" % version)
        try:
            heard = talk(b"after", 12)
        except (ConnectionError, TimeoutError) as e:
            heard = repr(e)
        tap.eq(heard, False, "level %d: then it is not, though it reads on" % version)
        tap.ok(read < size, "level %d: all the while inside that PUBLISH" % version, read)
        c.close()
        tap.ok(closed_within(stub, leg, time.monotonic(), 2), "level %d: when it goes, its leg goes" % version)
    tap.eq(front.stop(), 0, "status 0")


def last_words_of_the_broker():
    """A broker that says DISCONNECT and closes over unread bytes: a client that is publishing hears it"""
    def answer(c, p):
        if p.kind == raw.PUBLISH and c.bytes > 200000:
            c.close_after = True
            time.sleep(0.01)  # so that more arrives, and stays unread
            return raw.disconnect(5, 0x97)
        return StubBroker.agree(c, p)

    stub = StubBroker(answer)
    front = made(stub)
    rounds = tap.rounds("LAST_WORDS", 20)
    heard = 0
    for i in range(rounds):
        with raw.Client(front.port, 5) as c:
            c.login("talks %d" % i)

            def talk():
                try:
                    while True:
                        c.sock.sendall(raw.publish("t", bytes(500), version=5) * 8)
                except OSError:
                    pass
            thread = threading.Thread(target=talk, daemon=True)
            thread.start()
            try:
                heard += [(p.kind, p.code) for p in c.end(5)] == [(raw.DISCONNECT, 0x97)]
            except TimeoutError:
                pass
            c.sock.close()
            thread.join(5)
    tap.eq(heard, rounds, "rounds in which DISCONNECT 0x97 arrives")
    tap.eq(front.stop(), 0, "status 0")


def slow_broker(size, rate):
    """What a client said before it left arrives at a broker that takes so many bytes a second."""
    stub = StubBroker(receive_buffer=8192)
    front = made(stub, "\tmax-buffer 32M")  # all of it waits in the proxy, which sees the end at once
    with raw.Client(front.port, patience=60) as c:
        c.login("left")
        leg = stub.find("left")[0]
        stub.pause(leg)
        data = raw.publish("t", bytes(1000)) * (size // 1005) + raw.disconnect()
        sender = threading.Thread(target=lambda: (c.send(data), c.sock.shutdown(socket.SHUT_WR)))
        sender.start()
        began, start = time.monotonic(), leg.bytes
        while not leg.closed and time.monotonic() - began < 60:
            due = start + rate * (time.monotonic() - began)
            if leg.bytes < due:
                stub.resume(leg)
                proc.holds(lambda: leg.closed or leg.bytes >= due, 0.2)
                stub.pause(leg)
            time.sleep(0.01)
        sender.join(5)
        took = time.monotonic() - began
        tap.eq(sum(p.kind == raw.PUBLISH for p in leg.packets), size // 1005, "all messages arrive, in %.1f s" % took)
        tap.eq(stub.kinds(leg)[-1], "DISCONNECT", "and DISCONNECT behind them")
    tap.eq(front.stop(), 0, "status 0")
    return took


def half_closed():
    """A client that publishes and leaves, with a broker that takes its time"""
    slow_broker(3_000_000, 2_000_000)
    if not os.environ.get("SLOW_ENDING"):
        tap.skip("longer than a half-closed session may be silent", "it takes 30 s: SLOW_ENDING=1")
        return
    tap.ok(slow_broker(10_000_000, 380_000) > 20, "that was longer than a half-closed session may be silent")


def authentication_and_too_much():
    """A 5.0 client that sends more than max-buffer before CONNACK waits, with an Authentication Method too"""
    stub = StubBroker(lambda c, p: b"" if p.kind == raw.CONNECT else StubBroker.agree(c, p))
    front = made(stub, "\tmax-buffer 256k", workers=1)
    count = 800
    for name, props in (("none", None), ("a method", [(21, "m")])):
        with raw.Client(front.port, 5) as c:
            data = raw.connect(5, name, props=props) + raw.publish("t", bytes(10000), version=5) * count
            failed = []
            before = front.rss()

            def send():
                try:
                    c.sock.sendall(data)
                except OSError as e:
                    failed.append(e)
            sender = threading.Thread(target=send)
            sender.start()
            stub.wait(lambda: stub.find(name))
            leg = stub.find(name)[0]
            time.sleep(0.5)
            if not proxy.sanitized():
                tap.within(front.rss() - before, -1 << 20, 2048, "%s: no memory for what waits (KiB)" % name)
            tap.ok(not leg.closed and not failed, "%s: it is not cut" % name, failed)
            stub.send(leg, raw.connack(5))
            sender.join(10)
            tap.eq(failed, [], "%s: all is taken in the end" % name)
            tap.ok(proc.holds(lambda: sum(p.kind == raw.PUBLISH for p in leg.packets) == count, 5), "%s: and arrives" % name,
                   lambda: len(leg.packets))
    tap.eq(front.stop(), 0, "status 0")


def small_buffers():
    """With a small max-buffer too, a client that is faster than its broker is slowed down, not cut"""
    stub = StubBroker(receive_buffer=8192)
    front = made(stub, "\tmax-buffer 64k", workers=1)
    count = 2000
    with raw.Client(front.port) as c:
        c.login("fast")
        leg = stub.find("fast")[0]
        stub.pause(leg)
        failed = []

        def send():
            try:
                c.sock.sendall(raw.publish("t", bytes(5000)) * count)
            except OSError as e:
                failed.append(e)
        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.3)
        stub.resume(leg)
        sender.join(10)
        arrived = proc.holds(lambda: leg.closed or sum(p.kind == raw.PUBLISH for p in leg.packets) == count, 5)
        tap.ok(arrived and not leg.closed and not failed, "all %d messages arrive" % count)
    tap.eq(front.stop(), 0, "status 0")


def half_an_order():
    """SIGTERM while half a request stands at the control socket"""
    stub = StubBroker()
    front = made(stub)
    with socket.socket(socket.AF_UNIX) as idle, socket.socket(socket.AF_UNIX) as half:
        idle.connect(front.socket)
        half.connect(front.socket)
        half.send(b"sta")
        time.sleep(0.1)
        began = time.monotonic()
        tap.eq(front.stop(), 0, "status 0")
        tap.ok(time.monotonic() - began < 9, "long before the time to stop is over")


def drain_that_lasts():
    """While a drain waits for a client nobody new is let in; a second SIGTERM ends it"""
    stub = StubBroker()
    front = made(stub, top="shutdown-grace 30s\n")
    port = front.port
    c = raw.Client(port, 5, receive_buffer=4096)
    c.login("slow")
    stub.send(stub.find("slow")[0], raw.publish("big", bytes(30 << 20), version=5))
    c.sock.recv(1000)
    front.child.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    began = time.monotonic()
    try:
        with raw.Client(port, 4) as late:
            p = late.login("late", seconds=3)
            tap.ok(p is None, "a client that comes now is refused", repr(p))
    except ConnectionError:
        tap.ok(True, "a client that comes now is refused")
    except TimeoutError:
        tap.ok(False, "a client that comes now is refused", "it waits")
    tap.ok(time.monotonic() - began < 10, "at once, and not in the end", time.monotonic() - began)
    tap.ok(front.running() and not stub.find("late"), "the drain goes on")
    began = time.monotonic()
    front.child.send_signal(signal.SIGTERM)
    try:
        front.wait_exit(10)
    except Exception as e:
        tap.note(repr(e))
    tap.ok(not front.running() and time.monotonic() - began < 10, "a second SIGTERM ends the process")
    c.close()
    if front.running():
        proc.stop(front.child, signal.SIGKILL)
    tap.diagnosers.remove(front.diagnose)


def reload_with_larger_buffers():
    """A reload that raises max-buffer keeps the sessions, and gives them what it allows"""
    stub = StubBroker()
    text = proxy.listener(extra="\tmax-buffer %s") + proxy.broker(stub.port)
    front = proxy.Proxy(text % "128k").start()
    clients = [raw.Client(front.port, v) for v in (4, 5)]
    for c in clients:
        c.login("stays %d" % c.version)
        c.publish("a", bytes(10000), 1)
    # half a packet stands there meanwhile
    small = raw.subscribe(6, [("%05d" % i, 0) for i in range(200)])
    clients[0].send(small[:50])
    time.sleep(0.05)
    front.configure(text % "2M")
    code, out, err = front.reload()
    tap.eq(code, 0, "the reload is taken")
    clients[0].send(small[50:])
    tap.eq(clients[0].expect(raw.SUBACK).mid, 6, "a packet that was under way goes on")
    for c in clients:
        c.send(raw.subscribe(7, [("%05d/" % i + "x" * 90, 0) for i in range(2000)], c.version))
        p = c.receive()
        tap.eq(p and (raw.NAMES[p.kind], len(p.codes)), ("SUBACK", 2000), "level %d: a packet that was too large before" % c.version)
        c.publish("a", bytes(10000), 1)
        tap.ok(c.ping(), "level %d: the session goes on" % c.version)
        c.close()
    tap.eq(len(stub.connections), 2, "on the same connections")
    tap.eq(front.stop(), 0, "status 0")


def reload_warns():
    """A reload that is taken with warnings says them"""
    stub = StubBroker()
    front = made(stub)
    front.configure(front.text + "filter unused {\n\tallow connect\n}\n")
    code, out, err = front.reload()
    tap.eq(code, 0, "it is taken")
    tap.ok("warning" in out + err and "unused" in out + err, "and says what is odd", (out, err))
    tap.ok(front.wait_event("reload"), "the log tells it")
    tap.eq(front.stop(), 0, "status 0")


def names():
    """A broker's name that does not resolve holds up nothing"""
    stub = StubBroker()
    named = proxy.listener() + "broker main {\n\taddress %s:%d\n\tconnect-timeout 3s\n}\n"
    front = proxy.Proxy(named % ("no-such-host.invalid", stub.port))
    began = time.monotonic()
    front.start()
    tap.ok(time.monotonic() - began < 2, "the proxy starts at once", time.monotonic() - began)
    for version, code in ((4, 3), (5, 0x88)):
        with raw.Client(front.port, version) as c:
            began = time.monotonic()
            p = c.login("early", seconds=8)
            tap.eq(p and p.code, code, "level %d: the answer" % version)
            tap.ok(time.monotonic() - began < 2, "level %d: 1 s after CONNECT" % version)
    e = front.wait_event("resolve", 30)
    tap.eq(e.get("level"), "warning", "the log says that the name does not resolve")
    tap.ok("main" in str(e.values()), "and whose", repr(e))

    tap.eq(front.stop(), 0, "status 0")


def names_that_resolve():
    """A broker known by name is there for the first clients, at a start and after a reload"""
    try:
        socket.getaddrinfo("localhost", 1883)
    except OSError:
        raise tap.Skip("localhost does not resolve here")
    stub = StubBroker()

    def named(name):
        return proxy.listener(name) + "broker %s {\n\taddress localhost:%d\n}\n" % (name, stub.port)
    front = proxy.Proxy(named("main")).start()
    with raw.Client(front.port, 4) as c:
        tap.eq(c.login("first").code, 0, "the first client of a start gets in")
    front.configure(named("other"))
    tap.eq(front.reload()[0], 0, "a reload with a broker of another name")
    with raw.Client(front.port, 4) as c:
        tap.eq(c.login("later").code, 0, "the first client behind it gets in")
    tap.eq(front.stop(), 0, "status 0")


def orders_without_descriptors():
    """Without a descriptor for it an order waits, and costs no processor"""
    stub = StubBroker()
    front = made(stub, workers=1)
    try:
        soft, hard = resource.prlimit(front.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(front.pid, resource.RLIMIT_NOFILE, (5, hard))
    except PermissionError:
        front.stop()
        raise tap.Skip("another process's limits are out of reach")
    with socket.socket(socket.AF_UNIX) as order:
        order.connect(front.socket)
        order.send(b"status\n")
        tap.within(cpu_over(front), 0, 0.2, "seconds of processor in 1 s")
        resource.prlimit(front.pid, resource.RLIMIT_NOFILE, (soft, hard))
        order.settimeout(3)
        try:
            answer = order.recv(4096)
        except OSError as e:
            answer = repr(e).encode()
        tap.ok(answer.startswith(b"ok"), "with descriptors it is answered", answer)
    tap.eq(front.stop(), 0, "status 0")


tap.run([client_ends_inside_a_packet, broker_ends_inside_a_packet, reset_before_the_answer, reset_before_the_refusal,
         whole_session_before_the_answer, kicked_inside_a_packet, last_words_of_the_broker, half_closed,
         authentication_and_too_much, small_buffers, half_an_order, drain_that_lasts, reload_with_larger_buffers, reload_warns,
         names, names_that_resolve,
         orders_without_descriptors])
