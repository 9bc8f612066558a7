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

    def close(self):
        self.sock.close()


def notify():
    """READY, RELOADING, STOPPING, each at its time"""
    for abstract in (False, True):
        manager, stub = Manager(abstract), StubBroker()
        front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port), env=manager.env())
        front.start(wait=False)
        tap.eq(manager.hear(), {"READY": "1", "STATUS": "serving"}, "READY=1 is the first word")
        tap.ok(front.events("listening"), "which comes when the listeners stand")
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
                        env=manager.env(watchdog_us=400000)).start()
    manager.hear_until("READY")
    began = time.monotonic()
    beats = [manager.hear() for _ in range(6)]
    took = time.monotonic() - began
    tap.eq(beats, [{"WATCHDOG": "1"}] * 6, "WATCHDOG=1, again and again")
    tap.within(took, 0.4, 2, "four times in the time that was set")
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    workers = [t for t in threads(front.pid) if comm(front.pid, t) == "worker"]
    tap.eq(len(workers), 2, "there are two workers")
    for which in workers:
        if libc.ptrace(SEIZE, which, None, None) != 0:
            tap.skip("one thread hangs", "no thread may be stopped here (ptrace)")
            continue
        libc.ptrace(INTERRUPT, which, None, None)
        proc.until(lambda: state(front.pid, which) == "t", 5, "the thread to stop")
        while manager.hear(0.3):
            pass
        tap.eq(manager.hear(0.6), None, "a worker hangs: silence, though all others turn")
        os.waitpid(which, 0x40000000)  # __WALL: it is a thread
        tap.eq(libc.ptrace(DETACH, which, None, None), 0, "it is let go")
        tap.eq(manager.hear(), {"WATCHDOG": "1"}, "and so does the watchdog go on")
    os.kill(front.pid, signal.SIGSTOP)
    while manager.hear(0.3):
        pass
    tap.eq(manager.hear(0.6), None, "the whole process hangs: silence")
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


tap.run([notify, watchdog, activation, refused])
