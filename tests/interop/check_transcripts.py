# SPDX-License-Identifier: ISC
"""The same programs run direct and through the proxy: a plain relay, a gateway that seals, an edge and a gateway that seal
and open between them. The transcripts of all their clients must be equal, and so must that of a tap at the broker, which
behind the gateway sees envelopes only. SCENES (words) chooses scenes, SHOW=1 prints the transcripts."""
import collections
import concurrent.futures
import os
import re
import secrets
import traceback

from lib import brokers, clients, envelope, proc, proxy, scenes, tap, transcript
from lib.scenes import FENCED, SCENES, Scene, levels_of

proxy.need()
if not envelope.available:
    tap.skip_all("no libcrypto")

ACCOUNT = ("u", "right")
# what a broker is known not to do: scenes, or scenes of a QoS
LACKS = {
    "aedes": {("duplicates", 2): "it does not answer a QoS 2 PUBLISH that comes again"},
    "rabbitmq": {"sessions_ended": "it may say that there is a session when it is about to go",
                 "takeover": "it may end the second connection too, or give its messages to the first"},
    "ejabberd": {"packet_size": "it does not look at Maximum Packet Size",
                 "expiry": "what it once tried to give to a client does not expire any more"},
}


def beyond(way, function):
    """Why a scene is not for a way, or None."""
    if way.name == "pair" and function.__name__ == "large_properties":
        return "no more than 16384 bytes of properties can be sealed"
    return None


# ---- the ways

class Way:
    def __init__(self, name, letter, port):
        self.name, self.letter, self.port = name, letter, port


KEY = secrets.token_bytes(32)


class House:
    """A broker, and the proxies before it."""

    def __init__(self, name, broker):
        self.name, self.broker = name, broker
        key_text, _ = proxy.key("site", KEY)
        leave = "payload +/pass/# {\n\tpass\n}\npayload +/fence/# {\n\tpass\n}\n"
        roomy = "max-connect 128k"
        hide = "\tseal-properties yes\n\tpad 64\n}\n"  # what happens between edge and opener only

        def start(title, behind, rule=""):
            rules = key_text + leave + rule if rule else ""
            p = proxy.Proxy(proxy.listener(extra=roomy) + proxy.broker(behind) + rules, name=name + "-" + title)
            return p.start()
        relay = start("relay", broker.port)
        gateway = start("gateway", broker.port, proxy.encrypt('"#"', "site"))
        opener = start("opener", broker.port, proxy.decrypt('"#"', "site").replace("}\n", hide))
        edge = start("edge", opener.port, proxy.encrypt('"#"', "site").replace("}\n", hide))
        self.proxies = [relay, gateway, edge, opener]
        self.direct = Way("direct", "d", broker.port)
        self.ways = [Way("relay", "r", relay.port), Way("gateway", "g", gateway.port), Way("pair", "p", edge.port)]

    def norms(self, way, client):
        """For the direct transcript and for the one beside it."""
        if way.name == "relay":
            return transcript.ALWAYS, transcript.ALWAYS
        rules = transcript.UNDER_RULES
        if client == "tap" and way.name == "gateway":
            return rules + (transcript.opener(None),), rules + (transcript.opener(KEY),)
        return rules, rules

    def play(self, way, function, version, qos):
        return Scene(way, self.broker, function, version, qos).play(function)

    def compare(self, way, direct, proxied):
        """What differs, as text; and how many lines are equal or not."""
        texts, count, many = [], 0, self.broker.name in FENCED
        rabbit = self.name == "rabbitmq"
        numbers = [collections.defaultdict(lambda: transcript.Numbers(not rabbit)) for _ in "12"]
        for a, b in zip(direct, proxied):
            norms = [n + ((m[a.session],) if many else ()) + ((transcript.dup_at_will,) if rabbit else ())
                     for n, m in zip(self.norms(way, a.name), numbers)]
            left, right = a.lines(norms[0], many), b.lines(norms[1], many)
            count += len(left)
            diff = transcript.difference(left, right)
            if diff:
                texts.append("%s:\n%s" % (a.name, diff))
        if len(direct) != len(proxied):
            texts.append("not the same clients")
        return "\n".join(texts), count

    def stop(self):
        for p in self.proxies:
            tap.eq(p.stop(), 0, p.name + " ends with status 0")
        self.broker.stop()


class Run:
    """A scene at one level and QoS, played every way at once."""

    def __init__(self, house, pool, function, version, qos):
        self.house, self.name = house, "%s, level %d, QoS %s" % (function.__name__, version, qos)
        self.direct, *self.proxied = [pool.submit(house.play, way, function, version, qos)
                                      for way in [house.direct] + house.ways if not beyond(way, function)]

    def judge(self, i):
        """The way of that number beside the direct one: text, empty where all is equal."""
        try:
            text, count = self.house.compare(self.house.ways[i], self.direct.result(), self.proxied[i].result())
            text = text or ("" if count > 10 else "only %d lines" % count)
        except Exception as e:
            frames = traceback.extract_tb(e.__traceback__)
            at = next((f for f in reversed(frames) if f.filename == scenes.__file__), frames[-1])
            text = "%s, line %d: %r" % (at.name, at.lineno, e)
        return "%s: %s" % (self.name, text) if text else ""

    def show(self):
        for t in self.direct.result():
            tap.note("\n".join(["%s: %s" % (self.name, t.name)] + t.lines(())))


