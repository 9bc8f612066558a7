# SPDX-License-Identifier: ISC
"""The daemon under a service manager: what it tells it, the sockets it is given, and its watchdog. The manager is played
here, down to the datagrams; a real one is in tests/system."""
import ctypes
import os
import signal
import socket
import sys
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()



class Manager:
    """A socket of the notify protocol. `said`: what came, each datagram as a dictionary."""

    def __init__(self, abstract=False):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = "@mqsp-%d" % os.getpid() if abstract else proc.path("notify")
        if not abstract and os.path.exists(self.name):
            os.unlink(self.name)
        self.sock.bind(self.name.replace("@", "\0", 1) if abstract else self.name)
        self.said = []

    def env(self, watchdog_us=None):
        env = dict(os.environ, NOTIFY_SOCKET=self.name)
        if watchdog_us:
            env["WATCHDOG_USEC"] = str(watchdog_us)
        return env

    def hear(self, seconds=10):
        """The next datagram, None where there is none in time."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(4096)
        except TimeoutError:
            return None
        self.said.append(dict(line.split("=", 1) for line in data.decode().split("\n")))
        return self.said[-1]

    def hear_until(self, name, seconds=10):
        """The next datagram that has the name; those before it are passed over."""
        end = time.monotonic() + seconds
        while True:
            got = self.hear(max(0.001, end - time.monotonic()))
            if got is None or name in got:
                return got

    def silent(self, seconds=0.6, within=3):
        """Whether it falls silent in time, for so long."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.hear(seconds) is None:
                return True
        return False

    def close(self):
        self.sock.close()


def notify():
    """READY, RELOADING, STOPPING, each at its time"""
    for abstract in (False, True):
        manager, stub = Manager(abstract), StubBroker()
        front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port), env=manager.env())
        front.start(wait=False)
        tap.eq(manager.hear(), {"READY": "1", "STATUS": "serving"}, "READY=1 is the first word")
        tap.ok(front.wait_event("listening"), "which comes when the listeners stand")
        with raw.Client(front.port) as c:
            tap.eq(c.login("a").code, 0, "and clients get in")
        for way in ("ctl", "SIGHUP"):
            for good in (True, False):
                front.configure(front.text if good else "listener broken {\n")
                if way == "ctl":
                    tap.eq(front.reload()[0], 0 if good else 78, "reload: its verdict")
                else:
                    os.kill(front.pid, signal.SIGHUP)
                got = manager.hear()
                tap.ok(got.get("RELOADING") == "1" and int(got.get("MONOTONIC_USEC", 0)) <= time.monotonic_ns() // 1000,
                       "%s, %s: RELOADING=1 with the time" % (way, "good" if good else "bad"), repr(got))
                got = manager.hear()
                tap.ok(got.get("READY") == "1" and ("refused" in got["STATUS"]) == (not good), "then READY=1 and how it went", repr(got))
                front.configure(proxy.listener() + proxy.broker(stub.port))
        os.kill(front.pid, signal.SIGTERM)
        got = manager.hear()
        tap.ok(got.get("STOPPING") == "1" and got["EXTEND_TIMEOUT_USEC"] == "20000000",
               "STOPPING=1, and how long that may take: the grace and ten seconds", repr(got))
        tap.eq(front.wait_exit(), 0, "status 0")
        tap.eq(manager.hear(0.01), None, "nothing more is said")
        manager.close()
    # a start that fails never says READY
    manager = Manager()
    code, _, _ = proc.run([proxy.DAEMON, "-c", proc.write("bad.conf", "nonsense\n")], env=manager.env())
    tap.eq((code, manager.hear(0.01)), (78, None), "a bad configuration: 78, and nothing is said")
    manager.close()


def threads(pid):
    return sorted(int(t) for t in os.listdir("/proc/%d/task" % pid))


