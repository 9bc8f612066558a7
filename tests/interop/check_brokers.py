# SPDX-License-Identifier: ISC
"""Brokers of several makes behind a relay and behind a gateway that encrypts, with clients of several makes before them:
what a broker can do, it can do through the proxy. Every message arrives once and whole, retained messages, Wills and
sessions are kept, and the broker behind the gateway sees envelopes alone."""
import itertools
from concurrent.futures import ThreadPoolExecutor

from lib import brokers, clients, envelope, paho_clients, proc, proxy, raw, tap

proxy.need()
if not envelope.available:
    tap.skip_all("no libcrypto")

MAKES = []
for make, there, publish, subscriber in (
        ("MQTT.js", clients.have_mqttjs(), clients.js_publish_all, clients.js_subscriber),
        ("Paho Python", paho_clients.python(), paho_clients.python_publish_all, paho_clients.python_subscriber),
        ("Paho C", paho_clients.have_c(), paho_clients.c_publish_all, paho_clients.c_subscriber)):
    if there:
        MAKES.append((make, publish, subscriber))
    else:
        tap.skip(make, "it is not there")

# Text in one line, because that is all that Paho C shows.
PAYLOADS = [b"short", b"long " * 4000]
RETAINED = b"kept"
FILES = {p: proc.write("payload-%d" % len(p), p) for p in PAYLOADS + [RETAINED]}
key_text, key = proxy.key("site")
PATIENCE = 15
numbers = itertools.count()


class Front:
    """A proxy before a broker. seals: whether the broker is to see envelopes."""

    def __init__(self, broker, seals, rules=proxy.encrypt("site/#", "site")):
        self.broker, self.seals = broker, seals
        self.name = "gateway" if seals else "relay"
        text = proxy.listener() + proxy.broker(broker.port)
        self.proxy = proxy.Proxy(text + (key_text + rules if seals else "")).start()
        self.port = self.proxy.port

    def at_broker(self, topic, payload):
        """What the broker's copy says; ValueError where it is not what it has to be."""
        return envelope.open_envelope(key, topic, payload).payload if self.seals else payload

    def connect(self, version, client_id, direct=False, **fields):
        user, password = self.broker.account
        c = raw.Client(self.broker.port if direct else self.port, clients.LEVEL[version], patience=PATIENCE)
        c.connack = c.login(client_id, user=user, password=password, **fields)
        return c


def topic_of(branch, *words):
    """Without dots: RabbitMQ hands them on as slashes, and an envelope opens under its own topic only."""
    return "/".join(["site", branch, *map(str, words)]).replace(".", "-").replace(" ", "-")


def by_qos(messages):
    """(QoS, payload) each, as a list of payloads for each QoS: no order is promised between them."""
    out = {}
    for qos, payload in messages:
        out.setdefault(qos, []).append(payload)
    return out


def traffic(front, version, make, publish, subscriber):
    """A subscriber and a publisher of one make: what is not as it should be, as text."""
    broker, bad = front.broker, []
    topic = topic_of(front.name, make, version)
    ident = "%s%d" % ("".join(w[0] for w in make.split()), next(numbers))  # 3.1 takes no long ones
    best = max(broker.qos)
    sent = [(q, False, topic, p) for q in broker.qos for p in PAYLOADS]

    def publish_all(messages):
        status, err = publish(front.port, version, "p" + ident,
                              [(q, r, t, FILES[p]) for q, r, t, p in messages], *broker.account)
        if status:
            raise RuntimeError("publisher: %d %s" % (status, err))

    with front.connect(broker.versions[-1], "b" + ident, direct=True) as behind:
        behind.subscribe(topic, best)
        publish_all([(best, True, topic, RETAINED)])
        # the retained message also says that the subscription stands
        s = subscriber(front.port, version, "s" + ident, topic, best, *broker.account)
        try:
            first = s.wait(1, PATIENCE)
            if [m[3] for m in first] != [RETAINED] or first[0][2] == 0:
                bad.append("retained: %r" % first)
            publish_all(sent)
            got = s.wait(1 + len(sent), PATIENCE)[1:]
        finally:
            s.stop()
        seen = [behind.message() for _ in range(1 + len(sent))]
    if make == "Paho C":  # a connection a message: in any order, the QoS is not told
        alike = sorted(p for _, _, _, p in got) == sorted(p for _, _, _, p in sent)
    else:
        alike = by_qos((q, p) for _, q, _, p in got) == by_qos((q, p) for q, _, _, p in sent)
    if not alike:
        bad.append("the subscriber got %r" % [(m[1], len(m[3])) for m in got])
    try:
        opened = sorted((m.qos, front.at_broker(topic, m.payload)) for m in seen)
        if {m.topic for m in seen} != {topic.encode()} or opened != sorted([(best, RETAINED)] + [(q, p) for q, _, _, p in sent]):
            bad.append("the broker saw %r" % [(q, len(p)) for q, p in opened])
    except ValueError as e:
        bad.append("at the broker: %s" % e)
    return "\n".join(bad)