def chosen(house, function, levels, qoses):
    """The levels and QoS that the broker can do; what it lacks beside them is told."""
    lacks = LACKS.get(house.name, {})
    out = []
    for v in (v for v in levels if v in levels_of(house.broker)):
        for q in (q for q in qoses if q in house.broker.qos + (None,)):
            why = lacks.get((function.__name__, q)) or lacks.get(function.__name__)
            if why:
                tap.note("%s: not %s, level %d, QoS %s: %s" % (house.name, function.__doc__, v, q, why))
            else:
                out.append((v, q))
    return out


def perform(house):
    wanted = os.environ.get("SCENES", "").split()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        jobs = [(function, [Run(house, pool, function, v, q) for v, q in chosen(house, function, levels, qos)])
                for function, levels, qos in SCENES if not wanted or function.__name__ in wanted]
        for function, runs in jobs:
            if not runs:
                tap.note("%s: not %s: the broker cannot" % (house.name, function.__doc__))
                continue
            for i, way in enumerate(house.ways):
                if beyond(way, function):
                    tap.note("%s, %s: not %s: %s" % (house.name, way.name, function.__doc__, beyond(way, function)))
                    continue
                bad = "\n".join(filter(None, (run.judge(i) for run in runs)))
                tap.ok(not bad, "%s, %s: %s (%d runs)" % (house.name, way.name, function.__doc__, len(runs)), bad)
            if os.environ.get("SHOW"):
                for run in runs:
                    run.show()


# ---- the programs of others

PROGRAMS = {
    "MQTT.js": lambda: [clients.NODE, os.path.join(LIB, "program.js")] if clients.have_mqttjs() else None,
    "Paho Python": lambda: PAHO and [PAHO, os.path.join(LIB, "program.py")],
}
LIB = os.path.dirname(os.path.abspath(transcript.__file__))
PAHO = clients.python_with("paho.mqtt.client")


def told_by_client(lines, letter, level, dup):
    """What the program's clients were told at one place, client by client, without the mark; and without DUP where that
    tells nothing (transcript.dup_at_will)."""
    start = "%s %d " % (letter, level)
    mine = [line[len(start):].replace("~%s~" % letter, "*") for line in lines if line.startswith(start)]
    if not dup:
        mine = [re.sub(" dup [a-z0-9]*", "", line) for line in mine]
    return sorted(mine, key=lambda line: line.split(" ", 1)[0])


def programs(house):
    """One program of MQTT.js and of Paho each, at every place and level at once."""
    ways, levels = [house.direct] + house.ways, levels_of(house.broker)
    for name, argv in PROGRAMS.items():
        argv = argv()
        if not argv:
            tap.skip("%s: the program of %s" % (house.name, name), "it is not there")
            continue
        places = ["%s:%d:%d" % (w.letter, v, w.port) for w in ways for v in levels]
        status, out, err = proc.run(argv + [x or "" for x in house.broker.account] + places, env=clients.node_env(),
                                    timeout=90)
        lines = out.decode().splitlines()
        for v in levels:
            direct, *others = [told_by_client(lines, w.letter, v, house.name != "rabbitmq") for w in ways]
            tap.ok("sub done" in direct, "%s: %s at level %d runs to its end" % (house.name, name, v), err.decode()[-2000:])
            for way, other in zip(house.ways, others):
                diff = transcript.difference(direct, other)
                tap.ok(not diff, "%s, %s: %s at level %d is told the same (%d lines)" % (
                    house.name, way.name, name, v, len(direct)), diff)


# ---- the brokers

started = {}


def start(make):
    """None where it is missing."""
    options = {}
    if make is brokers.Mosquitto:
        acl = "user %s\ntopic readwrite #\ntopic read $SYS/#\ntopic deny +/deny/#\n" % ACCOUNT[0]
        options = dict(users=dict([ACCOUNT]), extra="acl_file %s\nmax_packet_size 2000000\n" % proc.write("acl", acl))
        make.account = ACCOUNT
    started[make] = None if make.missing() else make(**options)


def visit(make):
    """All scenes at one broker."""
    if not started:
        for each in brokers.ALL:  # some take their time
            start(each)
    if not started[make]:
        raise tap.Skip(make.missing())
    house = House(make.name, started[make].wait())
    perform(house)
    if not os.environ.get("SCENES"):
        programs(house)
    house.stop()


def mosquitto():
    """mosquitto"""
    visit(brokers.Mosquitto)


def aedes():
    """aedes"""
    visit(brokers.Aedes)


def ejabberd():
    """ejabberd"""
    visit(brokers.Ejabberd)


def rabbitmq():
    """RabbitMQ"""
    visit(brokers.RabbitMQ)


tap.run([mosquitto, aedes, ejabberd, rabbitmq])
