# SPDX-License-Identifier: ISC
"""Who is connected, what one client sends and gets, and how much all do: connections, trace, top."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
HOSTILE = "evil\n\x1b[31m id"


def listed(front, *words):
    """`connections` as JSON."""
    code, out, err = front.ctl("--json", "-s", front.socket, "connections", *words)
    if code:
        raise RuntimeError("%d %s" % (code, err))
    return json.loads(out)


def connections():
    """Every criterion, and how many"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.listener(name="other") + proxy.broker(stub.port)).start()
    tap.eq(listed(front), [], "nobody")
    clients = []
    for i in range(6):
        c = raw.Client(front.port_of("other" if i == 5 else "plant"), 5 if i % 2 else 4, source="127.0.7.%d" % (1 + i % 2))
        c.login("c%d" % i if i < 4 else HOSTILE if i == 4 else "c0", user="u%d" % (i % 3), password="p4ss")
        clients.append(c)
    silent = raw.Client(front.port)
    everybody = proc.until(lambda: len(listed(front)) == 7 and listed(front), 5)
    one = [c for c in everybody if c["client-id"] == "c1"][0]
    tap.eq((one["listener"], one["peer"].rsplit(":", 1)[0], one["mqtt"], one["user"], one["seconds"] < 60),
           ("plant", "127.0.7.2", "5.0", "u1", True), "one of them is described", )
    tap.eq({c["state"] for c in everybody if c["client-id"]}, {one["state"]}, "all relay")
    tap.eq([c["mqtt"] for c in everybody if not c["client-id"]], ["-"], "of who was silent little is known")
    tap.eq([c["client-id"] for c in everybody if c["client-id"] not in ("", "c0", "c1", "c2", "c3")], [HOSTILE], "any name comes whole")
    for words, wanted in ((["--client-id", "c0"], 2), (["--client-id", "c0", "--listener", "other"], 1), (["--user", "u0"], 2),
                          (["--address", "127.0.7.1"], 3), (["--address", "127.0.7.1", "--user", "u0"], 1),
                          (["--listener", "plant"], 6), (["--client-id", "c"], 0), (["--client-id", HOSTILE], 1),
                          (["--limit", "3"], 3), (["--address", "::1"], 0)):
        tap.eq(len(listed(front, *words)), wanted, ascii(" ".join(words)))
    code, out, _ = front.ctl("-s", front.socket, "connections", "--limit", "6")
    lines = out.splitlines()
    tap.eq((code, len(lines)), (0, 8), "as a table: a head, lines, and how many there are")
    tap.ok(lines[0].startswith("LISTENER") and lines[-1] == "6 of 7 are shown", "which it says", out)
    _, out, _ = front.ctl("-s", front.socket, "connections", "--client-id", HOSTILE)
    tap.ok("\x1b" not in out and "evil\\x0a\\x1b[31m id" in out and len(out.splitlines()) == 2, "a hostile name is escaped", out)
    for words in (["--address", "plant"], ["--limit", "0"], ["--limit", "x"], ["--user", ""], ["--listener", "a b"]):
        tap.eq(front.ctl("-s", front.socket, "connections", *words)[0], 2, "wrong usage: " + " ".join(words))
    for c in clients + [silent]:
        c.close()
    tap.ok(proc.holds(lambda: listed(front) == [], 5), "all went")
    tap.eq(front.stop(), 0, "status 0")


