# SPDX-License-Identifier: ISC
"""Runs inside the container as a unit of its systemd: the installed service from its first start to its end."""
import ctypes
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import threading
import time

from lib import proc, raw, tap
from lib.broker import StubBroker

UNIT = "mqsecproxy.service"
UNIT_FILE = "/usr/local/lib/systemd/system/" + UNIT
CONF = "/etc/mqsecproxy.conf"
DROPIN = "/run/systemd/system/%s.d/test.conf" % UNIT
SECRET = "canary-password"
stub = StubBroker()


def sh(*words, timeout=60):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    return done.returncode, done.stdout.decode(errors="replace")


def show(name, unit=UNIT):
    return sh("systemctl", "show", "-P", name, unit)[1].strip()


def journal(*match):
    out = sh("journalctl", "-o", "json", "--no-pager", "-a", *match)[1]
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def configure(top="", extra=""):
    proc.write(CONF, top + "listener default {\n\tlisten 127.0.0.1:1883\n\tbroker main\n}\nbroker main {\n\taddress 127.0.0.1:%d\n}\n" %
               stub.port + extra)


def drop_in(text):
    os.makedirs(os.path.dirname(DROPIN), exist_ok=True)
    proc.write(DROPIN, text)
    sh("systemctl", "daemon-reload")


def pid():
    return int(show("MainPID"))


def status_field(name):
    with open("/proc/%d/status" % pid()) as f:
        return re.search(r"^%s:\s*(.*)$" % name, f.read(), re.M).group(1)


def exposure():
    """The unit is shut in"""
    code, out = sh("systemd-analyze", "security", "--no-pager", "--offline=yes", UNIT_FILE)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", out)
    tap.ok(found and float(found.group(1)) <= 1.2, "systemd-analyze security: at most 1.2", out[-200:])
    code, out = sh("systemd-analyze", "verify", "--man=no", UNIT_FILE, UNIT_FILE.replace(".service", ".socket"))
    tap.eq((code, out), (0, ""), "systemd-analyze verify has nothing to say")


def first_start():
    """The user is made, the installed configuration starts, and READY comes when clients can connect"""
    tap.eq(sh("systemd-sysusers")[0], 0, "systemd-sysusers")
    if not tap.eq(sh("systemctl", "start", UNIT), (0, ""), "systemctl start, with the configuration as installed"):
        tap.note(diagnose())
        print("Bail out! the service does not start", flush=True)
        raise SystemExit(1)
    with raw.Client(1883) as c:
        answer = c.login("anybody")
        tap.ok(answer is None or answer.code != 0, "which lets nobody in")
    sh("systemctl", "stop", UNIT)
    configure()
    tap.eq(sh("systemctl", "start", UNIT), (0, ""), "systemctl start")
    with raw.Client(1883) as c:  # at once: READY means it
        tap.eq(c.login("first", password=SECRET, user="anna").code, 0, "a client gets in")
    tap.eq((show("ActiveState"), show("StatusText"), show("Type")), ("active", "serving", "notify"), "active, and serving")


def shut_in():
    """It runs as its own user, without a privilege, in its sandbox"""
    user = pwd.getpwnam("mqsecproxy")
    tap.eq(status_field("Uid").split(), [str(user.pw_uid)] * 4, "its user")
    tap.eq([int(status_field(n), 16) for n in ("CapEff", "CapPrm", "CapBnd", "CapAmb")], [0] * 4, "no capability")
    tap.eq((status_field("Seccomp"), status_field("NoNewPrivs")), ("2", "1"), "system calls are filtered")
    st = os.stat("/var/lib/mqsecproxy")
    tap.eq((oct(st.st_mode & 0o777), st.st_uid), ("0o700", user.pw_uid), "its state is its own")
    st = os.stat("/run/mqsecproxy/ctl.sock")
    tap.eq((oct(st.st_mode & 0o777), st.st_uid), ("0o600", user.pw_uid), "so is its socket")
    with open("/proc/%d/mountinfo" % pid()) as f:
        tap.ok(any(l.split()[4] == "/" and "ro" in l.split()[5].split(",") for l in f), "the file system cannot be written")
    tap.eq(sh("mqsecproxyctl", "status")[0], 0, "root may ask it")
    code, out = sh("setpriv", "--reuid=nobody", "--clear-groups", "mqsecproxyctl", "status")
    tap.ok(code != 0, "nobody else may", out)