def watchdog():
    """WATCHDOG=1 while every thread turns, and no more when one hangs"""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    manager, stub = Manager(), StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block(),
                        env=manager.env(watchdog_us=400000))
    began = time.monotonic()
    front.start()
    manager.hear_until("READY")
    beats = [manager.hear() for _ in range(6)]
    took = time.monotonic() - began
    tap.eq(beats, [{"WATCHDOG": "1"}] * 6, "WATCHDOG=1, again and again")
    tap.within(took, 0.4, 20, "four times in the time that was set")
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    workers = [t for t in threads(front.pid) if comm(front.pid, t) == "worker"]
    tap.eq(len(workers), 2, "there are two workers")
    for which in workers:
        if libc.ptrace(SEIZE, which, None, None) != 0:
            tap.skip("one thread hangs", "no thread may be stopped here (ptrace)")
            continue
        libc.ptrace(INTERRUPT, which, None, None)
        proc.until(lambda: state(front.pid, which) == "t", 5, "the thread to stop")
        silent = manager.silent()
        os.waitpid(which, 0x40000000)  # __WALL: it is a thread
        tap.eq(libc.ptrace(DETACH, which, None, None), 0, "it is let go")
        tap.ok(silent, "a worker hangs: silence, though all others turn")
        tap.eq(manager.hear(), {"WATCHDOG": "1"}, "and so does the watchdog go on")
    os.kill(front.pid, signal.SIGSTOP)
    tap.ok(manager.silent(), "the whole process hangs: silence")
    os.kill(front.pid, signal.SIGCONT)
    tap.eq(manager.hear(), {"WATCHDOG": "1"}, "it goes on: so does the watchdog")
    tap.eq(front.stop(), 0, "status 0")
    manager.close()


def comm(pid, tid):
    with open("/proc/%d/task/%d/comm" % (pid, tid)) as f:
        return f.read().strip()


def state(pid, tid):
    with open("/proc/%d/task/%d/stat" % (pid, tid)) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def floods():
    """Refusals, broken payloads and a broker that is away are told so often, and counted beyond"""
    stub = StubBroker()
    dead = proc.free_port()
    body = "filter f {\n\tallow connect client-id good*\n\tdeny connect\n}\n"
    text = proxy.listener(extra="\tfilter f") + proxy.listener("gone", "lost") + proxy.broker(stub.port) + proxy.broker(dead, "gone") + body

    def log(front, n, ms):
        front.configure("log {\n\trate-limit %s\n}\n" % ("off" if n is None else "%d per %dms" % (n, ms)) + text)

    front = proxy.Proxy(text, workers=1)
    log(front, 3, 1500)
    front.start()

    def refuse(times, port=front.port, ident="bad"):
        for i in range(times):
            with raw.Client(port) as c:
                c.send(raw.connect(4, "%s%d" % (ident, i)))
                c.end()

    refuse(10)
    first = front.wait_event("suppressed", of="filtered")
    tap.eq(first["count"], "7", "of 10 refusals 3 are told, and that 7 were not when the time is over")
    tap.eq(len(front.verdicts("filtered")), 3, "3 lines")
    refuse(2)
    front.wait_verdict("filtered", times=5)
    tap.eq(len(front.verdicts("filtered")), 5, "then a new time begins")
    for i in range(5):
        with raw.Client(front.port) as c:
            tap.eq(c.login("good%d" % i).code, 0, "who may gets in")
    front.wait_verdict("accepted", times=5)
    tap.eq(len(front.verdicts("accepted")), 5, "who was let in is always told")
    with raw.Client(front.port_of("lost")) as c:  # a kind of its own, and its broker's another
        c.login("x")
    tap.eq(front.wait_event("dial")["address"], "127.0.0.1:%d" % dead, "which address of the broker did not answer is told")
    front.wait_verdict("broker_unreachable")
    tap.eq(front.status()["log-lines-suppressed"], "7", "status counts what was left out")
    log(front, None, 0)
    tap.eq(front.reload()[0], 0, "rate-limit off")
    before = len(front.verdicts("filtered"))
    refuse(30)
    proc.until(lambda: len(front.verdicts("filtered")) >= before + 30, 5, "a line of each")
    tap.eq(len(front.verdicts("filtered")), before + 30, "each is told")
    log(front, 3, 3600000)
    front.reload()
    refuse(10)
    tap.eq(front.stop(), 0, "status 0")
    tap.ok([f for f in front.events("suppressed", of="filtered")][1:], "what was left out is told at the end at the latest")


