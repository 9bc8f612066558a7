# SPDX-License-Identifier: ISC
"""Runs inside the container: follows "Put it before your broker" of README.md, command by command and as the user who
reads it, and looks whether what is promised there is so."""
import base64
import os
import re
import subprocess
import time
import urllib.request

from lib import otp, raw, tap
from lib.qr import read_qr

with open("/README.md", encoding="utf-8") as f:
    README = f.read()
FENCES = re.findall(r"^```(sh)?\n(.*?)^```$", README, re.S | re.M)
STEPS = re.findall(r"^```(sh)?\n(.*?)^```$", README[README.index("\n## Put it before"):].split("\n## ")[1], re.S | re.M)
secret = None


def as_user(script, timeout=60):
    """Status, output and errors, as the reader sees them on a terminal that stops at the first failure."""
    done = subprocess.run(["runuser", "-l", "newcomer", "-c", "cd mqsecproxy && set -e\n" + script], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    return done.returncode, done.stdout.decode()


def step(word):
    """The commands of the step with this word, run; and what README.md shows behind them, or None."""
    at = [i for i, (kind, text) in enumerate(STEPS) if kind and word in text]
    if len(at) != 1:
        raise ValueError("%r stands in %d steps" % (word, len(at)))
    shown = STEPS[at[0] + 1][1] if at[0] + 1 < len(STEPS) and not STEPS[at[0] + 1][0] else None
    return STEPS[at[0]][1], shown


def code(later=0):
    return otp.totp(secret, time.time() + later)


def pub(password, topic="plant/valve", text="x", port=1883):
    return as_user("mosquitto_pub -p %d -u alice -P %s -t %s -m %s" % (port, password, topic, text))[0]


def quickstart():
    """The quickstart shows what README.md shows"""
    with open("/shared/built") as f:
        built = f.read()
    shown = [text for kind, text in FENCES if not kind and "broker on port" in text][0]

    def plain(text):
        return re.sub(r"\d+", "N", text)
    tap.ok(plain(shown) in plain(built), "but for the numbers", built[-2000:])


def walk():
    """From a broker in use to a broker behind the proxy"""
    global secret
    tap.eq(pub("legacy"), 0, "before: alice has her password")
    for word, name in (("systemd-sysusers", "systemd is told"), ("1884 127.0.0.1", "the broker moves")):
        status, out = as_user(step(word)[0])
        tap.eq(status, 0, name) or tap.note(out)
    tap.ok(pub("legacy") != 0 and pub("legacy", port=1884) == 0, "it is there, and not where it was")
    commands, shown = step("check-config")
    tap.eq(as_user(commands), (0, shown), "a configuration, which is right")
    status, out = as_user(step("--qr")[0])
    tap.eq(status, 0, "the service is started, and alice has a secret") or tap.note(out)
    drawn = "\n".join(line for line in out.splitlines() if re.fullmatch("[ \u2580\u2584\u2588]{20,}", line))
    uri = read_qr(drawn)
    text = re.search(r"[?&]secret=([A-Z2-7]+)", uri).group(1)
    tap.eq(re.findall(r"^secret (\S+)$", out, re.M), [text], "the camera reads the secret that is printed")
    secret = base64.b32decode(text + "=" * (-len(text) % 8))
    at_broker = raw.Client(1884)
    at_broker.login("watcher", user="alice", password="legacy")
    at_broker.subscribe("#")
    commands, shown = step("journalctl")
    tap.eq(commands.count("492039"), 1, "there is a code in the login that is shown")
    used = code()
    status, out = as_user(commands.replace("492039", used))
    tap.eq(status, 0, "alice gets in") or tap.note(out)

    def keys(line):
        return [(k, v if k in ("event", "verdict", "listener", "user", "mqtt") else "") for k, v in re.findall(r"(\w+)=(\S+)", line)]
    tap.eq(keys(out), keys(shown), "and the log says what README.md shows")
    tap.ok(pub("legacy" + used) != 0, "not with the same code again")
    tap.ok(pub("legacy") != 0, "nor without one")
    with urllib.request.urlopen("http://127.0.0.1:9883/", timeout=10) as r:
        page = r.read().decode()
    tap.ok("otp_replayed" in page and "accepted" in page, "the page tells of it")
    status, out = as_user(step("keygen")[0])
    tap.eq(status, 0, "a key and a rule, in the running proxy") or tap.note(out)
    tap.eq(pub("legacy" + code(30), "telemetry/t1", "21.5"), 0, "alice publishes what is to be sealed")
    first, sealed = at_broker.message(), at_broker.message()
    tap.eq((first.topic, first.payload), (b"plant/valve", b"open"), "the broker had what she published first")
    tap.eq((sealed.topic, sealed.payload[:1], len(sealed.payload)), (b"telemetry/t1", b"\x80", 44), "and then an envelope")
    commands, shown = step("mian/'")
    status, out = as_user(commands)
    tap.ok(status == 78 and out.startswith(shown), "a slip is told as README.md shows, with status 78", (status, out))
    tap.eq(as_user("sudo systemctl is-active mqsecproxy"), (0, "active\n"), "and the service goes on")
    status, out = as_user(step("mian$/main")[0])
    tap.eq(status, 0, "mended") or tap.note(out)
    tap.eq(as_user("sudo mqsecproxyctl user lock alice")[0], 0, "alice is locked")
    tap.ok(pub("legacy" + code(60)) != 0 and "otp_locked" in as_user("sudo journalctl -u mqsecproxy -o cat")[1], "and refused")


def uninstall():
    """What was installed goes, what is the user's stays"""
    as_user("sudo systemctl disable --now mqsecproxy")
    status, out = as_user("sudo make -C build uninstall")
    tap.eq(status, 0, "make uninstall") or tap.note(out[-2000:])
    left = as_user("sudo find /usr/local /etc -name '*mqsecproxy*' | sort")[1].split()
    tap.eq(left, ["/etc/mqsecproxy", "/etc/mqsecproxy.conf"], "configuration and keys")
    tap.ok(os.path.exists("/var/lib/mqsecproxy/state.db"), "and the state")


def diagnose():
    return subprocess.run(["journalctl", "-u", "mqsecproxy", "-o", "cat", "-n", "15", "--no-pager"], stdout=subprocess.PIPE).stdout.decode()


tap.diagnosers.append(diagnose)
tap.run([quickstart, walk, uninstall], seconds=120)