def reload():
    """systemctl reload ends with the daemon's verdict, and clients stay"""
    before = pid()
    with raw.Client(1883) as c:
        c.login("stays")
        tap.eq(sh("systemctl", "reload", UNIT), (0, ""), "a good one: 0")
        configure(extra="lissener x {\n}\n")
        tap.ok(sh("systemctl", "reload", UNIT)[0] != 0, "a bad one fails")
        tap.ok("status=78" in sh("systemctl", "status", "--no-pager", UNIT)[1] or
               any("status=78" in e.get("MESSAGE", "") for e in journal("-u", UNIT)), "with the daemon's status 78")
        tap.eq(sh("mqsecproxyctl", "reload")[0], 78, "mqsecproxyctl reload says so too")
        tap.eq((show("ActiveState"), pid()), ("active", before), "it serves on")
        tap.ok("refused" in show("StatusText"), "and says so", show("StatusText"))
        lines = journal("MQSP_EVENT=configuration")
        tap.ok(any(CONF + ":8:1: error: unknown directive" in e["MESSAGE"] for e in lines), "the journal has file, line and reason",
               repr(lines[-2:]))
        configure()
        sh("systemctl", "kill", "-s", "HUP", "--kill-whom=main", UNIT)
        proc.until(lambda: show("StatusText") == "serving", 5, "the reload by SIGHUP")
        tap.eq((show("ActiveState"), show("SubState")), ("active", "running"), "SIGHUP reloads as well")
        c.ping()
    sh("systemctl", "stop", UNIT)
    tap.eq(sh("mqsecproxyctl", "reload")[0], 3, "a reload of what does not run: 3")
    configure(extra="lissener x {\n}\n")
    code, out = sh("systemctl", "start", UNIT)
    tap.ok(code != 0 and show("ExecMainStatus") == "78" and show("NRestarts") == "0", "a bad configuration does not start, and is not tried again",
           repr((out, show("ExecMainStatus"), show("NRestarts"))))
    tap.ok("unknown directive" in sh("journalctl", "-p", "err", "-n", "5", "-o", "cat", "--no-pager", "-u", UNIT)[1],
           "and what is wrong is an error in the journal")
    configure()
    tap.eq(sh("systemctl", "start", UNIT), (0, ""), "a good one starts")


def fields():
    """The journal has fields, and no secret"""
    with raw.Client(1883, 5) as c:
        c.login("fielded", user="anna", password=SECRET)
    hits = proc.until(lambda: journal("MQSP_CLIENT_ID=fielded", "MQSP_EVENT=connect"), 5, "the line")
    e = hits[-1]
    tap.eq((e["MQSP_VERDICT"], e["MQSP_USER"], e["MQSP_LISTENER"], e["PRIORITY"], e["SYSLOG_IDENTIFIER"], e["_SYSTEMD_UNIT"]),
           ("accepted", "anna", "default", "6", "mqsecproxy", UNIT), "who, what and where")
    tap.ok(e["MESSAGE"].startswith("event=connect verdict=accepted peer="), "and a line for people")
    sh("mqsecproxyctl", "log-level", "debug")
    for _ in range(3):
        with raw.Client(1883, 5) as c:
            c.login("fielded", user="anna", password=SECRET)
            c.publish("t", SECRET.encode())
            c.send(b"\xf0\x0f" + SECRET.encode())
            try:
                c.end()
            except ValueError:
                pass
    sh("journalctl", "--sync")
    everything = subprocess.run(["journalctl", "-o", "export", "-a"], stdout=subprocess.PIPE).stdout
    tap.ok(len(everything) > 10000 and SECRET.encode() not in everything, "the journal holds no password and no payload")
    tap.eq([int(x) for x in status_of("log-lines-lost")], [0], "and no line was lost")


def status_of(name):
    return re.findall(r"^%s (\S+)$" % name, sh("mqsecproxyctl", "status")[1], re.M)


def clock():
    """In its sandbox it knows of the clock what systemd-timesyncd tells"""
    folder = "/run/systemd/timesync"
    for made, says in ((None, "unknown"), (folder, "no"), (folder + "/synchronized", "yes")):
        if made == folder:
            os.makedirs(folder)
        elif made:
            proc.write(made, "")
        tap.eq(status_of("clock-synchronised"), [says], "%s: %s" % (made or "no time service", says))
    shutil.rmtree(folder)
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024)) < 0:
        tap.note("the kernel is not asked: this container may not either")
        return
    drop_in("[Service]\nProtectClock=no\nSystemCallFilter=adjtimex clock_adjtime\n")
    sh("systemctl", "restart", UNIT)
    tap.ok(status_of("clock-synchronised") in (["yes"], ["no"]), "with the drop-in that the unit tells of it asks the kernel")
    drop_in("")
    sh("systemctl", "restart", UNIT)


def watchdog():
    """A daemon that hangs is started anew"""
    drop_in("[Service]\nWatchdogSec=2\n")
    sh("systemctl", "restart", UNIT)
    before = pid()
    time.sleep(3)  # longer than the watchdog's patience
    tap.eq((pid(), show("NRestarts")), (before, "0"), "one that turns is left alone")
    os.kill(before, signal.SIGSTOP)
    proc.until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", 15, "the restart")
    tap.ok(pid() != before, "one that hangs is killed and started")
    tap.ok(any("watchdog" in e.get("MESSAGE", "").lower() for e in journal("-u", UNIT)), "because of the watchdog")
    with raw.Client(1883) as c:
        tap.eq(c.login("after").code, 0, "clients get in")


