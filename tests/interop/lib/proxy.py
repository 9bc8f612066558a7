# SPDX-License-Identifier: ISC
"""The proxy under test: its configuration, its process, its log, its users."""
import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time

from . import otp, proc, raw, tap

DAEMON = os.path.join(proc.top_builddir, "mqsecproxy")
CTL = os.path.join(proc.top_builddir, "mqsecproxyctl")

_SANITIZER = re.compile(r"runtime error:|ERROR: AddressSanitizer|WARNING: ThreadSanitizer|detected memory leaks")
_FIELD = re.compile(r'([^\s=]+)=("(?:[^"\\]|\\.)*"|\S*)')


def built():
    return os.access(DAEMON, os.X_OK) and os.access(CTL, os.X_OK)


def need():
    """The whole test is skipped where the programs were not built."""
    if not built():
        tap.skip_all("mqsecproxy is not built")


def sanitized():
    """Under a sanitizer memory readings say nothing."""
    with open(DAEMON, "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def fields(line):
    """A line of the log as a dictionary of texts."""
    if line.startswith("{"):
        return {k: str(v) for k, v in json.loads(line).items()}
    return {k: v[1:-1].replace('\\"', '"').replace("\\\\", "\\") if v[:1] == '"' else v
            for k, v in _FIELD.findall(line)}


def listener(broker="main", name="plant", extra="", listen="127.0.0.1:0"):
    return "listener %s {\n\tlisten %s\n\tbroker %s\n%s\n}\n" % (name, listen, broker, extra)


def broker(port, name="main", extra=""):
    return "broker %s {\n\taddress 127.0.0.1:%d\n%s\n}\n" % (name, port, extra)


def otp_block(layout="password+otp", name="codes", extra=""):
    return "otp %s {\n\trole verify\n\tlayout %s\n%s\n}\n" % (name, layout, extra)


def key(name, data=None):
    """A key file and its block. Gives the text and the key."""
    data = data or secrets.token_bytes(32)
    p = proc.write(name + ".key", data.hex() + "\n", 0o600)
    return "key %s {\n\tfile %s\n}\n" % (name, p), data


def encrypt(topics, *keys):
    """Plain toward clients, encrypted toward the broker."""
    return "payload %s {\n\tclient-leg plain\n\tbroker-leg encrypted %s\n}\n" % (topics, " ".join(keys))


def decrypt(topics, *keys):
    """Encrypted toward clients, plain toward the broker."""
    return "payload %s {\n\tclient-leg encrypted %s\n\tbroker-leg plain\n}\n" % (topics, " ".join(keys))


class Proxy:
    """`text` is the configuration without the parts that every test needs (workers, admin, state). Not started until
    start(), so that users can be added first."""

    instances = 0

    def __init__(self, text, workers=2, name=None, wrapper=(), program=DAEMON, **options):
        """options: of subprocess.Popen."""
        Proxy.instances += 1
        self.program = program
        self.name = name or "proxy%d" % Proxy.instances
        self.wrapper, self.options = list(wrapper), options
        self.socket = proc.path(self.name + ".sock")
        self.head = "workers %d\nadmin {\n\tsocket %s\n}\nstate {\n\tpath %s\n}\n" % (
            workers, self.socket, proc.path(self.name + ".db"))
        self.state = proc.path(self.name + ".db")
        self.conf = proc.path(self.name + ".conf")
        self.configure(text)
        self.child = None
        self.lines, self.changed = [], threading.Condition()
        self.starts = 0
        tap.diagnosers.append(self.diagnose)

    def configure(self, text):
        self.text = text
        # Tests count lines, so none may be left out, unless a test has settings of its own.
        log = "" if re.search(r"^log \{", text, re.M) else "log {\n\trate-limit off\n}\n"
        proc.write(self.conf, self.head + log + text)

    # ---- the process

    def start(self, wait=True):
        self.starts += 1
        self.ports = {}
        with self.changed:
            self.first_line = len(self.lines)
        self.child = proc.start(self.wrapper + [self.program, "-c", self.conf], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, **self.options)
        self.reader = threading.Thread(target=self._read, args=(self.child.stderr,), daemon=True)
        self.reader.start()
        if wait:
            self.wait_event("ready", seconds=20)
        return self

    def _read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        stream.close()
        with self.changed:
            self.changed.notify_all()

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def wait_exit(self, seconds=15):
        self.child.wait(seconds)
        self.reader.join(5)
        return self.child.returncode

    def stop(self, sig=signal.SIGTERM, seconds=15):
        """Ends it; 0 is what a good end gives."""
        status = proc.stop(self.child, sig, seconds)
        self.reader.join(5)
        found = _SANITIZER.search(self.log())
        if found:
            tap.ok(False, "no sanitizer complains", self.log()[found.start() - 200:found.start() + 3000])
        if self.diagnose in tap.diagnosers:
            tap.diagnosers.remove(self.diagnose)
        return status

    def rss(self):
        return proc.status(self.pid, "VmRSS")

    def line_of(self, text):
        """FILE:LINE of the one line of the configuration in which that stands"""
        with open(self.conf) as f:
            at = [i for i, line in enumerate(f, 1) if text in line]
        assert len(at) == 1, (text, at)
        return "%s:%d" % (self.conf, at[0])

    # ---- the log

    def events(self, event=None, **wanted):
        with self.changed:
            lines = self.lines[self.first_line:]
        out = []
        for line in lines:
            f = fields(line)
            if (event is None or f.get("event") == event) and \
               all(f.get(k) == v for k, v in wanted.items()):
                out.append(f)
        return out

    def wait_event(self, event, seconds=10, times=1, **wanted):
        end = time.monotonic() + seconds
        while True:
            found = self.events(event, **wanted)
            if len(found) >= times:
                return found[times - 1]
            with self.changed:
                dead = not self.running() and not self.reader.is_alive()
                if dead or time.monotonic() > end:
                    raise RuntimeError("no event=%s %s%s\n%s" % (
                        event, wanted, ", it ended with %s" % self.child.returncode if dead else "",
                        "\n".join(self.lines[-20:])))
                self.changed.wait(0.2)

    def verdicts(self, verdict=None, **wanted):
        """The lines of the log that tell how a CONNECT ended."""
        return [f for f in self.events(None, **wanted)
                if "verdict" in f and verdict in (None, f["verdict"])]

    def wait_verdict(self, verdict, seconds=10, times=1, **wanted):
        return proc.until(lambda: len(self.verdicts(verdict, **wanted)) >= times and
                          self.verdicts(verdict, **wanted)[times - 1], seconds,
                          "verdict %s %s" % (verdict, wanted))

    def diagnose(self):
        with self.changed:
            return "last lines of %s:\n" % self.name + "\n".join("  " + line for line in self.lines[-12:])

    def log(self):
        with self.changed:
            return "\n".join(self.lines)

    def port_of(self, name="plant"):
        if name not in self.ports:  # the log may be long by now
            self.ports[name] = int(self.wait_event("listening", listener=name)["address"].rsplit(":", 1)[1])
        return self.ports[name]

    @property
    def port(self):
        return self.port_of()

    # ---- its companion

    def ctl(self, *words, input=None):
        """Runs mqsecproxyctl: exit status, stdout, stderr (text)."""
        status, out, err = proc.run([CTL, "-c", self.conf, *words], input=input)
        return status, out.decode(errors="replace"), err.decode(errors="replace")

    def status(self):
        """The lines of `mqsecproxyctl status` as a dictionary."""
        code, out, err = self.ctl("-s", self.socket, "status")
        if code:
            raise RuntimeError("status: %d %s %s" % (code, out, err))
        return dict(line.split(None, 1) for line in out.splitlines() if " " in line)

    def reload(self):
        """The order to reload, also where the file on disk is no configuration at all."""
        return self.ctl("-s", self.socket, "reload")

    def add_user(self, name, profile="machine-hotp", secret=None):
        """A user with a secret of its own (otp.User)."""
        secret = secret or secrets.token_bytes(32)
        p = proc.write("secret-of-a-user-%d" % threading.get_ident(), secret.hex() + "\n", 0o600)
        code, out, err = self.ctl("user", "add", name, "--profile", profile, "--secret-file", p, "--hex")
        os.unlink(p)
        if code:
            raise RuntimeError("user add: %d %s %s" % (code, out, err))
        return otp.User(name, secret, profile)

    def add_users(self, names, profile="machine-hotp"):
        """Many of them, two at a time."""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda n: self.add_user(n, profile), names))

    def import_users(self, names, profile="machine-hotp"):
        """Very many of them, by one command."""
        users = [otp.User(name, secrets.token_bytes(32), profile) for name in names]
        table = "name,secret_hex,profile\n" + "".join("%s,%s,%s\n" % (u.name, u.secret.hex(), profile) for u in users)
        code, out, err = self.ctl("user", "import", "-", input=table.encode())
        if code:
            raise RuntimeError("user import: %d %s %s" % (code, out, err))
        return users


def config_error(text, name="bad"):
    """What the daemon says to a configuration that it should not take: exit status and stderr."""
    conf = proc.write(name + ".conf", text)
    status, _, err = proc.run([DAEMON, "-c", conf])
    return status, err.decode(errors="replace")


def tries(front, times=1, version=4, source="127.0.0.1", port=None, **fields):
    """The answers to that many CONNECTs, one after the other; None for a close without one."""
    out = []
    for _ in range(times):
        with raw.Client(port or front.port, version, source) as c:
            try:
                p = c.login(**fields)
            except ConnectionError:
                p = None
            out.append(p and p.code)
            c.send(raw.disconnect()) if p and p.code == 0 else c.end()
    return out


class Direct:
    """No proxy at all: DIRECT=1 shows that a test itself is right about the broker."""

    def __init__(self, port):
        self.port, self.child = port, None

    def start(self):
        return self

    def stop(self):
        return 0


def direct():
    return bool(os.environ.get("DIRECT"))