def asked():
    """reload asks the daemon, whatever the file says: the verdict is the daemon's"""
    stub = StubBroker()
    text = proxy.listener() + proxy.broker(stub.port)
    front = proxy.Proxy(text).start()
    with raw.Client(front.port) as c:
        c.login("there")
        tap.eq(front.status()["last-reload"], "none", "no reload yet")
        for bad, why in ((text + "lissener x {\n}\n", "lissener"), (text.replace("127.0.0.1:0", "127.0.0.2:0"), "restart"),
                         (text + "filter f {\n\tdeny connect address @%s\n}\n" % proc.path("no-list"), "no-list")):
            front.configure(bad)
            code, _, err = front.ctl("reload")
            tap.ok(code == 78 and why in err, "a configuration that cannot be taken: 78 and why", repr((code, err)))
            tap.eq(front.status()["last-reload"], "refused", "status knows")
            tap.eq(front.events("reload")[-1:] and front.wait_event("reload", level="error")["level"], "error", "and the log")
            c.ping()
        front.configure(text)
        tap.eq(front.ctl("reload")[0], 0, "a good one: 0")
        tap.eq(front.status()["last-reload"], "done", "status knows that too")
        # a file that is no configuration at all: the default socket is asked, where nobody is
        proc.write(front.conf, "nonsense\n")
        code, _, err = front.ctl("reload")
        tap.ok(code in (1, 3) and "/run/mqsecproxy/ctl.sock" in err, "no configuration: the default socket", repr((code, err)))
        # one that was named and is gone is none: what is meant for this daemon must not reach another
        os.unlink(front.conf)
        code, _, err = front.ctl("reload")
        tap.ok(code == 78 and front.conf + ": No such file" in err, "no file: nobody is asked", repr((code, err)))
        front.configure(text)
        c.ping()
    tap.eq(front.stop(), 0, "status 0")
    front.configure(text + "lissener x {\n}\n")
    tap.eq(front.ctl("reload")[0], 3, "nobody runs: 3")