def long_stop():
    """A stop that takes longer than the watchdog's patience and the time to stop is let end"""
    drop_in("[Service]\nWatchdogSec=1\nTimeoutStopSec=2\n")
    configure(top="shutdown-grace 5s\n")
    sh("systemctl", "restart", UNIT)
    held = raw.Client(1883)
    held.login("held")
    leg = stub.find("held")[-1]
    stub.send(leg, raw.publish("t", bytes(1000))[:500])  # inside a packet: it is not cut before the grace is over
    while len(held.received) < 504:
        held.read(5)
    began = time.monotonic()
    tap.eq(sh("systemctl", "stop", UNIT), (0, ""), "systemctl stop")
    took = time.monotonic() - began
    tap.eq(show("Result"), "success", "it ended by itself")
    tap.ok(took > 2.2, "which took longer than both", took)
    held.close()
    configure()
    drop_in("[Service]\nWatchdogSec=30\n")


def drained():
    """systemctl stop tells every client, spread over half the grace"""
    configure(top="shutdown-grace 4s\n")
    sh("systemctl", "restart", UNIT)
    clients = [raw.Client(1883, 5) for _ in range(60)]
    for i, c in enumerate(clients):
        c.login("c%d" % i)
    times, told = [], []
    stop = threading.Thread(target=sh, args=("systemctl", "stop", UNIT))
    began = time.monotonic()

    def one(c):
        told.extend((p.kind, p.code) for p in c.end())
        times.append(time.monotonic() - began)

    threads = [threading.Thread(target=one, args=(c,)) for c in clients]
    stop.start()
    for t in threads:
        t.start()
    for t in threads + [stop]:
        t.join(20)
    tap.eq(told, [(raw.DISCONNECT, 0x8B)] * 60, "each is told that the server goes")
    tap.ok(max(times) - min(times) > 1 and max(times) < 4, "spread", "%.2f to %.2f" % (min(times), max(times)))
    tap.eq((show("ActiveState"), show("Result")), ("inactive", "success"), "and it ended well")
    configure()


class Load:
    """Somebody who connects all the time; counts who was refused and who got in."""

    def __init__(self):
        self.refused = self.accepted = self.broken = 0
        self.over = False
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(4)]
        for t in self.threads:
            t.start()

    def run(self, n):
        i = 0
        while not self.over:
            i += 1
            try:
                with raw.Client(1883) as c:
                    if c.login("load-%d-%d" % (n, i)).code == 0:
                        self.accepted += 1
            except ConnectionRefusedError:
                self.refused += 1
                time.sleep(0.001)
            except (OSError, AttributeError):  # it was inside when the daemon died
                self.broken += 1

    def end(self):
        self.over = True
        for t in self.threads:
            t.join(15)


def kill_under_load():
    """kill -9 under load: with the socket unit nobody is refused"""
    sh("systemctl", "reset-failed", UNIT)
    for with_socket in (False, True):
        sh("systemctl", "stop", UNIT, "mqsecproxy.socket")
        if with_socket:
            tap.eq(sh("systemctl", "start", "mqsecproxy.socket"), (0, ""), "the socket unit starts")
            with raw.Client(1883) as c:
                tap.eq(c.login("wakes it").code, 0, "who connects starts the service, and gets in")
        else:
            sh("systemctl", "start", UNIT)
        load = Load()
        for _ in range(3):
            got = load.accepted
            proc.until(lambda: load.accepted > got + 20, 20, "the load")
            before = pid()
            os.kill(before, signal.SIGKILL)
            proc.until(lambda: show("ActiveState") == "active" and pid() not in (0, before), 20, "the restart")
        got = load.accepted
        proc.until(lambda: load.accepted > got + 20, 20, "the load")
        load.end()
        tap.note("accepted %d, refused %d, cut %d" % (load.accepted, load.refused, load.broken))
        if with_socket:
            tap.eq(load.refused, 0, "with the socket unit: none refused in three kills")
        else:
            tap.ok(load.refused > 0, "without it, some are: the test can tell")
    tap.ok(any(e.get("MQSP_FROM") == "manager" for e in journal("MQSP_EVENT=listening")), "the socket came from the manager")
    sh("systemctl", "stop", "mqsecproxy.socket", UNIT)


def diagnose():
    return "\n".join(e.get("MESSAGE", "")[:300] for e in journal("-u", UNIT, "-n", "15"))


tap.diagnosers.append(diagnose)
tap.run([exposure, first_start, shut_in, reload, fields, clock, watchdog, long_stop, drained, kill_under_load], seconds=60)
