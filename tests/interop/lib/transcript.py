# SPDX-License-Identifier: ISC
"""What a client sends and receives, packet by packet, as lines that can be laid beside those of the same program run
another way. Every packet ends in a digest of its bytes, so what is equal is equal to the last bit; what may differ is
named here, each with its reason, and loses its digest for that packet alone."""
import collections
import copy
import difflib
import hashlib
import socket

from . import envelope, raw

PROPERTY = {1: "payload-format", 2: "expiry", 3: "content-type", 8: "response-topic", 9: "correlation", 11: "sub-id",
            17: "session-expiry", 18: "assigned-id", 19: "keep-alive", 21: "method", 22: "data", 23: "problem-info",
            24: "will-delay", 25: "response-info", 26: "response", 28: "server", 31: "reason", 33: "receive-max",
            34: "alias-max", 35: "alias", 36: "max-qos", 37: "retain-ok", 38: "user", 39: "max-packet",
            40: "wildcard-ok", 41: "sub-id-ok", 42: "shared-ok"}
PFI, EXPIRY, ASSIGNED_ID, ALIAS_MAX, MAX_PACKET = 1, 2, 18, 34, 39
SEALED = (PFI, 3, 8, 9, 38)  # by the rules of these tests
FIELDS = {raw.CONNECT: ("version", "connect_flags", "keep_alive", "client_id", "will", "user", "password"),
          raw.CONNACK: ("session", "code"), raw.PUBLISH: ("dup", "qos", "retain", "mid", "topic"),
          raw.PUBACK: ("mid", "code"), raw.PUBREC: ("mid", "code"), raw.PUBREL: ("mid", "code"),
          raw.PUBCOMP: ("mid", "code"), raw.SUBSCRIBE: ("mid", "filters"), raw.SUBACK: ("mid", "codes"),
          raw.UNSUBSCRIBE: ("mid", "filters"), raw.UNSUBACK: ("mid", "codes"), raw.DISCONNECT: ("code",),
          raw.AUTH: ("code",)}


# ---- what may differ: each takes the direction and a packet of its own, and changes it

def touch(p, props):
    p.props, p.touched = props, True


def assigned_id(direction, p):
    """A client id that the broker makes up is another one each time."""
    if p.kind == raw.CONNACK and p.prop(ASSIGNED_ID):
        touch(p, [(i, b"*" if i == ASSIGNED_ID else v) for i, v in p.props])