class Trace:
    """A running `trace`."""

    def __init__(self, front, *words):
        self.child = proc.start([proxy.CTL, "-s", front.socket, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        front.wait_event("control", message="a trace begins", times=len(front.events("control", message="a trace ends")) + 1)

    def end(self, seconds=10):
        out, err = self.child.communicate(timeout=seconds)
        return self.child.returncode, out.decode(), err.decode()


def trace():
    """Types, sizes, topics and verdicts of one client, and nothing else"""
    stub = StubBroker(answer=lambda c, p: raw.publish("down/x", b"answer-payload", version=c.version)
                      if p.kind == raw.PUBLISH and p.topic == b"ask" else StubBroker.agree(c, p))
    text, _ = proxy.key("k")
    front = proxy.Proxy("filter f {\n\tdeny connect client-id no-*\n\tallow connect\n\tdeny publish no/#\n\tallow publish\n}\n" +
                        proxy.listener(extra="\tfilter f\n\totp codes") + proxy.broker(stub.port) + proxy.otp_block() + text +
                        proxy.encrypt("sealed/#", "k"))
    user = front.add_user("alice")
    front.start()
    for version in (4, 5):
        t = Trace(front, "--json", "trace", "--client-id", "seen", "--count", "11")
        code, out, err = front.ctl("-s", front.socket, "trace", "--client-id", "x", "--for", "5s")
        tap.ok(code == 1 and "another trace" in err, "one at a time", (code, out, err))
        with raw.Client(front.port, version) as c:
            c.login("unseen", user="alice", password="s3cret" + user.code())
            c.send(raw.publish("unseen/topic", b"x", version=version))
            c.ping()
        with raw.Client(front.port, version) as c:
            one = user.code()
            c.login("seen", user="alice", password="s3cret" + one)
            c.send(raw.publish("sealed/a", b"secret-payload", qos=1, mid=7, version=version))
            c.expect(raw.PUBACK)
            c.send(raw.publish("big", bytes(300000), retain=True, version=version))
            c.send(raw.publish("no/b", b"denied-payload", version=version))
            front.wait_event("denied", times=version - 3)  # what is said of a packet comes behind those read with it
            c.send(raw.publish("ask", version=version))
            c.expect(raw.PUBLISH)
            c.ping()
            c.send(raw.disconnect(version))
            c.end()
        code, out, err = t.end()
        rows = [json.loads(line) for line in out.splitlines()]
        told = [(r.get("packet") or r["note"], r["direction"], r.get("topic", ""), r.get("text", "")) for r in rows]
        tap.eq((code, err), (0, ""), "level %d: it ends after so many lines" % version)
        tap.eq(told, [("CONNECT", "up", "", ""), ("CONNACK", "down", "", ""), ("verdict", "up", "", "accepted"),
                      ("PUBLISH", "up", "sealed/a", ""), ("PUBACK", "down", "", ""), ("PUBLISH", "up", "big", ""),
                      ("PUBLISH", "up", "no/b", ""), ("denied", "up", "no/b", "publish"), ("PUBLISH", "up", "ask", ""),
                      ("PUBLISH", "down", "down/x", ""), ("PINGREQ", "up", "", "")], "all of it, in order")
        if len(rows) > 7:
            tap.eq((rows[3]["qos"], rows[3]["retain"], rows[5]["retain"], rows[5]["size"]),
                   (1, False, True, 300000 + len(raw.publish("big", bytes(300000), version=version)) - 300000), "with qos, retain, size")
            tap.ok(rows[7]["rule"].startswith(front.conf + ":"), "and the rule")
        for secret in ("secret-payload", "answer-payload", "denied-payload", "s3cret", one):
            tap.ok(secret not in out and secret.encode().hex() not in out, "not " + secret)
        front.wait_event("control", message="a trace ends", times=version - 3)
    t = Trace(front, "trace", "--client-id", "no-entry", "--for", "700ms")
    with raw.Client(front.port, 4) as c:
        c.login("no-entry", user="x", password="y")
    code, out, err = t.end()
    tap.eq((code, err), (0, ""), "it ends after a time")
    tap.ok(re.fullmatch(r"\d+\.\d+ up   verdict: filtered rule %s:\d+\n" % re.escape(front.conf), out), "a refusal", out)
    with raw.Client(front.port, 4, source="127.0.6.6") as c:
        c.login("late", user="alice", password="s3cret" + user.code())
        head = raw.publish("long", bytes(100000))
        c.send(head[:50000])
        proc.until(lambda: any(x.bytes > 40000 for x in stub.find("late")), 5)
        t = Trace(front, "trace", "--client-id", "late", "--count", "2")
        c.send(head[50000:] + raw.publish("next"))
        c.ping()
        code, out, err = t.end()
        tap.eq([line.split()[1:3] + line.split()[-1:] for line in out.splitlines()][:1], [["up", "PUBLISH", "next"]],
               "from the middle of a packet on, the next one is told")
    t = Trace(front, "trace", "--client-id", "late")
    t.child.send_signal(signal.SIGINT)
    t.child.wait(30)
    tap.ok(proc.holds(lambda: len(front.events("control", message="a trace ends")) == 5, 5), "an interrupt ends it, there too",
           lambda: front.events("control"))
    for words in ([], ["--client-id", ""], ["--client-id", "a", "--count", "0"], ["--client-id", "a", "--for", "x"]):
        tap.eq(front.ctl("-s", front.socket, "trace", *words)[0], 2, "wrong usage: " + " ".join(words))
    t = Trace(front, "trace", "--client-id", "x")
    tap.eq(front.stop(), 0, "status 0, with a trace under way")
    code, _, err = t.end()
    tap.ok(code == 1 and "the daemon has ended" in err, "which is told", err)


def flood():
    """Who reads a trace too slowly loses lines, not the daemon its memory"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    t = Trace(front, "trace", "--client-id", "fast")
    burst = raw.publish("t" * 100) * 2000
    with raw.Client(front.port) as c:
        c.login("fast")
        before = front.rss()
        go_on = proc.hold_thread(front.pid)  # the one that passes lines on
        for _ in range(60):
            c.send(burst)
        c.ping()
        tap.ok(proxy.sanitized() or front.rss() - before < 16384, "memory is bounded", (before, front.rss()))
        if go_on:
            go_on()
        lines = []

        def read():
            for line in t.child.stdout:
                lines.append(line.decode())
                if lines[-1].endswith(" more\n"):
                    return
        reader = threading.Thread(target=read)
        reader.start()
        while reader.is_alive():
            c.send(raw.publish("more"))
            reader.join(0.05)
    t.child.send_signal(signal.SIGINT)
    _, err = t.child.communicate(timeout=10)
    out, err = "".join(lines), err.decode()
    lost = sum(int(n) for n in re.findall(r"(\d+) lines were lost", err))
    tap.ok(lost > 50000 and out.count("PUBLISH") > 2000, "some lines came, and it is told how many did not", (lost, out.count("PUBLISH")))
    tap.within(lost + out.count(" t" + "t" * 99 + "\n"), 119990, 120010, "all together")
    with raw.Client(front.port) as c:
        tap.eq(c.login("after").code, 0, "and others are served")
    tap.eq(front.stop(), 0, "status 0")


def top():
    """Once without a terminal, live on one"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    c = raw.Client(front.port)
    c.login("one")
    code, out, err = front.ctl("-s", front.socket, "top")
    tap.ok(code == 0 and re.search(r"^connections +1$", out, re.M) and re.search(r"^packets up +0\.0 /s$", out, re.M), "once", out + err)
    code, out, _ = front.ctl("--json", "-s", front.socket, "top")
    numbers = json.loads(out)
    tap.eq((code, numbers["connections"], numbers["packets-up-per-second"]), (0, 1, 0), "as JSON")
    for key in (b"q", b"\x03"):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(proxy.CTL, [proxy.CTL, "-s", front.socket, "top"])
        seen, ended = b"", time.monotonic() + 10
        while seen.count(b"q ends") < 2 and time.monotonic() < ended:
            if select.select([fd], [], [], 0.2)[0]:
                seen += os.read(fd, 65536)
            c.send(raw.pingreq() * 10)
        os.write(fd, key)
        try:
            while os.read(fd, 65536):
                pass
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        text = seen.decode(errors="replace").replace("\r", "")
        rates = [float(n) for n in re.findall(r"^packets up +([0-9.]+) /s$", text, re.M)]
        tap.ok(len(rates) >= 2 and max(rates) > 5, "live, with rates", text[-600:])
        tap.eq(status, 0, "%r ends it" % key)
    c.close()
    tap.eq(front.stop(), 0, "status 0")
    tap.eq(front.ctl("-s", front.socket, "top")[0], 3, "without a daemon it says so")


tap.run([connections, trace, flood, top])
