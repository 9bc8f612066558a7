# SPDX-License-Identifier: ISC
"""One program for Paho Python, run at several places at once: each prints what its clients are told.
  program.py USER PASSWORD MARK:LEVEL:PORT …     lines: MARK LEVEL CLIENT EVENT, in order for each client"""
import hashlib
import json
import socket
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

printing = threading.Lock()
OWN = ("TopicAliasMaximum", "MaximumPacketSize")  # under payload rules the proxy takes out the one and lowers the other


def digest(payload):
    return "%d:%s" % (len(payload), hashlib.sha256(payload).hexdigest()[:12])


def told(properties):
    if properties is None:
        return "-"
    p = {k: v for k, v in properties.json().items() if k not in OWN}
    if "MessageExpiryInterval" in p:
        p["MessageExpiryInterval"] = -(-p["MessageExpiryInterval"] // 100) * 100
    return json.dumps(p, sort_keys=True)


def properties(kind):
    p = Properties(kind)
    p.PayloadFormatIndicator = 1
    p.MessageExpiryInterval = 3000
    p.ContentType = "text/plain"
    p.ResponseTopic = "an/answer"
    p.CorrelationData = b"\0\1\2\xff"
    p.UserProperty = [("a", "1"), ("b", "ü"), ("a", "2")]
    return p


class Client:
    """Everything that it is told becomes a line; whoever waits for something waits for its count."""

    def __init__(self, place, name, account, ident=None, clean=True, will=None):
        self.mark, self.level, port = place.split(":")
        self.name, self.v5, self.counts, self.waited = name, self.level == "5", {}, {}
        self.changed = threading.Condition()
        options = {} if self.v5 else {"clean_session": clean}
        self.paho = paho.Client("~%s~p%s%s" % (self.mark, self.level, ident or name), protocol=int(self.level),
                                reconnect_on_failure=False, **options)
        if account[0]:
            self.paho.username_pw_set(*account)
        if will:
            self.paho.will_set(*will, **({"properties": properties(PacketTypes.WILLMESSAGE)} if self.v5 else {}))
        self.paho.on_connect = lambda c, u, flags, code, props=None: self.say(
            "connack", flags["session present"], int(getattr(code, "value", code)), told(props))
        self.paho.on_message = lambda c, u, m: self.say(
            "message", m.topic, "qos", m.qos, "retain", m.retain, "dup", m.dup, digest(m.payload),
            told(getattr(m, "properties", None)))
        self.paho.on_publish = lambda c, u, mid: self.say("published", mid)
        self.paho.on_subscribe = lambda c, u, mid, codes, props=None: self.say("suback", mid, [
            getattr(x, "value", x) for x in codes], told(props))
        self.paho.on_unsubscribe = lambda *a: self.say("unsuback", a[2])
        # the reason of a disconnect is Paho's own as often as the broker's
        self.paho.on_disconnect = lambda *a: self.say("disconnect")
        more = {}
        if self.v5:
            more["clean_start"] = clean
            if not clean:
                more["properties"] = Properties(PacketTypes.CONNECT)
                more["properties"].SessionExpiryInterval = 600
        self.paho.connect("127.0.0.1", int(port), **more)
        self.paho.loop_start()
        self.wait("connack")

    def say(self, event, *words):
        with printing:
            print(self.mark, self.level, self.name, event, *words, flush=True)
        with self.changed:
            self.counts[event] = self.counts.get(event, 0) + 1
            self.changed.notify_all()

    def wait(self, event, count=1):
        wanted = self.waited[event] = self.waited.get(event, 0) + count
        with self.changed:
            if not self.changed.wait_for(lambda: self.counts.get(event, 0) >= wanted, 30):
                raise TimeoutError("%s %s %s: no %s" % (self.mark, self.level, self.name, event))

    def publish(self, topic, payload, qos, retain=False, told_more=True):
        more = {"properties": properties(PacketTypes.PUBLISH)} if self.v5 and told_more else {}
        self.paho.publish(topic, payload, qos, retain, **more)
        self.wait("published")

    def subscribe(self, topic, qos):
        self.paho.subscribe(topic, qos)
        self.wait("suback")

    def vanish(self):
        self.paho.socket().shutdown(socket.SHUT_RDWR)
        self.wait("disconnect")

    def end(self):
        self.paho.disconnect()
        self.wait("disconnect")
        self.paho.loop_stop()


def run(place, account):
    mark, level, _ = place.split(":")
    corner = "~%s~/py%s/" % (mark, level)
    sub, pub = Client(place, "sub", account), Client(place, "pub", account)
    sub.subscribe(corner + "#", 2)
    for qos in (0, 1, 2):
        for payload in ("", "päyload", b"x" * 20000):
            for told_more in (True, False):
                pub.publish(corner + "message", payload, qos, told_more=told_more)
                sub.wait("message")
    pub.publish(corner + "kept", "kept", 1, True)
    sub.wait("message")
    late = Client(place, "late", account)
    late.subscribe(corner + "kept", 1)
    late.wait("message")
    pub.publish(corner + "kept", "", 1, True, False)
    late.wait("message")
    sub.wait("message")
    late.paho.unsubscribe(corner + "kept")
    late.wait("unsuback")
    late.end()
    mortal = Client(place, "mortal", account, will=(corner + "will", "last words", 1, False))
    mortal.vanish()
    sub.wait("message")
    # its Will tells that the broker has seen it go
    sleeper = Client(place, "sleeper", account, clean=False, will=(corner + "gone", "", 1, False))
    sleeper.subscribe(corner + "queue", 1)
    sleeper.vanish()
    sub.wait("message")
    for n in range(3):
        pub.publish(corner + "queue", "queued %d" % n, 1)
    sub.wait("message", 3)
    again = Client(place, "again", account, "sleeper", clean=False)
    again.wait("message", 3)
    again.subscribe(corner + "other", 1)  # the answers have come before this one does
    other = Client(place, "other", account, "sleeper")
    again.wait("disconnect")
    for c in (other, pub, sub):
        c.end()
    sub.say("done")


def main():
    threads = [threading.Thread(target=run, args=(place, sys.argv[1:3])) for place in sys.argv[3:]]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


main()
