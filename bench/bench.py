# SPDX-License-Identifier: ISC
"""Measures this proxy beside HAProxy and nginx, and beside no proxy, all in one run: CPU time of a message and of a
connect, memory of a connection, latency. Prints a table and writes a plot. Every round measures each of them in turn,
so that what disturbs the machine disturbs all alike; what is printed are medians. Settings, as environment variables:

BENCH_ROUNDS 5, BENCH_MS 300 (of one row of messages), BENCH_CONNECTS 640, BENCH_IDLE 2000 (connections held),
BENCH_ECHOES 2000 (messages for the latency), BENCH_OUT bench/bench.svg"""
import os
import platform
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import plot

BUILT = os.path.abspath(os.environ.get("top_builddir", "."))
LOAD = os.path.join(BUILT, "bench/load")
SIZES = [64, 256, 1024, 16384]
CORES = sorted(os.sched_getaffinity(0))


def setting(name, default):
    return int(os.environ.get("BENCH_" + name, default))


def size_name(n):
    return "%d B" % n if n < 1024 else "%d KiB" % (n // 1024)


def on(core):
    return lambda: os.sched_setaffinity(0, {core})


def load(*words):
    """Runs a part of the load program to its end. Gives what it found."""
    p = subprocess.run([LOAD] + [str(w) for w in words], stdout=subprocess.PIPE, text=True, check=True, timeout=30,
                       preexec_fn=on(CORES[0]))
    return {k: int(v) for k, v in (line.split() for line in p.stdout.splitlines())}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Room:
    """A folder and the processes of one run."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        os.chmod(self.folder.name, 0o755)
        self.children = []

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(text)
        return path

    def start(self, argv, core, **options):
        log = open(os.path.join(self.folder.name, "log"), "ab")
        child = subprocess.Popen(argv, stderr=log, preexec_fn=on(core), **options)
        self.children.append(child)
        return child

    def close(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            child.wait(30)
        self.folder.cleanup()


class Peer:
    """What stands between the load and the sink."""

    def __init__(self, name, port, child=None):
        self.name, self.port, self.child = name, port, child
        self.found = {}
        self.wait()

    def wait(self):
        for _ in range(200):
            if self.child is not None and self.child.poll() is not None:
                sys.exit("%s ended at once" % self.name)
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("%s does not listen" % self.name)

    def cpu(self):
        """Nanoseconds of CPU time so far, all threads."""
        folder = "/proc/%d/task" % self.child.pid
        total = 0
        for task in os.listdir(folder):
            with open("%s/%s/schedstat" % (folder, task)) as f:
                total += int(f.read().split()[0])
        return total

    def rss(self):
        with open("/proc/%d/status" % self.child.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))

    def spent(self, *words):
        """Runs a part of the load through it. Gives what that found and the CPU time that it took."""
        before = self.cpu() if self.child else 0
        found = load(words[0], self.port, *words[1:])
        return found, (self.cpu() if self.child else 0) - before

    def note(self, what, value):
        self.found.setdefault(what, []).append(value)

    def median(self, what):
        values = self.found.get(what)
        return statistics.median(values) if values else None


def mqsecproxy(room, name, sink, extra=""):
    port = free_port()
    conf = room.write(name + ".conf", "workers 1\nadmin {\n\tsocket none\n}\nlog {\n\tlevel error\n}\n"
                      "listener l {\n\tlisten 127.0.0.1:%d\n\tbroker b\n\tmax-connections 100000\n}\n"
                      "broker b {\n\taddress 127.0.0.1:%d\n}\n%s" % (port, sink, extra))
    return Peer("mqsecproxy, " + name, port, room.start([os.path.join(BUILT, "mqsecproxy"), "-c", conf], CORES[-1]))


def sealing(room, sink):
    key = room.write("site.key", secrets.token_hex(32) + "\n")
    return mqsecproxy(room, "sealing", sink, "key site {\n\tfile %s\n}\npayload \"#\" {\n\tclient-leg plain\n"
                      "\tbroker-leg encrypted site\n}\n" % key)


def haproxy(room, sink):
    port = free_port()
    conf = room.write("haproxy.cfg", "global\n nbthread 1\n maxconn 9000\n tune.bufsize 65536\n nosplice\n"
                      "defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n"
                      "listen x\n bind 127.0.0.1:%d backlog 4096\n server s 127.0.0.1:%d\n" % (port, sink))
    return Peer("HAProxy", port, room.start(["haproxy", "-db", "-f", conf], CORES[-1]))


def nginx(room, name, core, to, listen="", server=""):
    port = free_port()
    file = name.replace(" ", "-")
    conf = room.write(file + ".conf", "daemon off;\nmaster_process off;\nworker_processes 1;\nerror_log /dev/null crit;\n"
                      "pid %s/%s.pid;\nload_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
                      "events { worker_connections 19000; multi_accept on; }\nstream {\n tcp_nodelay on;\n server {\n"
                      "  listen 127.0.0.1:%d %s backlog=4096;\n  proxy_pass 127.0.0.1:%d;\n  proxy_buffer_size 64k;\n"
                      "  proxy_timeout 1h;\n  %s\n }\n}\n" % (room.folder.name, file, port, listen, to, server))
    return Peer(name, port, room.start(["nginx", "-c", conf], core))


def nginx_tls(room, sink):
    """One nginx that encrypts, which is measured, and one that decrypts behind it, which is not."""
    key, cert = (os.path.join(room.folder.name, n) for n in ("key.pem", "cert.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "30", "-subj", "/CN=localhost", "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    suite = "ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;"
    far = nginx(room, "far", CORES[0], sink, "ssl", "ssl_certificate %s; ssl_certificate_key %s; "
                "ssl_protocols TLSv1.3; %s" % (cert, key, suite))
    return nginx(room, "nginx with TLS", CORES[-1], far.port, "", "proxy_ssl on; proxy_ssl_verify off; "
                 "proxy_ssl_protocols TLSv1.3; proxy_%s" % suite)


def there(program, what=None):
    found = shutil.which(program) and (what is None or os.path.exists(what))
    if not found:
        print("skipped: %s is not installed" % (what or program))
    return found


def peers(room, sink):
    out = [Peer("no proxy", sink), mqsecproxy(room, "relaying", sink), sealing(room, sink)]
    if there("haproxy"):
        out.append(haproxy(room, sink))
    if there("nginx", "/usr/lib/nginx/modules/ngx_stream_module.so"):
        out.append(nginx(room, "nginx", CORES[-1], sink))
        if there("openssl"):
            out.append(nginx_tls(room, sink))
    return out


def hold(peer, n):
    """What the process grows by for each of so many connections."""
    before = peer.rss()
    child = subprocess.Popen([LOAD, "hold", str(peer.port), str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=on(CORES[0]))
    if not child.stdout.readline():
        sys.exit("%s did not hold %d connections" % (peer.name, n))
    time.sleep(0.2)
    peer.note("memory", (peer.rss() - before) / n)
    child.communicate(b"\n", 30)


def one_round(everybody):
    for size in SIZES:
        for p in everybody:
            found, cpu = p.spent("publish", size, setting("MS", 300))
            p.note(size, cpu / found["messages"])
            p.note("rate %d" % size, found["messages"] / found["nanoseconds"] * 1e9)
    for p in everybody:
        found, cpu = p.spent("connects", setting("CONNECTS", 640))
        p.note("connect", cpu / found["connects"] / 1000)
        p.note("connects", found["connects"] / found["nanoseconds"] * 1e9)
    for p in everybody:
        found, cpu = p.spent("echo", setting("ECHOES", 2000))
        p.note("latency", found["p50"] / 1000)


# What was found, its heads in the table, and its title in the plot.
COLUMNS = [(n, "ns/message", size_name(n), "CPU time of a message of %s, ns" % size_name(n)) for n in SIZES] + [
    ("connect", "us/connect", "CPU", "CPU time of a connect, µs"), ("connects", "connects", "a second", "connects a second"),
    ("memory", "KiB", "a session", "memory of an idle session, KiB"), ("latency", "us p50", "round trip", "round trip, median, µs")]


def table(everybody):
    def cell(value):
        return "-" if not value else "%.2f" % value if value < 10 else "{:,.0f}".format(value)

    rows = [[""] + [c[i] for c in COLUMNS] for i in (1, 2)]
    rows += [[p.name] + [cell(p.median(c[0])) for c in COLUMNS] for p in everybody]
    return "\n".join("%-20s" % r[0] + "".join("%11s" % v for v in r[1:]) for r in rows)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    begun = time.monotonic()
    room = Room()
    try:
        sink = room.start([LOAD, "sink"], CORES[0], stdout=subprocess.PIPE)
        everybody = peers(room, int(sink.stdout.readline().split()[1]))
        for p in everybody[1:]:
            hold(p, min(setting("IDLE", 2000), hard // 2 - 500))
        for _ in range(setting("ROUNDS", 5)):
            one_round(everybody)
    finally:
        room.close()
    print(table(everybody))
    where = "%s, %d cores; %d rounds in %d s" % (platform.machine(), len(CORES), setting("ROUNDS", 5),
                                                time.monotonic() - begun)
    print(where)
    out = os.environ.get("BENCH_OUT", os.path.join(BUILT, "bench/bench.svg"))
    panels = [(title, [(p.name, p.median(what)) for p in everybody if p.median(what)]) for what, _, _, title in COLUMNS]
    with open(out, "w") as f:
        f.write(plot.draw(panels, where))
    print("plot: " + os.path.relpath(out))


main()
