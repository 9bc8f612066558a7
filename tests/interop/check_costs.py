# SPDX-License-Identifier: ISC
"""What connections and messages cost, where it can be counted: memory, system calls, and which worker has whom."""
import collections
import os
import re
import resource
import shutil
import signal
import socket
import subprocess

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
CROWD = 2000


def many_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 5 * CROWD + 200:
        tap.skip_all("the limit of open files is %d" % hard)


def link(path):
    """What a descriptor is; "" where it is gone by now."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def listening_fd(front):
    """The descriptor at which the proxy listens."""
    wanted = "%04X" % front.port
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f]
    inode = [r[9] for r in rows if r[3] == "0A" and r[1].endswith(":" + wanted)][0]
    folder = "/proc/%d/fd" % front.pid
    return [int(n) for n in os.listdir(folder) if link("%s/%s" % (folder, n)) == "socket:[%s]" % inode][0]


def by_worker(front):
    """How many sockets each worker waits for, the listening one aside."""
    door, out = listening_fd(front), []
    for n in os.listdir("/proc/%d/fd" % front.pid):
        folder = "/proc/%d" % front.pid
        if link("%s/fd/%s" % (folder, n)) != "anon_inode:[eventpoll]":
            continue
        with open("%s/fdinfo/%s" % (folder, n)) as f:
            waits = [int(t) for t in re.findall(r"^tfd:\s*(\d+)", f.read(), re.M)]
        if door in waits:
            out.append(sum(link("%s/fd/%d" % (folder, t)).startswith("socket:") for t in waits) - 1)
    return sorted(out)


def even(counts):
    """One more for each sixteen is no matter."""
    return len(counts) == 3 and sum(counts) == 120 and counts[-1] - counts[0] <= 8


def spread():
    """Clients that come one by one are spread evenly over the workers"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port), workers=3).start()
    crowd = []
    for i in range(60):
        crowd.append(raw.Client(front.port))
        crowd[-1].login("one-%d" % i)
    tap.ok(even(by_worker(front)), "sixty sessions, two sockets each, on three workers", by_worker(front))
    for c in crowd[:30]:
        c.close()
    tap.ok(proc.holds(lambda: sum(by_worker(front)) == 60, 20), "half of them leave")
    for i in range(30):
        crowd.append(raw.Client(front.port))
        crowd[-1].login("two-%d" % i)
    tap.ok(even(by_worker(front)), "and those who come instead fill up where they were", by_worker(front))
    for c in crowd:
        c.close()
    tap.eq(front.stop(), 0, "status 0")


def settled_rss(front):
    """Once it does not move any more."""
    seen = [front.rss()]
    proc.until(lambda: seen.append(front.rss()) or len(seen) > 5 and len(set(seen[-5:])) == 1, 30)
    return seen[-1]


def come(front, before, n):
    crowd = [raw.Client(front.port) for _ in range(n)]
    proc.until(lambda: int(front.status()["connections-accepted"]) == before + n, 30)
    return crowd


def memory():
    """Memory of the process: at the start, before CONNECT, and relayed"""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener(extra="\tmax-connections %d\n\tmax-pending %d\n\tmax-pending-per-address %d" %
                                       (4 * CROWD, 4 * CROWD, 4 * CROWD)) + proxy.broker(stub.port), workers=1).start()
    start = front.rss()
    tap.ok(start <= 8192, "%d KiB at the start" % start)
    # What was free already is used up by the first ones.
    crowd = come(front, 0, CROWD)
    for c in crowd:
        c.login()
    first = settled_rss(front)
    late = come(front, CROWD, CROWD)
    waiting = (settled_rss(front) - first) * 1024 / CROWD
    for c in late:
        c.login()
    relayed = (settled_rss(front) - first) * 1024 / CROWD
    tap.ok(waiting <= 512, "%d bytes before CONNECT" % waiting)
    tap.ok(relayed <= 2560, "%d bytes for both legs of an idle session" % relayed)
    for c in crowd + late:
        c.close()
    tap.eq(front.stop(seconds=30), 0, "status 0")


class Traced:
    """What a process asks the kernel for meanwhile, by name."""

    def __init__(self, pid):
        self.file = proc.path("calls")
        self.child = subprocess.Popen(["strace", "-f", "-o", self.file, "-p", str(pid)], stderr=subprocess.PIPE)
        self.child.stderr.readline()  # attached

    def calls(self):
        self.child.send_signal(signal.SIGINT)
        self.child.wait(30)
        out = collections.Counter()
        with open(self.file) as f:
            for line in f:
                m = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", line)
                if m and "unfinished" not in line:
                    out[m.group(1)] += 1
        return out


def calls(text, what):
    """What messages cost in system calls, in a row and one by one."""
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port) + text, workers=1).start()
    with raw.Client(front.port) as c:
        c.login("counted")
        c.publish("t/1", b"x" * 64, qos=1)
        trace = Traced(front.pid)
        for _ in range(100):
            c.publish("t/1", b"x" * 64, qos=1)
        n = trace.calls()
        # Up and down: waited, read, sent. The last wait is cut short by the tracer's end.
        tap.ok(n["recvfrom"] == n["sendto"] == 200 and n["epoll_wait"] <= 205 and sum(n.values()) <= 610,
               "%s: three calls for each direction of a message that comes alone" % what, n)
        row = raw.publish("t/1", b"x" * 64) * 4000 + raw.publish("t/end", b"", qos=1, mid=7)
        trace = Traced(front.pid)
        c.send(row)
        c.expect(raw.PUBACK, 30)
        n = trace.calls()
        tap.ok(sum(n.values()) <= 400, "%s: not one for ten of those that come in a row" % what, n)
    tap.eq(front.stop(), 0, "status 0")


def system_calls():
    """System calls of messages that are relayed, and of those that are sealed"""
    if shutil.which("strace") is None:
        tap.skip("system calls", "no strace")
        return
    calls("", "relayed")
    block, _ = proxy.key("site")
    calls(block + proxy.encrypt("t/#", "site"), "sealed")


def connects():
    """System calls of connections: few to come and go, none while a client that sent more waits for the broker"""
    if shutil.which("strace") is None:
        tap.skip("system calls", "no strace")
        return
    stub = StubBroker()
    front = proxy.Proxy(proxy.listener() + proxy.broker(stub.port), workers=1).start()
    trace = Traced(front.pid)
    for i in range(50):
        with raw.Client(front.port) as c:
            c.login("c%d" % i)
            c.send(raw.disconnect())
    proc.until(lambda: front.status()["connections"] == "0", 15, "all to be gone")
    n = trace.calls()
    # What a client's socket needs was set where it listens; what is awaited of it changes only for one that sends.
    tap.ok(n["accept4"] >= 50 and n["epoll_ctl"] <= 6.5 * 50 and n["setsockopt"] <= 5 * 50, "little is set for a connection", n)
    tap.eq(front.stop(), 0, "status 0")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        front = proxy.Proxy(proxy.listener() + proxy.broker(mute.getsockname()[1]), workers=1).start()
        with raw.Client(front.port) as c:
            c.send(raw.connect(client_id="eager"))
            proc.until(lambda: front.status()["connections"] == "1", 15, "the client to be let in")
            c.send(raw.pingreq() * 40000)
            trace = Traced(front.pid)
            c.quiet(0.5)
            n = trace.calls()
            tap.ok(sum(n.values()) <= 60, "what is not read yet does not call again and again", n)
        tap.eq(front.stop(), 0, "status 0")


many_descriptors()
tap.run([spread] + ([] if proxy.sanitized() else [memory, system_calls, connects]))
