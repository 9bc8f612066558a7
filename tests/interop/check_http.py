# SPDX-License-Identifier: ISC
"""What HTTP on loopback tells: metrics that agree with what was done, health that turns red when it should, and a page
that shows what hostile clients say as text and asks nobody else for anything."""
import collections
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
import time

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
PROMTOOL = shutil.which("promtool")
CHROMIUM = shutil.which("chromium")
HOSTILE = ["<script>document.title='owned'</script>", "\"><img src=x onerror=alert(1)>", "&amp;' onload='x",
           "bad\u202eid\x01\x7f", "x" * 2000, "</code></td></table><h1>gone</h1>"]


def made(text, **options):
    front = proxy.Proxy(text, **options)
    front.head = front.head.replace("admin {\n", "admin {\n\thttp 127.0.0.1:0\n")
    front.configure(text)
    return front


def address(front):
    return front.wait_event("http")["address"]


def ask(front, path, method="GET", host=None, at=None):
    """Status, headers, body (text)."""
    c = http.client.HTTPConnection(at or address(front), timeout=20)
    c.request(method, path, headers={"Host": host} if host else {})
    r = c.getresponse()
    body = r.read().decode()
    c.close()
    return r.status, dict(r.getheaders()), body


_SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape: families with their type, samples by name and labels."""

    def __init__(self, text):
        self.text, self.types, self.samples = text, {}, collections.OrderedDict()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                tap.ok(name not in self.types, "") if name in self.types else None
                self.types[name] = kind
            elif not line.startswith("#"):
                name, labels, value = _SAMPLE.match(line).groups()
                key = (name, frozenset(_LABEL.findall(labels or "")))
                if key in self.samples:
                    raise ValueError("twice: " + line)
                self.samples[key] = float(value)

    def get(self, name, **labels):
        return self.samples["mqsecproxy_" + name, frozenset(labels.items())]

    def total(self, name, **labels):
        wanted = set(labels.items())
        return sum(v for (n, l), v in self.samples.items() if n == "mqsecproxy_" + name and wanted <= l)

    def labels(self):
        return {k for _, pairs in self.samples for k, _ in pairs}


def scrape(front):
    status, _, body = ask(front, "/metrics")
    if status != 200:
        raise RuntimeError("%d %s" % (status, body))
    return Metrics(body)


FAMILIES = """build_info start_time_seconds config_last_reload_successful config_last_reload_success_timestamp_seconds
connections connections_limit connections_accepted_total connections_closed_total connects_total filter_matches_total
logins_without_code_total connect_duration_seconds packets_total received_bytes_total sent_bytes_total payloads_total key_encryptions_total
key_age_seconds relay_duration_seconds broker_up broker_connections broker_connect_duration_seconds backpressure_seconds_total buffered_bytes
state_commits_total state_commit_duration_seconds log_messages_suppressed_total users""".split()
PROCESS = ["process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"]
LABELS = {"version", "listener", "state", "reason", "verdict", "filter", "rule", "action", "le", "direction", "type", "leg",
          "operation", "result", "key", "broker", "status"}


def configuration(port, extra=""):
    text, _ = proxy.key("site-a")
    return (proxy.listener(extra="\totp codes\n\tfilter plant\n\tmqtt 3.1.1 5.0") + proxy.broker(port) + proxy.otp_block() + text +
            proxy.encrypt("sealed/#", "site-a") + "filter plant {\n\tdeny connect client-id bad-*\n\tallow connect\n"
            "\tdeny publish no/#\n\tallow publish\n}\n" + extra)


def traffic(front, user, n):
    """n logins with 3 sealed messages, 2 plain and 1 denied each; a wrong code; a denied client id; a stranger."""
    for i in range(n):
        with raw.Client(front.port, 4 + i % 2) as c:
            if c.login("good-%d" % i, user=user.name, password="pw" + user.code()).code:
                raise RuntimeError("not let in")
            for k in range(3):
                c.send(raw.publish("sealed/a", b"secret", version=c.version))
            for k in range(2):
                c.send(raw.publish("plain/a", b"open", version=c.version))
            c.send(raw.publish("no/a", b"denied", version=c.version))
            c.ping()
            c.send(raw.disconnect(c.version))
            c.end()
        with raw.Client(front.port, 4) as c:
            c.login("bad-%d" % i, user="x", password="y")
    with raw.Client(front.port, 4, source="127.0.4.4") as c:
        c.login("wrong", user=user.name, password="pw000000")
    with raw.Client(front.port, 4) as c:
        c.send(b"GET / HTTP/1.1\r\n\r\n")
        c.end()


def agrees(m, front, n, times, name):
    """The counters after `times` rounds of traffic(n)."""
    good, place = n * times, front.conf + ":%d"
    for verdict, wanted in (("accepted", good), ("filtered", good), ("otp_wrong", times), ("malformed", times),
                            ("banned", 0)):
        tap.eq(m.get("connects_total", listener="plant", verdict=verdict), wanted, "%s: %s" % (name, verdict))
    tap.eq(m.total("connects_total"), 2 * good + 2 * times, name + ": no other verdict")
    tap.eq(m.get("connections_accepted_total"), 2 * good + 2 * times, name + ": connections")
    tap.eq(m.get("connections_closed_total", reason="client"), good, name + ": closed by the client")
    tap.eq(m.get("connections_closed_total", reason="refused"), good + 2 * times, name + ": refused")
    tap.eq(m.total("connections_closed_total"), m.get("connections_accepted_total"), name + ": all are closed")
    sealed = dict(rule="sealed/#", direction="up")
    tap.eq(m.get("payloads_total", operation="seal", result="ok", **sealed), 3 * good, name + ": sealed")
    tap.eq(m.get("key_encryptions_total", key="site-a"), 3 * good, name + ": with the key")
    for kind, wanted in (("CONNECT", good), ("PUBLISH", 6 * good), ("PINGREQ", good), ("DISCONNECT", good), ("SUBSCRIBE", 0)):
        tap.eq(m.get("packets_total", direction="up", type=kind), wanted, "%s: %s up" % (name, kind))
    for kind, wanted in (("CONNACK", good), ("PINGRESP", good)):
        tap.eq(m.get("packets_total", direction="down", type=kind), wanted, "%s: %s down" % (name, kind))
    rules = {dict(l)["rule"]: v for (f, l), v in m.samples.items() if f == "mqsecproxy_filter_matches_total"}
    lines = [i for i, line in enumerate(open(front.conf), 1) if line.strip().startswith("deny")]
    tap.eq(rules, {place % lines[0]: good, place % lines[1]: good}, name + ": rules that denied, by file and line")
    tap.eq(m.get("connect_duration_seconds_count"), good, name + ": logins are timed")
    tap.eq(m.get("broker_connect_duration_seconds_count"), good, name + ": and connects to the broker")
    tap.eq(m.get("state_commit_duration_seconds_count"), m.total("state_commits_total"), name + ": and commits")
    tap.ok(m.get("state_commits_total", result="ok") >= 2 * good, name + ": a login is at least two commits")


def metrics():
    """Every family, clean, and right about known traffic, over a reload too"""
    stub = StubBroker()
    front = made(configuration(stub.port))
    user = front.add_user("alice")
    front.start()
    traffic(front, user, 5)
    tap.ok(proc.holds(lambda: scrape(front).total("connections_closed_total") == 12, 5), "all connections end")
    tap.ok(proc.holds(lambda: "mqsecproxy_users" in scrape(front).types, 10), "the users were counted")
    m = scrape(front)
    for name in FAMILIES:
        tap.ok("mqsecproxy_" + name in m.types, "family " + name)
    wanted = {"mqsecproxy_" + n for n in FAMILIES} | set(PROCESS)
    tap.eq(set(m.types) - wanted - {"mqsecproxy_clock_synchronised", "mqsecproxy_users_ahead_of_clock"}, set(), "and no other")
    tap.eq(m.labels() - LABELS, set(), "no other label: none by client id, user or topic")
    tap.ok("alice" not in m.text and "good-1" not in m.text and "sealed/a" not in m.text, "and no such value")
    agrees(m, front, 5, 1, "known traffic")
    received = sum(c.bytes for c in stub.connections)
    tap.eq(m.get("sent_bytes_total", leg="broker"), received, "what the broker received was counted")
    tap.ok(0 < m.get("received_bytes_total", leg="client") < received, "envelopes are longer than what came")
    tap.eq(m.get("buffered_bytes"), 0, "nothing waits")
    tap.eq((m.get("users", status="active"), m.total("users")), (1, 1), "one user")
    tap.eq(m.get("broker_up", broker="main"), 1, "the broker is up")
    tap.within(m.get("start_time_seconds"), time.time() - 60, time.time(), "the time of the start")
    tap.ok(m.samples["process_open_fds", frozenset()] > 5 and
           m.samples["process_resident_memory_bytes", frozenset()] > 1e6, "the process is described")
    with open("/proc/%d/limits" % front.pid, encoding="ascii") as f:
        limit = [int(line.split()[3]) for line in f if line.startswith("Max open files")][0]
    tap.eq(m.samples["process_max_fds", frozenset()], limit, "with its limit")
    old = time.time() - 40 * 86400
    os.utime(proc.path("site-a.key"), (old, old))
    front.reload()
    tap.within(scrape(front).get("key_age_seconds", key="site-a"), 40 * 86400 - 2, 40 * 86400 + 60, "a key is as old as its file")
    tap.ok(" of " + time.strftime("%Y-%m-%d", time.gmtime(old)) in ask(front, "/")[2], "the page has the day")
    if PROMTOOL:
        status, out, err = proc.run([PROMTOOL, "check", "metrics"], input=m.text.encode())
        tap.eq((status, out + err), (0, b""), "promtool has nothing to say")
    else:
        tap.skip("promtool has nothing to say", "promtool is not there")
    front.configure(front.text.replace("deny publish no/#", "deny publish never/#"))
    tap.eq(front.reload()[0], 0, "reloaded")
    after = scrape(front)
    agrees(after, front, 5, 1, "after a reload")
    tap.eq(after.get("config_last_reload_successful"), 1, "the reload is told")
    tap.ok(after.get("config_last_reload_success_timestamp_seconds") > m.get("config_last_reload_success_timestamp_seconds"),
           "with its time")
    front.configure(front.text.replace("never/#", "no/#"))
    front.reload()
    good = front.text
    front.configure(good + "nonsense\n")
    tap.eq(front.reload()[0], 78, "a bad configuration is refused")
    bad = scrape(front)
    tap.eq(bad.get("config_last_reload_successful"), 0, "which is told")
    front.configure(good)
    front.reload()
    traffic(front, user, 5)
    tap.ok(proc.holds(lambda: scrape(front).total("connections_closed_total") == 24, 5), "all connections end again")
    agrees(scrape(front), front, 5, 2, "three reloads on")
    tap.eq(front.stop(), 0, "status 0")


def relay():
    """Of every 16th read it is told how long it took"""
    stub = StubBroker()
    front = made(proxy.listener() + proxy.broker(stub.port), workers=1).start()
    with raw.Client(front.port) as c:
        c.login("good")
        for _ in range(100):
            c.ping()  # one read of each leg
        m = scrape(front)
        tap.within(m.get("relay_duration_seconds_count"), 200 // 16, 200 // 16 + 1, "so many of 200 were timed")
        took = m.get("relay_duration_seconds_sum") / m.get("relay_duration_seconds_count")
        tap.within(took, 1e-7, 1, "none took no time")
        tap.ok(re.search(r"relay, median</span><b>[\d.]+ (µs|ms|s)</b>", ask(front, "/")[2]), "the page has the median")
        tap.ok("— with clients, both ways<" in ask(front, "/")[2], "a leg's line is of both directions, and says so")
    tap.eq(front.stop(), 0, "status 0")


def reasons():
    """Why connections end"""
    stub = StubBroker()
    front = made(proxy.listener(extra="\tconnect-timeout 300ms\n\tmax-connections 100\n\tmax-pending 2") + proxy.broker(stub.port), workers=1).start()

    def count(reason):
        return scrape(front).get("connections_closed_total", reason=reason)
    c = raw.Client(front.port, 5)
    c.login("kicked")
    front.ctl("-s", front.socket, "kick", "--client-id", "kicked")
    c.end()
    c = raw.Client(front.port, 5)
    c.login("banned")
    front.ctl("-s", front.socket, "ban", "client-id", "banned")
    c.end()
    c = raw.Client(front.port, 4)
    c.login("hung up")
    stub.hang_up(stub.find("hung up")[0])
    c.end()
    c = raw.Client(front.port, 4)
    c.login("malformed")
    c.send(b"\x00\x00")
    c.end()
    silent = [raw.Client(front.port, 4) for _ in range(3)]
    for c in silent:
        c.end()
    for reason in ("kicked", "banned", "broker", "protocol", "evicted"):
        tap.ok(proc.holds(lambda: count(reason) == 1, 5), "one is " + reason, lambda: scrape(front).text)
    tap.ok(proc.holds(lambda: count("timeout") == 2, 5), "two said nothing", lambda: scrape(front).text)
    tap.eq(scrape(front).get("connects_total", listener="plant", verdict="timeout"), 2, "which is a verdict too")
    tap.eq(front.stop(), 0, "status 0")


def examples():
    """Alert rules and dashboard ask for what there is"""
    stub = StubBroker()
    front = made(configuration(stub.port))
    front.add_user("alice")
    front.start()
    tap.ok(proc.holds(lambda: "mqsecproxy_users" in scrape(front).types, 10), "the users were counted")
    m = scrape(front)
    there = set(m.types) | {"mqsecproxy_clock_synchronised"}
    labels = m.labels() | {"instance", "job"}
    contrib = os.path.join(proc.top_srcdir, "contrib")
    rules = os.path.join(contrib, "prometheus", "mqsecproxy.rules.yml")
    with open(os.path.join(contrib, "grafana", "mqsecproxy.json"), encoding="utf-8") as f:
        board = json.load(f)
    with open(rules, encoding="utf-8") as f:
        asked = re.findall(r"^ +expr: (.*)", f.read(), re.M)
    asked += [t["expr"] for p in board["panels"] for t in p["targets"]]
    tap.ok(len(asked) > 30, "expressions were found")
    with open(os.path.join(proc.top_srcdir, "man", "mqsecproxy.7"), encoding="utf-8") as f:
        manual = re.findall(r"^sum by [^)]*\) \(increase\(\n.*$", f.read(), re.M)
    tap.eq(len(manual), 2, "and those of the manual, which say when a fleet has moved")
    asked += [" ".join(text.split()) for text in manual]
    for expression in asked:
        names = set(re.findall(r"(?:mqsecproxy|process)_[a-z_]+", re.sub(r'"[^"]*"', "", expression)))
        base = {re.sub("_bucket$", "", n) for n in names}
        used = set(re.findall(r"([a-z_]+)(?:=|!=|=~|!~)\"", expression))
        tap.ok(base <= there and used <= labels, expression[:70], (base - there, used - labels))
    if PROMTOOL:
        status, out, err = proc.run([PROMTOOL, "check", "rules", rules])
        tap.ok(status == 0 and b"SUCCESS" in out, "promtool takes the rules", out + err)
    else:
        tap.skip("promtool takes the rules", "promtool is not there")
    shown = " ".join(t["expr"] for p in board["panels"] for t in p["targets"])
    for name in sorted(n for n, kind in m.types.items() if kind == "histogram"):
        tap.ok(name + "_bucket{" in shown, "the dashboard has a panel for " + name)
    ids = [p["id"] for p in board["panels"]]
    tap.eq(len(ids), len(set(ids)), "the panels of the dashboard have their own ids")
    tap.eq(front.stop(), 0, "status 0")


def exchange(front, data, seconds=5):
    """What comes back for bytes as they are."""
    host, port = address(front).rsplit(":", 1)
    s = socket.create_connection((host, int(port)), seconds)
    s.sendall(data)
    out = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            out += more
    except (ConnectionResetError, socket.timeout):
        out += b"<broken>"
    s.close()
    return out


def protocol():
    """GET and HEAD, for this host, not too long, not too many"""
    stub = StubBroker()
    front = made(proxy.listener() + proxy.broker(stub.port)).start()
    host, port = address(front).rsplit(":", 1)
    slow = socket.create_connection((host, int(port)))
    slow.sendall(b"GET / HTTP/1.1\r\nX: ")
    began = time.monotonic()
    for path, kind in (("/", "text/html; charset=utf-8"), ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
                       ("/healthz", "text/plain; charset=utf-8"), ("/readyz", "text/plain; charset=utf-8")):
        status, headers, body = ask(front, path)
        tap.eq((status, headers["Content-Type"]), (200, kind), "GET " + path)
        tap.eq(int(headers["Content-Length"]), len(body.encode()), "with its length")
        tap.ok(headers["Content-Security-Policy"].startswith("default-src 'none'") and
               headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff", "and shut")
        status, headers, body = ask(front, path, "HEAD")
        tap.eq((status, headers["Content-Type"], body), (200, kind, ""), "HEAD " + path)
        tap.ok(int(headers["Content-Length"]) > 0, "tells the length")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, _ = ask(front, "/metrics", method)
        tap.eq((status, headers["Allow"]), (405, "GET, HEAD"), method + " is not allowed")
    tap.eq(ask(front, "/nothing")[0], 404, "another path is not there")
    tap.eq(ask(front, "/../../etc/passwd")[0], 404, "nor files")
    tap.eq(ask(front, "/metrics?x=1")[0], 200, "a query is nothing")
    for name in ("evil.example", "127.0.0.1.evil.example:" + port, "192.0.2.1"):
        tap.eq(ask(front, "/metrics", host=name)[0], 421, "for another host: " + name)
    for name in ("localhost:" + port, "127.0.0.1", "[::1]:" + port):
        tap.eq(ask(front, "/metrics", host=name)[0], 200, "for this host: " + name)
    for data, wanted in ((b"\r\n\r\n", b"HTTP/1.1 400 "), (b"\x10\x0e\x00\x04MQTT\r\n\r\n", b"HTTP/1.1 400 "),
                         (b"GET / HTTP/1.1\r\n\r\n" * 100, b"HTTP/1.1 200 "),
                         (b"GET /" + b"x" * 9000 + b" HTTP/1.1", b"HTTP/1.1 431 "),
                         (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2000, b"HTTP/1.1 431 ")):
        out = exchange(front, data)
        tap.ok(out.startswith(wanted) and out.count(b"HTTP/1.1 ") == 1, "%d bytes, %r…" % (len(data), data[:20]), out[:200])
    before = len(os.listdir("/proc/%d/fd" % front.pid))
    idle = [socket.create_connection((host, int(port))) for _ in range(60)]
    taken = lambda: len(os.listdir("/proc/%d/fd" % front.pid)) - before  # noqa: E731
    tap.ok(proc.holds(lambda: taken() >= 25, 5), "some are taken", taken)
    tap.ok(not proc.holds(lambda: taken() > 32, 0.5), "but 32 at most", taken)
    for s in idle:
        s.close()
    tap.eq(ask(front, "/healthz")[0], 200, "who comes later is served when they went")
    slow.settimeout(60)
    try:
        gone = slow.recv(1) == b""
    except ConnectionResetError:
        gone = True
    tap.ok(gone, "who takes too long is cut")
    tap.within(time.monotonic() - began, 8, 60, "after 10 s")
    second = made(proxy.listener() + proxy.broker(stub.port))
    second.head = second.head.replace("127.0.0.1:0", address(front))
    second.configure(second.text)
    second.start(wait=False)
    tap.eq(second.wait_exit(), 1, "a port that is taken: no start")
    tap.ok("cannot serve HTTP at " + address(front) in second.log(), "and why", second.log)
    off = proxy.Proxy(proxy.listener() + proxy.broker(stub.port)).start()
    tap.eq(off.events("http"), [], "off by default")
    off.configure(off.text)
    off.head = front.head.replace(front.socket, off.socket).replace(front.state, off.state)
    off.configure(off.text)
    status, _, err = off.reload()
    tap.ok(status == 78 and "restart" in err, "it takes a restart to serve HTTP", err)
    tap.eq(off.stop(), 0, "status 0")
    for bad in ("0.0.0.0:9883", "[::]:9883", "192.0.2.1:9883", "localhost:9883"):
        status, err = proxy.config_error("admin {\n\thttp %s\n}\n" % bad + proxy.listener() + proxy.broker(1))
        tap.ok(status == 78 and "loopback" in err, "not at " + bad, err)
    tap.eq(front.stop(), 0, "status 0")
    six = made(proxy.listener() + proxy.broker(stub.port))
    six.head = six.head.replace("127.0.0.1:0", "[::1]:0")
    six.configure(six.text)
    if os.path.exists("/proc/net/if_inet6") and "00000000000000000000000000000001" in open("/proc/net/if_inet6").read():
        six.start()
        tap.eq(ask(six, "/healthz")[0], 200, "IPv6 as well")
        tap.eq(six.stop(), 0, "status 0")
    else:
        tap.skip("IPv6 as well", "there is no IPv6 here")


def healthy():
    """Red when a worker hangs, green when it goes on"""
    stub = StubBroker()
    front = made(proxy.listener() + proxy.broker(stub.port)).start()
    tap.eq(ask(front, "/healthz")[0], 200, "all is well")
    tasks = "/proc/%d/task" % front.pid
    names = {int(t): open("%s/%s/comm" % (tasks, t), encoding="ascii").read().strip() for t in os.listdir(tasks)}
    workers = [t for t, name in names.items() if t != front.pid and name not in ("store", "http")]
    # The newest of them: the resolver was started before the workers.
    go_on = proc.hold_thread(max(workers))
    if go_on is None:
        tap.skip("a worker hangs", "this user may not stop a thread")
    else:
        at = address(front)
        status, _, body = ask(front, "/healthz", at=at)
        tap.eq((status, body), (503, "a worker does not answer\n"), "a worker hangs")
        tap.eq(ask(front, "/metrics", at=at)[0], 200, "metrics are there all the same")
        go_on()
        tap.ok(proc.holds(lambda: ask(front, "/healthz")[0] == 200, 5), "it goes on")
    tap.eq(front.stop(), 0, "status 0")


def ready():
    """Red when the broker is gone or the state cannot be written"""
    stub = StubBroker()
    front = made(proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block()).start()
    user = front.add_user("alice")
    tap.eq(ask(front, "/readyz")[::2], (200, "ready\n"), "ready")
    with raw.Client(front.port) as c:
        tap.eq(c.login("a", user="alice", password="pw" + user.code()).code, 0, "a login")
    port = stub.port
    stub.stop()
    tap.ok(proc.holds(lambda: ask(front, "/readyz")[::2] == (503, "no broker can be reached\n"), 6), "the broker dies",
           lambda: ask(front, "/readyz"))
    tap.eq(scrape(front).get("broker_up", broker="main"), 0, "which the metrics tell")
    tap.eq(ask(front, "/healthz")[0], 200, "that is no matter of health")
    again = socket.socket()
    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    again.bind(("127.0.0.1", port))
    again.listen(16)
    tap.ok(proc.holds(lambda: ask(front, "/readyz")[0] == 200, 6), "it comes back")
    lock = sqlite3.connect(front.state, isolation_level=None, timeout=5)
    lock.execute("BEGIN IMMEDIATE")
    tap.eq(ask(front, "/readyz")[::2], (503, "the state cannot be written\n"), "the state cannot be written")
    lock.execute("ROLLBACK")
    tap.ok(proc.holds(lambda: ask(front, "/readyz")[0] == 200, 10), "it can be written again")
    lock.execute("BEGIN IMMEDIATE")
    time_of_failure = scrape(front).get("state_commits_total", result="failed")
    tap.ok(proc.holds(lambda: (ask(front, "/readyz"), scrape(front).get("state_commits_total", result="failed"))[1] >
                      time_of_failure, 15), "a commit that fails is counted")
    lock.execute("ROLLBACK")
    lock.close()
    again.close()
    tap.ok(proc.holds(lambda: ask(front, "/readyz")[0] == 503, 6), "red again")
    tap.eq(front.stop(), 0, "status 0")


class Browser:
    """One page, loaded by a headless Chromium: its DOM, what its console said, what the page asked for."""

    def __init__(self, url):
        folder = tempfile.mkdtemp(dir=proc.folder())
        net = os.path.join(folder, "net.json")
        status, out, err = proc.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--no-pings", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir=" + folder,
             "--enable-logging=stderr", "--v=0", "--log-net-log=" + net, "--dump-dom", url], timeout=90)
        self.status, self.dom = status, out.decode(errors="replace")
        self.console = [line for line in err.decode(errors="replace").splitlines() if "CONSOLE" in line]
        with open(net, encoding="utf-8") as f:
            text = f.read().rstrip()
        events = json.loads(text if text.endswith("}") else text.rstrip(",") + "]}")["events"]
        # What the browser itself does (updates and the like, which find no host) has no page behind it.
        params = [e.get("params") or {} for e in events]
        self.asked = {p["url"] for p in params if "url" in p and
                      (p["url"].startswith(url) or p.get("initiator", "not an origin") != "not an origin")}


def page():
    """Hostile client ids are text, in the page's source and in a browser"""
    stub = StubBroker()
    front = made("filter hostile {\n\tdeny connect client-id *\n\tallow connect\n}\n" + configuration(stub.port) +
                 proxy.listener(name="hostile", extra="\tfilter hostile"))
    user = front.add_user("alice")
    front.start()
    for name in HOSTILE:
        with raw.Client(front.port_of("hostile"), 5) as c:
            c.login(name)
    traffic(front, user, 3)
    status, _, body = ask(front, "/")
    tap.eq(status, 200, "the page")
    line = [i for i, text in enumerate(open(front.conf), 1) if "client-id *" in text][0]
    tap.eq(body.count("%s:%d<" % (front.conf, line)), len(HOSTILE), "each refusal with the line that decided")
    tap.ok("<script" not in body and "<img" not in body and "<h1>gone" not in body, "nothing of theirs is markup")
    tap.ok("&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;" in body, "but text")
    tap.ok("x" * 64 not in body and "x" * 50 in body, "long ones are cut")
    tap.ok("\\x01" in body and "\x01" not in body, "control bytes are escaped")
    tap.ok(re.search(r"(src|href)=\"(?!data:,\")", body) is None and "url(" not in body and "@import" not in body,
           "it refers to nothing")
    for text in ("payloads sealed", "sealed: site-a", "otp_wrong", "filtered", "good-0", "broker main"):
        tap.ok((text in body) == (text != "good-0"), "it %s of %r" % ("tells" if text != "good-0" else "does not tell", text))
    if len(ask(front, "/")[2]) and not CHROMIUM:
        tap.skip("in a browser", "chromium is not there")
    else:
        seen = Browser("http://%s/" % address(front))
        tap.eq(seen.status, 0, "in a browser")
        tap.ok("Last refusals" in seen.dom and seen.dom.rstrip().endswith("</html>"), "it is there whole", seen.dom[-300:])
        tap.ok("<title>mqsecproxy</title>" in seen.dom, "no script of theirs ran")
        tap.eq(seen.console, [], "the console is silent")
        tap.eq({u for u in seen.asked if not u.startswith("http://%s/" % address(front))}, set(), "it asks nobody else")
        tap.eq({u for u in seen.asked}, {"http://%s/" % address(front)}, "nor here for more")
    with raw.Client(front.port_of("hostile"), 4) as c:
        c.login("last")
    for i in range(60):
        with raw.Client(front.port_of("hostile"), 4) as c:
            c.login("many-%d" % i)

    def shown():
        body = ask(front, "/")[2]
        return ">many-59<" in body and ">many-10<" in body and ">many-9<" not in body and ">last<" not in body
    tap.ok(proc.holds(shown, 10), "the last 50")
    body = ask(front, "/")[2]
    tap.ok(body.index(">many-59<") < body.index(">many-58<"), "the newest first")
    tap.eq(front.stop(), 0, "status 0")


def busy():
    """Asked without end while clients come and go and the configuration is read again"""
    stub = StubBroker()
    front = made(configuration(stub.port))
    user = front.add_user("alice")
    front.start()
    stop, errors, rounds = threading.Event(), [], collections.Counter()
    at = address(front)

    def poll(path):
        while not stop.is_set():
            try:
                if ask(front, path, at=at)[0] != 200:
                    errors.append(path)
            except Exception as e:  # pylint: disable=broad-except
                errors.append("%s %r" % (path, e))
            rounds[path] += 1
    threads = [threading.Thread(target=poll, args=(p,)) for p in ("/metrics", "/", "/healthz", "/readyz")]
    for t in threads:
        t.start()
    for i in range(tap.rounds("HTTP_ROUNDS", 3)):
        traffic(front, user, 5)
        if front.reload()[0] != 0:
            errors.append("reload")
    stop.set()
    for t in threads:
        t.join()
    tap.eq(errors, [], "every answer is good")
    tap.ok(min(rounds.values()) > 3, "all were asked", dict(rounds))
    tap.eq(front.stop(), 0, "status 0")


tap.run([metrics, relay, reasons, examples, protocol, healthy, ready, page, busy])
