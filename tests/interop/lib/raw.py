# SPDX-License-Identifier: ISC
"""MQTT 3.1, 3.1.1 and 5.0 in bytes, and a client that does nothing of its own accord."""
import select
import socket
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, \
    UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(1, 16)
NAMES = [None, "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
         "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"]

# property id → kind: 1, 2, 4 bytes; v varint; s string; b binary; p pair
KINDS = {1: 1, 2: 4, 3: "s", 8: "s", 9: "b", 11: "v", 17: 4, 18: "s", 19: 2, 21: "s", 22: "b", 23: 1,
         24: 4, 25: 1, 26: "s", 28: "s", 31: "s", 33: 2, 34: 2, 35: 2, 36: 1, 37: 1, 38: "p", 39: 4,
         40: 1, 41: 1, 42: 1}


def _bytes(v):
    return v.encode() if isinstance(v, str) else bytes(v)


def varint(n):
    out = bytearray()
    while True:
        n, low = n >> 7, n & 127
        out.append(low | (128 if n else 0))
        if not n:
            return bytes(out)


def string(v):
    v = _bytes(v)
    return struct.pack(">H", len(v)) + v


def properties(pairs):
    """[(id, value), …] as they stand in a packet, length first."""
    out = b""
    for ident, value in pairs or ():
        kind = KINDS[ident]
        out += varint(ident)
        if kind == "v":
            out += varint(value)
        elif kind == "p":
            out += string(value[0]) + string(value[1])
        elif kind in ("s", "b"):
            out += string(value)
        else:
            out += value.to_bytes(kind, "big")
    return varint(len(out)) + out


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect(version=4, client_id="c", user=None, password=None, clean=True, keep_alive=60, will=None,
            props=None):
    """will: (topic, payload, qos, retain[, properties])"""
    flags = 2 if clean else 0
    if will:
        flags |= 4 | will[2] << 3 | (32 if will[3] else 0)
    if user is not None:
        flags |= 128
    if password is not None:
        flags |= 64
    body = string("MQIsdp" if version == 3 else "MQTT") + bytes([version, flags]) + \
        struct.pack(">H", keep_alive)
    if version == 5:
        body += properties(props)
    body += string(client_id)
    if will:
        if version == 5:
            body += properties(will[4] if len(will) > 4 else None)
        body += string(will[0]) + string(will[1])
    if user is not None:
        body += string(user)
    if password is not None:
        body += string(password)
    return packet(CONNECT, 0, body)


def connack(version, code=0, session=0, props=None):
    return packet(CONNACK, 0, bytes([session, code]) + (properties(props) if version == 5 else b""))


def publish(topic, payload=b"", qos=0, retain=False, dup=False, mid=0, version=4, props=None):
    body = string(topic)
    if qos:
        body += struct.pack(">H", mid)
    if version == 5:
        body += properties(props)
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + _bytes(payload))


def ack(kind, mid, code=None, version=4, props=None):
    """PUBACK, PUBREC, PUBREL, PUBCOMP."""
    body = struct.pack(">H", mid)
    if version == 5 and code is not None:
        body += bytes([code]) + (properties(props) if props else b"")
    return packet(kind, 2 if kind == PUBREL else 0, body)


def subscribe(mid, filters, version=4, props=None):
    """filters: [(filter, options), …]"""
    body = struct.pack(">H", mid) + (properties(props) if version == 5 else b"")
    for name, options in filters:
        body += string(name) + bytes([options])
    return packet(SUBSCRIBE, 2, body)


def suback(mid, codes, version=4):
    return packet(SUBACK, 0, struct.pack(">H", mid) + (b"\0" if version == 5 else b"") + bytes(codes))


def unsubscribe(mid, filters, version=4, props=None):
    body = struct.pack(">H", mid) + (properties(props) if version == 5 else b"")
    return packet(UNSUBSCRIBE, 2, body + b"".join(string(f) for f in filters))


def pingreq():
    return packet(PINGREQ, 0, b"")


def pingresp():
    return packet(PINGRESP, 0, b"")


