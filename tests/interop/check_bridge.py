# SPDX-License-Identifier: ISC
"""A mosquitto that bridges to another one: direct, through the proxy, and through one that encrypts, the same comes of it.
Bit 7 of the protocol level (try_private) tells the other broker that a bridge speaks, so that RETAIN is kept."""
import os
import signal

from lib import envelope, proc, proxy, raw, tap
from lib.broker import MOSQUITTO, Mosquitto

proxy.need()
if not MOSQUITTO:
    tap.skip_all("mosquitto is not there")

remote = Mosquitto()
PLAIN = proxy.Proxy(proxy.listener() + proxy.broker(remote.port), name="plain").start()
WAYS = {"direct": remote.port, "plain": PLAIN.port}
if envelope.available:
    key_text, _ = proxy.key("site")
    SEALING = proxy.Proxy(proxy.listener() + proxy.broker(remote.port) + key_text + proxy.encrypt("out/#", "site") +
                          proxy.encrypt("in/#", "site"), name="sealing").start()
    WAYS["sealing"] = SEALING.port
KINDS = [("mqttv31", True), ("mqttv31", False), ("mqttv311", True), ("mqttv311", False), ("mqttv50", True)]
PAYLOADS = [b"", b"1", os.urandom(5000)]


def bridge(name, port, protocol, private):
    """The local broker; its bridge stands when the other one has answered its SUBSCRIBE."""
    local = Mosquitto(extra="\n".join([
        "connection up", "address 127.0.0.1:%d" % port, "remote_clientid %s" % name,
        "bridge_protocol_version %s" % protocol, "try_private %s" % ("true" if private else "false"),
        "topic out/# out 2", "topic in/# in 2", "cleansession true", "keepalive_interval 5", "restart_timeout 1",
        "notification_topic state/%s" % name]))
    remote.wait_subscribed(name)
    return local


def observer(port, name, *filters):
    c = raw.Client(port, 4)
    c.login(name)
    for mid, f in enumerate(filters, 1):
        c.subscribe(f, 2, mid=mid)
    return c


def messages(c, n):
    out = []
    for _ in range(n):
        m = c.message()
        out.append((m.topic, m.payload, m.qos, m.retain))
    return out


def say(port, topic, *messages, retain=False):
    """Publishes (payload, QoS) each under topic/0, topic/1 and so on."""
    with raw.Client(port, 4) as c:
        c.login("sayer")
        for i, (payload, qos) in enumerate(messages):
            c.publish("%s/%d" % (topic, i), payload, qos, mid=1 + i, retain=retain)
        c.send(raw.disconnect())
        c.end()


def kept(port, name, topic):
    """What a new subscriber gets at once: the retained message, or nothing."""
    with observer(port, name, topic + "/#") as c:
        say(port, topic + "/mark", (b"mark", 1))
        seen = c.message().payload
    return seen != b"mark" and seen


def across(port, receiver, topic):
    """Every QoS and payload from one broker to the other."""
    say(port, topic, *[(payload, qos) for qos in (0, 1, 2) for payload in PAYLOADS])
    return [(topic.rsplit(b"/", 1)[1], *rest) for topic, *rest in messages(receiver, 3 * len(PAYLOADS))]


def play(way, protocol, private):
    """All that a bridge does, as seen from both ends."""
    port = WAYS[way]
    name = "%s-%s-%s-a-client-id-of-many-characters" % (way, protocol, "private" if private else "open")
    local = bridge(name, port, protocol, private)
    seen = {"named a bridge": "New bridge connected" in remote.log().split(" as %s " % name)[0].rsplit("\n", 1)[1]}
    here = observer(local.port, "here", "in/%s/#" % name)
    there = observer(port, "there-" + name, "out/%s/#" % name, "state/%s" % name)
    seen["state"] = messages(there, 1)[0][1:]
    seen["up"] = across(local.port, there, "out/" + name)
    seen["down"] = across(port, here, "in/" + name)
    say(local.port, "out/%s/kept" % name, (b"up", 1), retain=True)
    say(port, "in/%s/kept" % name, (b"down", 1), retain=True)
    seen["live"] = [m[1:] for m in messages(there, 1) + messages(here, 1)]
    seen["kept there"] = kept(port, "k-" + name, "out/%s/kept" % name)
    seen["kept here"] = kept(local.port, "k-" + name, "in/%s/kept" % name)
    proc.stop(local.child, signal.SIGKILL)
    while (m := there.message()).topic != b"state/" + name.encode():
        pass
    seen["will"] = (m.payload, m.qos)
    there.close()
    here.close()
    return seen


def bridged():
    """3.1, 3.1.1 and 5.0, with and without bit 7"""
    for protocol, private in KINDS:
        wanted = play("direct", protocol, private)
        name = "%s, try_private %s" % (protocol, private)
        if protocol != "mqttv50":
            tap.eq(wanted["named a bridge"], private, name + ": the bit is there")
            tap.eq(wanted["kept here"], b"down" if private else False, name + ": and keeps RETAIN")
        for way in list(WAYS)[1:]:
            got = play(way, protocol, private)
            for what in wanted:
                tap.eq(got[what], wanted[what], "%s, %s: %s" % (name, way, what))
    tap.eq(PLAIN.stop(), 0, "status 0")
    if "sealing" in WAYS:
        tap.eq(SEALING.stop(), 0, "status 0")


tap.run([bridged])