def all_traffic(fronts):
    makes = [m for m in MAKES if (fronts[0].broker.name, m[0]) != ("mosquitto", "MQTT.js")]  # check_matrix.py has these two
    jobs = [(f, v, *make) for f in fronts for v in f.broker.versions for make in makes]
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(traffic, *job) for job in jobs]
    for job, result in zip(jobs, running):
        error = result.exception()
        tap.ok(not error and not result.result(), "%s %s: %s %s publishes and subscribes at every QoS" % (
            job[0].broker.name, job[0].name, job[2], job[1]), repr(error) if error else result.result())


def retained(front, version, qos):
    """What a new subscriber gets of a retained message, and after it was cleared."""
    topic, out = topic_of("kept", version, qos), []
    # Ids of their own: RabbitMQ ends the old connection of an id late, and may take the new one for it.
    with front.connect(version, "keeper-%d" % qos) as p:
        for turn, payload in enumerate((RETAINED, b"")):
            p.publish(topic, payload, qos, retain=True)
            p.ping()  # QoS 0 is answered by nothing else
            with front.connect(version, "new-%d-%d" % (qos, turn)) as s:
                s.subscribe(topic, qos)
                p.publish(topic, b"then", qos)
                got = [s.message()]
                while got[-1].payload != b"then":
                    got.append(s.message())
                out.append([(m.retain, m.payload) for m in got])
    return out == [[(True, RETAINED), (False, b"then")], [(False, b"then")]] or out


def will(front, version, qos):
    """The Will of a client that is cut off, before and behind the proxy."""
    topic = topic_of("will", version, qos)
    with front.connect(version, "heir-%d" % qos) as s, front.connect(front.broker.versions[-1], "witness-%d" % qos, direct=True) as b:
        s.subscribe(topic, qos)
        b.subscribe(topic, qos)
        front.connect(version, "mortal-%d" % qos, will=(topic, b"last words", qos, False)).reset()
        got, seen = s.message(), b.message()
    got, seen = (got.qos, got.payload), (seen.qos, front.at_broker(topic, seen.payload))
    return got == seen == (qos, b"last words") or (got, seen)


def session(front, version, qos):
    """A session that outlives its connection, and what came for it meanwhile."""
    sleeper = "sleeper-%s-%d" % (version, qos)
    topic, wanted = topic_of("session", version, qos), [b"one", b"two", b"three"]
    expiry = {"props": [(17, 300)]} if version == "5.0" else {}
    with front.connect(version, sleeper, clean=False, **expiry) as s:
        s.subscribe(topic, qos)
        s.send(raw.disconnect(s.version))
        s.end()
    with front.connect(version, "waker-%d" % qos) as p:
        for payload in wanted:
            p.publish(topic, payload, qos)
    with front.connect(version, sleeper, clean=False, **expiry) as s:
        got = [s.message() for _ in wanted]
        there = s.connack.session or version == "3.1"  # which has no such flag
        s.quiet()  # the last acknowledgements are on their way
        s.send(raw.disconnect(s.version))
        s.end()
    front.connect(version, sleeper, clean=True).close()
    got = [(m.qos, m.payload) for m in got]
    return there and got == [(qos, p) for p in wanted] or (there, got)


def whole(front, version):
    """All of the above at every QoS."""
    for scene, least in ((retained, 0), (will, 0), (session, 1)):
        results = {}
        for qos in front.broker.qos[least:]:
            try:
                results[qos] = scene(front, version, qos)
            except (AssertionError, OSError, ValueError) as e:
                results[qos] = repr(e)
        tap.ok(all(r is True for r in results.values()), "%s %s %s: %s at QoS %s" % (
            front.broker.name, front.name, version, scene.__name__, ", ".join(map(str, results))), repr(results))


def dots(broker):
    """RabbitMQ makes a slash of a dot: what is bound to its topic does not pass, what is not does."""
    text = "".join("payload %s/# {\n\tclient-leg plain\n\tbroker-leg encrypted site\n%s}\n" % rule
                   for rule in (("bound", ""), ("loose", "\tbind-topic no\n")))
    front = Front(broker, True, text)
    with front.connect("3.1.1", "reader") as s, front.connect("3.1.1", "writer") as p:
        s.subscribe("bound/a.b", 1)
        s.subscribe("loose/a.b", 1)
        for branch in ("bound", "loose"):
            p.publish(branch + "/a.b", b"x", 1)
        m = s.message()
        tap.eq((m.topic, m.payload), (b"loose/a/b", b"x"), "rabbitmq gateway: a topic with a dot needs bind-topic no")
        front.proxy.wait_event("payload", error="E_AUTH")
    tap.eq(front.proxy.stop(), 0, "rabbitmq: it ends with status 0")


def suite(make):
    def run():
        if make not in started:
            raise tap.Skip(make.missing())
        broker = started[make].wait()
        fronts = [Front(broker, False), Front(broker, True)]
        all_traffic(fronts)
        for front in fronts:
            for version in broker.versions:
                whole(front, version)
            tap.eq(front.proxy.stop(), 0, "%s: the %s ends with status 0" % (broker.name, front.name))
        if broker.name == "rabbitmq":
            dots(broker)
        broker.stop()
    run.__name__ = run.__doc__ = make.name
    return run


# All at once: some take their time.
started = {make: make() for make in reversed(brokers.ALL) if not make.missing()}
tap.run([suite(make) for make in brokers.ALL])
