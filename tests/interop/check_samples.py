# SPDX-License-Identifier: ISC
"""The two shipped samples, unedited but for paths, ports and addresses, run against each other: a gateway before
mosquitto, an edge beside mosquitto's own clients, which know nothing of codes or keys. What the samples say works."""
import base64
import os
import re
import secrets

from lib import clients, envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not (MOSQUITTO and clients.PUB and clients.SUB):
    tap.skip_all("mosquitto and its clients are not there")
PASSWORD = "what-the-broker-knows"
broker = Mosquitto(users={"fleet-a": PASSWORD})


def folder(name):
    """Where a machine has /etc/mqsecproxy, /var/lib/mqsecproxy and /run/mqsecproxy."""
    os.mkdir(proc.path(name))
    for part in ("etc", "etc/keys", "lib", "run", "etc/mqsecproxy.d"):
        os.mkdir(proc.path(os.path.join(name, part)))
    return proc.path(name)


def sample(name, place, addresses):
    """A sample with its paths below a folder, and each of these addresses replaced, all of which must stand in it."""
    with open(os.path.join(proc.top_srcdir, "etc", "examples", name), encoding="utf-8") as f:
        text = f.read()
    for path in ("etc", "var/lib", "run"):
        text = text.replace("/%s/mqsecproxy" % path, "%s/%s" % (place, path.rsplit("/", 1)[-1]))
    for old, new in addresses:
        assert old in text, old
        text = text.replace(old, new)
    return text


class Sample(proxy.Proxy):
    """A proxy whose whole configuration is the sample."""

    def __init__(self, name, text, place, **env):
        self.env = ["env"] + ["%s=%s" % e for e in env.items()]
        super().__init__(text, name=name, wrapper=self.env)
        self.conf, self.state, self.socket = place + "/etc/" + name + ".conf", place + "/lib/state.db", place + "/run/ctl.sock"
        proc.write(self.conf, text)

    def ctl(self, *words, input=None):
        status, out, err = proc.run(self.env + [proxy.CTL, "-c", self.conf, *words], input=input)
        return status, out.decode(), err.decode()


at_gateway, at_edge = folder("gateway"), folder("edge")
GATEWAY, EDGE = proc.free_port(), proc.free_port()
keys = {name: secrets.token_bytes(32) for name in ("site-a", "site-a-2025", "site-b")}
os.mkdir(at_gateway + "/etc/credentials")
for place, names in ((at_gateway + "/etc/keys", ("site-a", "site-a-2025")), (at_edge + "/etc/keys", ("site-a",))):
    for n in names:
        proc.write("%s/%s.key" % (place, n), keys[n].hex() + "\n", 0o600)
proc.write(at_gateway + "/etc/credentials/site-b", keys["site-b"].hex() + "\n", 0o600)
proc.write(at_gateway + "/etc/blocklist.txt", "# nobody yet\n192.0.2.0/24\n")
gateway = Sample("gateway", sample("gateway.conf", at_gateway, [
    ("0.0.0.0:1883 [::]:1883", "127.0.0.1:%d" % GATEWAY), ("127.0.0.1:1893", "127.0.0.1:0"),
    ("address          127.0.0.1:1884", "address          127.0.0.1:%d" % broker.port),
    ("broker-2.example.com:1884", "127.0.0.1:1"), ("10.20.0.0/16", "127.0.0.0/8")]), at_gateway,
    CREDENTIALS_DIRECTORY=at_gateway + "/etc/credentials")
edge = Sample("edge", sample("edge.conf", at_edge, [
    ("127.0.0.1:1883 [::1]:1883", "127.0.0.1:%d" % EDGE), ("mqtt.example.com:1883", "127.0.0.1:%d" % GATEWAY)]), at_edge)


def enrol():
    """As the sample says: the user is made at the gateway, the secret carried to the edge"""
    with open(os.path.join(proc.top_srcdir, "etc", "examples", "edge.conf"), encoding="utf-8") as f:
        command = re.search(r"mqsecproxyctl (user add .*)", f.read()).group(1).split()
    status, out, err = gateway.ctl(*command)
    tap.ok(status == 0, " ".join(command), err)
    secret = re.search(r"^secret (\S+)", out, re.M).group(1)
    base64.b32decode(secret + "=" * (-len(secret) % 8))
    proc.write(at_edge + "/etc/keys/otp-fleet-a", secret + "\n", 0o600)
    proc.write(at_edge + "/etc/keys/password", PASSWORD + "\n", 0o600)


def start():
    """Both take their samples without a word of warning"""
    for p in (gateway, edge):
        status, out, err = p.ctl("check-config")
        tap.ok(status == 0 and "warning" not in out + err, p.name + ": check-config", out + err)
    gateway.start()
    edge.start()
    tap.ok(not gateway.events(level="error") and not edge.events(level="error"), "no error in either log")


def clients_know_nothing():
    """mosquitto_pub without user, password or key, in every version, twice: each time with a fresh code, and sealed"""
    payload = proc.write("one", b"21.5")
    with raw.Client(broker.port, 5) as watcher:
        watcher.login("watcher", user="fleet-a", password=PASSWORD)
        watcher.subscribe("#", 1)
        for version in clients.LEVEL:
            for turn in (1, 2):
                status, err = clients.publish(EDGE, version, "telemetry/fleet-a/t", payload, 1, client_id="sensor-1")
                tap.ok(status == 0, "%s, %d: published" % (version, turn), err)
                m = watcher.message()
                tap.eq((m.topic, m.payload), (b"telemetry/fleet-a/t", b"21.5"), "%s, %d: the broker has it in clear" % (
                    version, turn))
    gateway.wait_verdict("accepted", times=6, user="fleet-a", listener="plant")
    tap.eq(len(gateway.verdicts("accepted", user="fleet-a", listener="plant")), 6, "six logins at the gateway")


def way_between():
    """What goes from edge to gateway is sealed, and no login is the same as another"""
    log = gateway.log() + edge.log()
    tap.ok(PASSWORD not in log, "no password in a log")
    status = gateway.status()
    tap.eq(status.get("payloads_opened", status.get("payloads-opened")), "6", "six envelopes were opened")


def strangers():
    """The gateway lets nobody in without a code, the edge nobody who is not its client"""
    with raw.Client(GATEWAY) as c:
        tap.eq(c.login("sensor-1", user="fleet-a", password=PASSWORD).code, 4, "at the gateway: refused")
    with raw.Client(EDGE) as c:
        tap.eq(c.login("somebody").code, 5, "at the edge: refused")


def subscriber():
    """mosquitto_sub gets commands through both"""
    got = clients.Subscriber([clients.SUB, "-h", "127.0.0.1", "-p", str(EDGE), "-V", "mqttv311", "-i", "sensor-2", "-t",
                              "cmd/fleet-a/go", "-q", "1", "-F", "%t %q %r %x"])
    broker.wait_subscribed("sensor-2")
    with raw.Client(broker.port) as c:
        c.login("sender", user="fleet-a", password=PASSWORD)
        c.publish("cmd/fleet-a/go", b"now", 1)
    tap.eq(got.wait(1), [("cmd/fleet-a/go", 1, 0, b"now")], "delivered")
    proc.stop(got.child)


def finish():
    """The end"""
    tap.eq((edge.stop(), gateway.stop()), (0, 0), "both end with status 0")
    broker.stop()


tap.run([enrol, start, clients_know_nothing, way_between, strangers, subscriber, finish])