def log_level():
    """log-level changes what is logged, until a reload"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    for level, told in (("error", False), ("debug", True), ("warning", False), ("info", True)):
        tap.eq(front.ctl("log-level", level)[:2], (0, "log level %s\n" % level), "log-level " + level)
        tap.eq(front.status()["log-level"], level, "status shows it")
        with raw.Client(front.port) as c:
            c.login("at-" + level)
            peer = "127.0.0.1:%d" % c.port
        if told:
            front.wait_verdict("accepted", client_id="at-" + level)
        if level == "debug":
            tap.eq(front.wait_event("arrived")["peer"], peer, "who came, before a word")
            line = front.wait_event("dialled")
            tap.eq((line["peer"], line["client_id"], line["broker"], line["address"], line["level"]),
                   (peer, "at-debug", "main", "127.0.0.1:%d" % stub.port, "debug"), "and what the broker took")
            tap.ok(0 <= int(line["took_ms"]) < 60000, "and how long that took", line)
    front.ctl("log-level", "error")
    front.reload()
    tap.eq(front.status()["log-level"], "info", "after a reload it is the configured one")
    for bad in ("loud", "Error", ""):
        tap.eq(front.ctl("log-level", bad)[0], 2, "%r is no level" % bad)
    tap.eq(front.stop(), 0, "status 0")
    tap.eq([f["client_id"] for f in front.verdicts("accepted")], ["at-debug", "at-info"], "what was below was left out")
    tap.eq((len(front.events("arrived")), len(front.events("dialled"))), (1, 1), "also of connections")


def spread(clients, seconds, halfway):
    """When each of them saw the end, and what it was told. halfway() is called when half of them did."""
    import select
    began, ends = time.monotonic(), {}
    poll = select.poll()
    by_fd = {c.sock.fileno(): c for c in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while len(ends) < len(clients) and time.monotonic() - began < seconds:
        for fd, _ in poll.poll(100):
            poll.unregister(fd)
            ends[fd] = time.monotonic() - began, by_fd[fd].end()
            if len(ends) == len(clients) // 2:
                halfway()
    return sorted(ends.values(), key=lambda e: e[0])


def drained():
    """drain: nobody new, all ends spread over the time, and the daemon stays; SIGTERM spreads likewise"""
    n = 120
    for how in ("drain", "SIGTERM"):
        stub = StubBroker()
        front = proxy.Proxy("shutdown-grace %s\n" % ("30s" if how == "drain" else "3s") + proxy.listener() + proxy.broker(stub.port)).start()
        port = front.port
        clients = [raw.Client(port, 5) for _ in range(n)]
        for i, c in enumerate(clients):
            c.login("c%d" % i)
        # some in the middle of a message up, and one down: all are whole when the end comes
        upward, downward = [raw.Client(port, 5) for _ in range(12)], raw.Client(port, 5)
        message = raw.publish("t", bytes(5000), version=5)
        for i, c in enumerate(upward):
            c.login("upward%d" % i)
            c.send(message[:2500])
        downward.login("downward")
        leg = stub.find("downward")[0]
        stub.send(leg, message[:2500])
        while len(downward.received) < 2505:
            downward.read(5)
        if how == "drain":
            tap.eq(front.ctl("drain", "--over", "3s")[0], 0, "drain --over 3s")
            tap.eq(front.status()["draining"], "yes", "status tells")
        else:
            front.child.send_signal(signal.SIGTERM)
        proc.until(lambda: not proc.can_connect(port), 5, "the port to be closed")
        stub.send(leg, message[2500:])
        ends = spread(clients, 10, lambda: [c.send(message[2500:]) for c in upward])
        times = [t for t, _ in ends]
        tap.eq(len(ends), n, "%s: all see the end" % how)
        tap.eq([e for _, p in ends for e in [(q.kind, q.code) for q in p]], [(raw.DISCONNECT, 0x8B)] * n, "each is told 0x8B")
        most = max(sum(1 for t in times if a <= t < a + 0.3) for a in [x * 0.1 for x in range(40)])
        # a daemon that is slowed down by a sanitizer comes late, and then with many at once
        tap.ok(times[-1] - times[0] > 1.2 and (most < n / 2 or proxy.sanitized()), "spread over half the time",
               "from %.2f to %.2f, at most %d in 0.3 s" % (times[0], times[-1], most))
        got = downward.end()
        tap.eq([(p.kind, p.raw) for p in got], [(raw.PUBLISH, message), (raw.DISCONNECT, raw.disconnect(5, 0x8B))],
               "a message that was half through comes whole, then the farewell")
        whole = [any(p.kind == raw.PUBLISH for p in stub.find("upward%d" % i)[0].packets) for i, c in enumerate(upward) if c.end()]
        tap.eq(whole, [True] * 12, "also those upward, whose second half came late")
        if how == "drain":
            proc.until(lambda: front.status()["connections"] == "0", 5, "nobody to be left")
            tap.ok(front.running() and not proc.can_connect(port), "the daemon stays, and lets nobody in")
            tap.eq(front.reload()[0], 0, "a reload is taken")
            tap.ok(not proc.can_connect(port), "and opens nothing")
            tap.eq(front.ctl("drain")[0], 0, "drain once more")
            tap.eq(front.ctl("drain", "--over", "2h")[0], 2, "two hours are too long")
            tap.eq(front.stop(), 0, "then SIGTERM ends it: status 0")
        else:
            tap.eq(front.wait_exit(), 0, "status 0")
            tap.diagnosers.remove(front.diagnose)


def as_json():
    """One object a line, whatever stands in it"""
    import json
    stub = StubBroker()
    front = proxy.Proxy("log {\n\tformat json\n\tlevel debug\n}\n" + proxy.listener() + proxy.broker(stub.port))
    front.start(wait=False)
    proc.until(lambda: '"event":"ready"' in front.log(), 10, "readiness")
    rows = [json.loads(line) for line in front.lines]
    port = int([r for r in rows if r["event"] == "listening"][0]["address"].rsplit(":", 1)[1])
    nasty = 'a"b\\c\n\td\u2028 grün \U0001f600 {}'
    with raw.Client(port, 5) as c:
        tap.eq(c.login(nasty, user="u\x7f").code, 0, "a client with an odd name")
    os.kill(front.pid, signal.SIGHUP)
    proc.until(lambda: "reloaded" in front.log(), 10, "the reload")
    front.configure("nonsense\n")
    front.reload()
    tap.eq(front.stop(), 0, "status 0")
    bad = []
    for line in front.lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            bad.append(line)
    tap.eq(bad, [], "every line is JSON, also those of a bad reload")
    tap.ok(all({"time", "level", "event"} <= set(r) for r in rows), "each with time, level and event")
    hit = [r for r in rows if r.get("verdict") == "accepted"][0]
    tap.eq(hit["client_id"].replace("\x0a", "\n").replace("\x09", "\t"), nasty.replace("\u2028", "\u00e2\u0080\u00a8"),
           "the name comes out, but for what could break lines")
    tap.ok(isinstance(hit["worker"], int), "numbers are numbers")
    complaint = [r for r in rows if r["event"] == "configuration"]
    tap.ok(any(":1: error: unknown directive" in r["message"] for r in complaint), "what is wrong with a configuration is a line too")


JOURNAL = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind \"$1\" /run/systemd/journal && shift && exec \"$@\""


def journal():
    """Fields by datagram where standard error leads to the journal or that was ordered"""
    folder = proc.path("journal")
    os.mkdir(folder)
    there = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    there.bind(os.path.join(folder, "socket"))
    there.settimeout(5)
    wrapper = ["unshare", "-rm", "sh", "-c", JOURNAL, "sh", folder]
    try:
        works = proc.run(wrapper + ["true"])[0] == 0
    except FileNotFoundError:
        works = False
    if not works:
        raise tap.Skip("no namespaces here (unshare -rm)")
    stub = StubBroker()
    text = proxy.listener() + proxy.broker(stub.port)
    stream = 'exec 2>>"$1"; shift; JOURNAL_STREAM=$(stat -L -c %%d:%%i /dev/stderr)%s exec "$@"'

    def entries(until):
        got = []
        while not got or got[-1].get("MQSP_EVENT") != until:
            data = there.recv(8192).decode()
            got.append(dict(line.split("=", 1) for line in data.rstrip("\n").split("\n")))
        return got

    for how, order, more in (("ordered", "journal", []), ("by JOURNAL_STREAM", "auto", ["sh", "-c", stream % "", "sh", proc.path("stderr")])):
        front = proxy.Proxy("log {\n\tto %s\n\tclient-ids hashed\n}\n" % order + text, wrapper=wrapper + more)
        front.start(wait=False)
        got = entries("ready")
        port = int([e for e in got if e["MQSP_EVENT"] == "listening"][0]["MQSP_ADDRESS"].rsplit(":", 1)[1])
        with raw.Client(port, 5) as c:
            tap.eq(c.login("secretive\nPRIORITY=0", user="eve").code, 0, "%s: a client" % how)
        hit = entries("connect")[-1]
        tap.eq({k: hit.get(k) for k in ("PRIORITY", "SYSLOG_IDENTIFIER", "MQSP_VERDICT", "MQSP_USER", "MQSP_LISTENER")},
               {"PRIORITY": "6", "SYSLOG_IDENTIFIER": "mqsecproxy", "MQSP_VERDICT": "accepted", "MQSP_USER": "eve",
                "MQSP_LISTENER": "plant"}, "its fields")
        tap.ok(hit["MESSAGE"].startswith("event=connect verdict=accepted peer=127.0.0.1:"), "and the message for people", hit["MESSAGE"])
        tap.ok(len(hit["MQSP_CLIENT_ID"]) == 17 and hit["MQSP_CLIENT_ID"][0] == "#", "the client's id is hashed", hit["MQSP_CLIENT_ID"])
        tap.eq(front.stop(), 0, "status 0")
        entries("stopped")
        tap.eq(front.log(), "", "nothing on standard error")
    # whoever asks the journal for errors gets why there was no start
    front = proxy.Proxy("lissener x {\n}\n" + text, wrapper=wrapper + more)
    front.start(wait=False)
    tap.eq(front.wait_exit(), 78, "a bad configuration")
    hit = entries("configuration")[-1]
    tap.ok(hit["PRIORITY"] == "3" and "error: unknown directive" in hit["MESSAGE"], "is an error in the journal", repr(hit))
    tap.eq(front.log(), "", "and nothing on standard error")
    # a stream that is not the journal's, and a journal that is not there
    front = proxy.Proxy("log {\n\tto auto\n}\n" + text, wrapper=wrapper + ["env", "JOURNAL_STREAM=1:1"]).start()
    tap.eq(front.stop(), 0, "another stream: standard error")
    there.close()
    os.unlink(os.path.join(folder, "socket"))
    front = proxy.Proxy("log {\n\tto journal\n}\n" + text, wrapper=wrapper).start()
    tap.eq(front.stop(), 0, "no journal: standard error")


def hashed():
    """A hashed id is the same for the same client, also after a reload, and another in another run"""
    stub = StubBroker()
    text = "log {\n\tclient-ids hashed\n}\n" + proxy.listener() + proxy.broker(stub.port)
    seen = []
    for run in range(2):
        front = proxy.Proxy(text).start()
        for name in ("one", "two", "one"):
            with raw.Client(front.port) as c:
                tap.eq(c.login(name, user="joe").code, 0, "a client")
            front.reload()
        front.wait_verdict("accepted", times=3)
        tap.eq(front.stop(), 0, "status 0")
        seen.append([f["client_id"] for f in front.verdicts("accepted")])
        tap.ok("one" not in [f.get("client_id") for f in front.events()], "the id itself is nowhere")
    tap.ok(seen[0][0] == seen[0][2] != seen[0][1], "the same for the same client", repr(seen))
    tap.ok(not set(seen[0]) & set(seen[1]), "others in another run", repr(seen))


def listening(host="127.0.0.1", family=socket.AF_INET):
    s = socket.socket(family)
    s.bind((host, 0))
    s.listen(64)
    return s


def activated(text, sockets, names, **more):
    """A proxy that is given sockets as descriptors 3, 4, … under names. Dressed up in a process between, since the
    descriptors have to have these numbers."""
    numbers = [s.fileno() for s in sockets]
    code = "import os, sys\n" + "".join("os.dup2(%d, %d)\n" % (n, 100 + i) for i, n in enumerate(numbers)) + \
        "".join("os.dup2(%d, %d, True)\n" % (100 + i, 3 + i) for i in range(len(numbers))) + \
        "os.environ['LISTEN_PID'] = str(os.getpid())\nos.execv(sys.argv[1], sys.argv[1:])"
    env = dict(os.environ, LISTEN_FDS=str(len(sockets)))
    if names is not None:
        env["LISTEN_FDNAMES"] = ":".join(names)
    env.update(more)
    return proxy.Proxy(text, wrapper=[sys.executable, "-c", code], pass_fds=numbers, env=env)


def taken():
    """A port that another process has is told with how to find that"""
    stub = StubBroker()
    there = listening()
    port = there.getsockname()[1]
    for listen, http in ((port, None), (0, port)):
        front = proxy.Proxy(proxy.listener(listen="127.0.0.1:%d" % listen) + proxy.broker(stub.port))
        if http:
            front.head = front.head.replace("admin {\n", "admin {\n\thttp 127.0.0.1:%d\n" % http)
            front.configure(front.text)
        front.start(wait=False)
        tap.eq(front.wait_exit(), 1, "it does not start")
        why = front.wait_event("start")["message"]
        tap.ok("127.0.0.1:%d (ss -ltnp tells who has the port): Address already in use" % port in why, "and says why", why)
    there.close()


def activation():
    """Sockets that the manager passed are those of the listener with their name"""
    stub = StubBroker()
    one, two, other = listening(), listening("::1", socket.AF_INET6), listening()
    text = proxy.listener() + proxy.listener(name="second", listen="127.0.0.1:1") + proxy.broker(stub.port)
    front = activated(text, [one, other, two], ["plant", "second", "plant"]).start()
    tap.eq(sorted((f["listener"], f["address"], f.get("from")) for f in front.events("listening")),
           sorted([("plant", "127.0.0.1:%d" % one.getsockname()[1], "manager"),
                   ("plant", "[::1]:%d" % two.getsockname()[1], "manager"),
                   ("second", "127.0.0.1:%d" % other.getsockname()[1], "manager")]), "each has its listener; the lines \"listen\" are not used")
    for i, s in enumerate((one, other)):
        with raw.Client(s.getsockname()[1]) as c:
            tap.eq(c.login("a%d" % i).code, 0, "a client gets in")
            c.ping()
    tap.eq(front.reload()[0], 0, "a reload")
    # killed, the next one takes the same sockets; who connects in between waits and gets in
    front.stop(signal.SIGKILL)
    waiting = raw.Client(one.getsockname()[1])
    waiting.send(raw.connect(4, "patient"))
    again = activated(text, [one, other, two], ["plant", "second", "plant"]).start()
    tap.eq(waiting.expect(raw.CONNACK).code, 0, "who connected between two daemons gets in")
    waiting.close()
    tap.eq(again.stop(), 0, "status 0")
    # a listener that no socket was passed for opens its own
    front = activated(proxy.listener() + proxy.listener(name="second") + proxy.broker(stub.port), [one], ["plant"]).start()
    tap.eq(sorted((f["listener"], f.get("from")) for f in front.events("listening")), [("plant", "manager"), ("second", None)],
           "a listener without a socket opens its own")
    tap.eq(front.stop(), 0, "status 0")
    # what was meant for another process is not touched
    front = activated(proxy.listener() + proxy.broker(stub.port), [one], ["plant"])
    front.wrapper[2] = front.wrapper[2].replace("str(os.getpid())", "'1'")
    front.start()
    tap.eq([f.get("from") for f in front.events("listening")], [None], "a LISTEN_PID that is not ours: nothing was passed")
    tap.eq(front.stop(), 0, "status 0")


def refused():
    """A socket that fits nowhere is an error at start, and says so"""
    stub = StubBroker()
    text = proxy.listener() + proxy.broker(stub.port)
    good = listening()
    quiet = socket.socket()
    quiet.bind(("127.0.0.1", 0))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", 0))
    local = socket.socket(socket.AF_UNIX)
    local.bind(proc.path("local"))
    local.listen(1)
    exposed = listening("0.0.0.0")
    rows = [([good], ["nobody"], "no listener has that name"), ([good], None, 'named \\"unknown\\"'),
            ([good, good], ["plant"], "as many names"), ([quiet], ["plant"], "does not listen"),
            ([datagram], ["plant"], "no TCP socket"), ([local], ["plant"], "no TCP socket"),
            ([exposed], ["plant"], "insecure-ok yes")]
    for sockets, names, why in rows:
        front = activated(text, sockets, names)
        front.start(wait=False)
        tap.eq(front.wait_exit(), 1, "%s: status 1" % why)
        tap.ok(why in front.log(), "and why", front.log())
    front = activated(proxy.listener(extra="\tinsecure-ok yes") + proxy.broker(stub.port), [exposed], ["plant"]).start()
    tap.eq(front.stop(), 0, "one beyond loopback is fine where the listener says so")


tap.run([notify, watchdog, taken, activation, refused, floods, asked, log_level, drained, as_json, journal, hashed])