def expiry_counts(direction, p):
    """The broker takes whole seconds off the Message Expiry Interval while it holds a message [MQTT-3.3.2-6]. Programs
    ask for multiples of 100."""
    if p.kind == raw.PUBLISH and direction == "<" and p.prop(EXPIRY):
        touch(p, [(i, -(-v // 100) * 100 if i == EXPIRY else v) for i, v in p.props])


def alias_max(direction, p):
    """No side is offered more than 32 topic aliases; a number that is changed becomes the last property."""
    if p.kind == raw.CONNACK and (p.prop(ALIAS_MAX) or 0) >= 32:
        touch(p, sorted(((i, min(v, 32) if i == ALIAS_MAX else v) for i, v in p.props), key=lambda x: x[0]))


def packet_size(direction, p):
    """Under payload rules the proxy lowers the broker's Maximum Packet Size by the growth of an envelope; by how much is
    another test's to say."""
    if p.kind == raw.CONNACK and p.prop(MAX_PACKET):
        touch(p, sorted((i, "*" if i == MAX_PACKET else v) for i, v in p.props))


def props_order(direction, p):
    """These properties went through an envelope, and were put back as the last ones. The order of properties of different
    kinds tells nothing (5.0, 2.2.2.2)."""
    if p.kind == raw.PUBLISH and direction == "<" and any(i in SEALED and (i != PFI or v) for i, v in p.props):
        touch(p, sorted(p.props, key=lambda x: x[0]))


def idle(direction, p):
    """The proxy ends a client that is silent for twice its keep-alive, and tells it so (0x8D), where the broker has not
    done so yet; and a broker may do it in words of its own, or without a word. What is compared is the end."""
    p.gone = p.kind == raw.DISCONNECT and direction == "<" and p.code == 0x8d


ALWAYS = (assigned_id, expiry_counts, idle, alias_max)
UNDER_RULES = ALWAYS + (packet_size, props_order)


def opener(key):
    """At the broker behind a gateway that seals, every payload is an envelope; what is inside is compared, with the
    Payload Format Indicator that it keeps. The order to clear a retained message stays empty. Without a key: the side
    that it is laid beside."""
    def unseal(direction, p):
        if p.kind != raw.PUBLISH or direction == ">" or p.topic.split(b"/")[1] == b"pass":
            return
        touch(p, p.props)
        if not p.payload and (p.retain or p.version < 5):  # before 5.0 a live message does not tell
            return
        if key:
            opened = envelope.open_envelope(key, p.topic, p.payload)
            p.payload = opened.payload
            p.props = p.props + ([(PFI, 1)] if opened.utf8 else [])
        props_order(direction, p)
    return unseal


def stream(direction, p):
    """Where a broker is many processes, what it says comes in any order, but in order within the messages of a topic
    and QoS [4.6], and within the answers. Lines are then compared stream by stream; this names that of a packet."""
    about = getattr(p, "about", "")
    if direction == "<" and p.kind == raw.PUBLISH:
        return "messages at %d %r" % (p.qos, p.topic)
    if about:
        return "%s %r" % (raw.NAMES[p.kind], about)
    return "sent" if direction == ">" else "heard"


def dup_at_will(direction, p):
    """RabbitMQ sets DUP on what it once gave to a connection that was about to end, seen there or not."""
    if p.kind == raw.PUBLISH and direction == "<" and p.qos:
        p.dup = "*"
        p.raw = bytes([p.raw[0] & ~8]) + p.raw[1:]


class Numbers:
    """For such brokers, and for those that choose packet ids at random: the first message of a topic gets 1, and so on,
    through all connections of a session. A message with DUP has the id that it had, but where the broker does not keep
    them."""

    def __init__(self, keeps=True):
        self.keeps, self.known, self.last = keeps, {}, collections.Counter()

    def __call__(self, direction, p):
        message = p.kind == raw.PUBLISH and direction == "<" and p.qos
        handshake = direction == ("<" if p.kind == raw.PUBREL else ">") and \
            p.kind in (raw.PUBACK, raw.PUBREC, raw.PUBREL, raw.PUBCOMP)
        if not message and not (handshake and p.mid in self.known):
            return
        if message and not (self.keeps and p.dup and p.mid in self.known):
            self.last[p.topic] += 1
            self.known[p.mid] = (p.topic, self.last[p.topic])
        at = len(p.raw) - len(p.body) + (2 + len(p.topic) if message else 0)
        p.raw = p.raw[:at] + b"\0\0" + p.raw[at + 2:]
        p.about, p.mid = self.known[p.mid]


# ---- lines

def value(v, mark):
    if isinstance(v, bytes):
        v = v.replace(mark, b"*")
        return repr(v)[1:] if len(v) <= 80 else "%d bytes %s" % (len(v), hashlib.sha256(v).hexdigest()[:16])
    if isinstance(v, (list, tuple)):
        return "[" + " ".join(value(x, mark) for x in v) + "]"
    return str(int(v)) if isinstance(v, bool) else str(v)


class Transcript:
    """The events of one connection: packets, each with its direction, and remarks. `mark` is what stands for this
    run in its topics and client ids; all marks are of one length, and none is in what is compared. Transcripts of one
    `session` share its packet ids."""

    def __init__(self, name, mark, session):
        self.name, self.mark, self.session, self.events = name, mark, session, []

    def packet(self, direction, p):
        self.events.append((direction, p))

    def remark(self, text):
        self.events.append(("=", text))

    def line(self, direction, what, norms):
        """And the stream that it belongs to."""
        if direction == "=":
            return "heard", "= " + what
        p = copy.copy(what)
        p.touched = False
        for norm in norms:
            norm(direction, p)
        if getattr(p, "gone", False):
            return "heard", None
        words = [direction, raw.NAMES[p.kind]]
        words += ["%s=%s" % (f, value(getattr(p, f), self.mark)) for f in FIELDS.get(p.kind, ())]
        words += ["%s=%s" % (PROPERTY[i], value(v, self.mark)) for i, v in p.props]
        if p.kind == raw.PUBLISH:
            words.append("payload=" + value(p.payload, self.mark))
        if not p.touched:
            words.append("#" + hashlib.sha256(p.raw.replace(self.mark, b"*")).hexdigest()[:8])
        return stream(direction, p), " ".join(words)

    def lines(self, norms, by_stream=False):
        told = [self.line(*e, norms) for e in self.events]
        return [line for _, line in (sorted(told, key=lambda t: t[0]) if by_stream else told) if line]


def difference(wanted, got):
    """Text, empty where two lists of lines are equal."""
    return "\n".join(list(difflib.unified_diff(wanted, got, "direct", "proxied", lineterm="", n=2))[:40])


# ---- the client

FENCE, FENCE_MID = b"/fence/", 65000


class Recorder(raw.Client):
    """A client whose packets all stand in a transcript. It answers what has to be answered in the order in which
    it comes, unless `silent`. Barriers are no part of the transcript: a ping, and messages under fence."""

    def __init__(self, transcript, port, version):
        super().__init__(port, version)
        self.transcript, self.outgoing = transcript, raw.Splitter(version)
        self.mid, self.messages = 0, []
        self.silent = self.over = self.closed = False
        self.unsettled = True  # said or heard something since the last barrier
        self.fence_topic = self.fence = None  # where there is to be one, and where it is
        self.fences, self.acknowledged, self.pings = set(), 0, 0

    def send(self, data):
        for p in self.outgoing.feed(data):
            self.transcript.packet(">", p)
        self.unsettled = True
        self.send_untold(data)

    def send_untold(self, data):
        try:
            super().send(data)
        except ConnectionError:
            pass  # what the other side said before it closed is still to be read

    def hide(self, p):
        """Whether a packet belongs to a barrier."""
        if p.kind == raw.PUBLISH and FENCE in p.topic:
            self.fences.add(p.payload)
            if p.qos:
                self.send_untold(raw.ack(raw.PUBACK, p.mid))
        elif p.kind == raw.PINGRESP and self.pings:
            self.pings -= 1
        elif p.kind in (raw.SUBACK, raw.PUBACK) and p.mid >= FENCE_MID:
            self.acknowledged += 1
        else:
            return False
        return True

    def receive_any(self, seconds=None):
        """The next packet, and whether it is part of the transcript."""
        p = super().receive(seconds)
        if p is not None:
            if self.hide(p):
                return p, False
            self.transcript.packet("<", p)
            self.unsettled = True
        elif not self.over:
            self.over = True
            self.transcript.remark("end")  # a reset or not is TCP's affair: bytes unread at the close
        return p, True

    def receive(self, seconds=None):
        while True:
            p, told = self.receive_any(seconds)
            if told:
                return p

    def next_mid(self):
        self.mid += 1
        return self.mid

    def answer(self, p):
        """What the protocol demands."""
        if p.kind == raw.PUBLISH and p.qos:
            self.send(raw.ack(raw.PUBACK if p.qos == 1 else raw.PUBREC, p.mid))
        elif p.kind == raw.PUBREC and p.code < 0x80:
            self.send(raw.ack(raw.PUBREL, p.mid))
        elif p.kind == raw.PUBREL:
            self.send(raw.ack(raw.PUBCOMP, p.mid))

    def handle(self, p):
        if p.kind == raw.PUBLISH:
            self.messages.append(p)
        if not self.silent:
            self.answer(p)

    def until(self, done):
        """Reads and answers, up to the packet that is waited for; None at the end of the stream."""
        while True:
            p = self.receive()
            if p is None:
                return None
            self.handle(p)
            if done(p):
                return p

    def take(self, count=1):
        """So many more messages, each with the handshake of its QoS; gives them."""
        for _ in range(count):
            if not self.until(lambda p: p.kind == raw.PUBREL or (p.kind == raw.PUBLISH and p.qos < 2)):
                break
        return self.messages[-count:]

    def finish(self, *mids):
        """The handshakes of messages that were sent; the packet that ended the last."""
        left = set(mids)

        def ends(p):
            if p.kind in (raw.PUBACK, raw.PUBCOMP) or (p.kind == raw.PUBREC and p.code >= 0x80):
                left.discard(p.mid)
            return not left
        return self.until(ends)

    def publish(self, topic, payload=b"", qos=0, **fields):
        mid = self.next_mid() if qos else 0
        self.send(raw.publish(topic, payload, qos, mid=mid, version=self.version, **fields))
        return self.finish(mid) if qos else None

    def subscribe(self, filters, qos=0, props=None):
        """filters: one, or [(filter, options), …]"""
        filters = [(filters, qos)] if isinstance(filters, str) else filters
        self.send(raw.subscribe(self.next_mid(), filters, self.version, props))
        answer = self.until(lambda p: p.kind == raw.SUBACK)
        if self.fence_topic and not self.fence:
            self.build_fence()
        return answer

    def unsubscribe(self, *filters):
        self.send(raw.unsubscribe(self.next_mid(), filters, self.version))
        return self.until(lambda p: p.kind == raw.UNSUBACK)

    # ---- barriers

    def quietly(self, data, done):
        """Sends, and reads until it is so."""
        self.send_untold(data)
        while not done() and not self.over:
            p, told = self.receive_any()
            if p is not None and told:
                self.handle(p)

    def settle(self):
        """Until a ping goes through and nothing else comes."""
        self.unsettled = True
        while self.unsettled and not self.over:
            self.unsettled = False
            self.pings += 1
            self.quietly(raw.pingreq(), lambda: not self.pings)

    def build_fence(self):
        """Subscribes to a topic, at either QoS, that others can let something lean against."""
        t = self.fence = self.fence_topic
        self.quietly(raw.subscribe(FENCE_MID, [(t + "0", 0), (t + "1", 1)], self.version), lambda: self.acknowledged)

    def lean(self, others, text):
        """What this client has sent has come to the others, because what it sends now does."""
        words = [b"%s %d" % (text.encode(), qos) for qos in (0, 1)]
        at_once = b"".join(raw.publish(other.fence + str(qos), words[qos], qos, mid=FENCE_MID + i, version=self.version)
                           for i, other in enumerate(others) for qos in (0, 1))
        self.acknowledged, self.unsettled = 0, False
        self.quietly(at_once, lambda: self.acknowledged == len(others))
        for other in others:
            other.quietly(b"", lambda: self.over or other.fences.issuperset(words))

    # ---- endings

    def leave(self, code=None):
        """DISCONNECT, and what comes until the end."""
        self.send(raw.disconnect(self.version, code))
        self.until(lambda p: False)
        self.close()

    def hang_up(self):
        """Ends the connection without a word, and knows that the broker has seen it."""
        self.sock.shutdown(socket.SHUT_WR)
        self.until(lambda p: False)
        self.close()

    def close(self):
        self.closed = True
        super().close()

    def reset(self):
        self.closed = True
        super().reset()