def disconnect(version=4, code=None, props=None):
    if version < 5 or code is None:
        return packet(DISCONNECT, 0, b"")
    return packet(DISCONNECT, 0, bytes([code]) + (properties(props) if props else b""))


def auth(code, props=None):
    return packet(AUTH, 0, bytes([code]) + properties(props))


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n > len(self.data) - self.at:
            raise ValueError("packet too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def string(self):
        return self.take(self.number(2))

    def varint(self):
        value = shift = 0
        while True:
            b = self.number(1)
            value |= (b & 127) << shift
            shift += 7
            if not b & 128:
                return value

    def left(self):
        return len(self.data) - self.at

    def properties(self):
        end = self.varint() + self.at
        out = []
        while self.at < end:
            ident = self.varint()
            kind = KINDS[ident]
            if kind == "v":
                value = self.varint()
            elif kind == "p":
                value = (self.string(), self.string())
            elif kind in ("s", "b"):
                value = self.string()
            else:
                value = self.number(kind)
            out.append((ident, value))
        return out


class Packet:
    """One packet: kind, flags, body, raw bytes, and, decoded for a version, the fields of its kind."""

    def __init__(self, raw, version=4):
        self.raw, self.kind, self.flags, self.version = raw, raw[0] >> 4, raw[0] & 15, version
        r = _Reader(raw)
        r.take(1)
        r.varint()
        self.body = raw[r.at:]
        self.props = []
        decode = getattr(self, "_" + (NAMES[self.kind] or "zero").lower(), None)
        if decode:
            decode(_Reader(self.body))

    def __repr__(self):
        return "%s %s" % (NAMES[self.kind], self.raw[:60].hex())

    def _connect(self, r):
        self.protocol = r.string()
        self.version = r.number(1) & 127
        self.connect_flags = f = r.number(1)
        self.keep_alive = r.number(2)
        if self.version == 5:
            self.props = r.properties()
        self.client_id = r.string()
        self.will = None
        if f & 4:
            will_props = r.properties() if self.version == 5 else []
            self.will = (r.string(), r.string(), f >> 3 & 3, bool(f & 32), will_props)
        self.user = r.string() if f & 128 else None
        self.password = r.string() if f & 64 else None

    def _connack(self, r):
        self.session, self.code = r.number(1), r.number(1)
        if r.left():
            self.props = r.properties()

    def _publish(self, r):
        self.dup, self.qos, self.retain = bool(self.flags & 8), self.flags >> 1 & 3, bool(self.flags & 1)
        self.topic = r.string()
        self.mid = r.number(2) if self.qos else 0
        if self.version == 5:
            self.props = r.properties()
        self.payload = self.body[r.at:]

    def _reason(self, r):
        self.code = r.number(1) if r.left() else 0
        if r.left():
            self.props = r.properties()

    def _ack(self, r):
        self.mid = r.number(2)
        self._reason(r)

    _puback = _pubrec = _pubrel = _pubcomp = _ack

    def _subscribe(self, r):
        self.mid = r.number(2)
        if self.version == 5:
            self.props = r.properties()
        self.filters = []
        while r.left():
            self.filters.append((r.string(), r.number(1)))

    def _suback(self, r):
        self.mid = r.number(2)
        if self.version == 5:
            self.props = r.properties()
        self.codes = list(r.take(r.left()))

    def _unsubscribe(self, r):
        self.mid = r.number(2)
        if self.version == 5:
            self.props = r.properties()
        self.filters = []
        while r.left():
            self.filters.append(r.string())

    _unsuback = _suback

    _disconnect = _auth = _reason

    def prop(self, ident):
        return next((v for i, v in self.props if i == ident), None)


class Splitter:
    """Bytes in, whole packets out. A CONNECT that passes sets the version of what follows."""

    def __init__(self, version=4):
        self.version, self.data = version, bytearray()

    def feed(self, data):
        self.data += data
        out = []
        while True:
            head = bytes(self.data[:5])
            size = 0
            for i in range(1, len(head)):
                size |= (head[i] & 127) << 7 * (i - 1)
                if not head[i] & 128:
                    size += i + 1
                    break
            else:
                if len(head) == 5:
                    raise ValueError("no remaining length: " + head.hex())
                return out
            if len(self.data) < size:
                return out
            p = Packet(bytes(self.data[:size]), self.version)
            del self.data[:size]
            if p.kind == CONNECT:
                self.version = p.version
            out.append(p)


class Client:
    """A socket with deadlines. Every wait ends after `patience` seconds with TimeoutError."""

    def __init__(self, port, version=4, source=None, patience=10, receive_buffer=None):
        self.version, self.patience = version, patience
        self.sock = socket.socket()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(patience)
        if source:
            # the port is chosen at connect(), so that many connections of one address find one
            self.sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", port))
        self.splitter = Splitter(version)
        self.waiting = []
        self.received = bytearray()
        self.ended = None  # "eof" or "reset"
        self.ended_at = None

    @property
    def port(self):
        return self.sock.getsockname()[1]

    def send(self, data):
        self.sock.sendall(data)

    def read(self, seconds):
        """One read; False when there is nothing more to come."""
        if self.ended:
            return False
        self.sock.settimeout(max(seconds, 0.001))
        try:
            data = self.sock.recv(1 << 18)
        except socket.timeout:
            raise TimeoutError("nothing came; so far %s" % bytes(self.received[-80:]).hex())
        except ConnectionError:
            data, self.ended = b"", "reset"
        finally:
            self.sock.settimeout(self.patience)
        if not data:
            self.ended = self.ended or "eof"
            self.ended_at = time.monotonic()
            return False
        if len(self.received) < 1 << 20:
            self.received += data
        self.waiting += self.splitter.feed(data)
        return True

    def receive(self, seconds=None):
        """The next packet; None at the end of the stream."""
        end = time.monotonic() + (self.patience if seconds is None else seconds)
        while not self.waiting:
            if not self.read(end - time.monotonic()):
                return None
        return self.waiting.pop(0)

    def expect(self, kind, seconds=None):
        p = self.receive(seconds)
        if p is None or p.kind != kind:
            raise AssertionError("wanted %s, got %r (%s)" % (NAMES[kind], p, self.ended))
        return p

    def quiet(self, seconds=0.05):
        """Whether nothing at all comes for that long."""
        if self.waiting or self.ended:
            return False
        return not select.select([self.sock], [], [], seconds)[0]

    def end(self, seconds=None):
        """Reads on to the end of the stream: the packets until then."""
        out = []
        while True:
            p = self.receive(seconds)
            if p is None:
                return out
            out.append(p)

    def login(self, client_id="c", seconds=None, **fields):
        """CONNECT, and the CONNACK that answers it, or None."""
        self.send(connect(self.version, client_id, **fields))
        p = self.receive(seconds)
        if p is not None and p.kind != CONNACK:
            raise AssertionError("wanted CONNACK, got %r" % p)
        return p

    def subscribe(self, name, qos=0, mid=1):
        self.send(subscribe(mid, [(name, qos)], self.version))
        return self.expect(SUBACK)

    def publish(self, topic, payload=b"", qos=0, mid=1, **fields):
        """Sends a message and takes the whole handshake of its QoS."""
        self.send(publish(topic, payload, qos, mid=mid, version=self.version, **fields))
        if qos == 1:
            return self.expect(PUBACK)
        if qos == 2:
            self.expect(PUBREC)
            self.send(ack(PUBREL, mid))
            return self.expect(PUBCOMP)
        return None

    def message(self, seconds=None):
        """The next message, acknowledged; what belongs to handshakes is answered in passing."""
        while True:
            p = self.receive(seconds)
            if p is None:
                raise AssertionError("the stream ended (%s)" % self.ended)
            if p.kind == PUBLISH:
                if p.qos:
                    self.send(ack(PUBACK if p.qos == 1 else PUBREC, p.mid))
                return p
            if p.kind == PUBREL:
                self.send(ack(PUBCOMP, p.mid))

    def ping(self):
        """Through to the broker and back; nothing else may come before."""
        self.send(pingreq())
        return self.expect(PINGRESP)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.sock.close()
