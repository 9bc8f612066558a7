# SPDX-License-Identifier: ISC
"""Brokers: a mosquitto of our own, and a stub that records before it answers."""
import os
import selectors
import shutil
import signal
import socket
import struct
import threading
import time

from . import proc, raw

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A private broker on a free port. users: {name: password}; extra: lines for its configuration."""

    instances = 0

    def __init__(self, users=None, persistence=False, extra=""):
        Mosquitto.instances += 1
        self.name = "mosquitto%d" % Mosquitto.instances
        self.log_path = proc.path(self.name + ".log")
        self.child = None
        lines = ["log_dest file " + self.log_path, "log_type all", "connection_messages true",
                 "set_tcp_nodelay true",  # else every second answer waits 40 ms for an ACK
                 "persistence " + ("true" if persistence else "false"),
                 "persistence_location %s/%s-" % (proc.folder(), self.name)]
        if os.getuid() == 0:
            lines.append("user root")
        if users is not None:
            passwords = proc.write(self.name + ".users", "".join("%s:%s\n" % u for u in users.items()))
            status, out, err = proc.run(["mosquitto_passwd", "-U", passwords])
            if status:
                raise RuntimeError(err)
            lines.append("password_file " + passwords)
        lines.append("allow_anonymous " + ("false" if users is not None else "true"))
        self.lines = lines + [extra]
        self.port = None
        self.start()

    def start(self):
        """Also starts it again, on the port that it had."""
        end = time.monotonic() + 20
        again = self.port is not None
        while True:
            if not again:
                self.port = proc.free_port()
            conf = proc.write(self.name + ".conf", "listener %d 127.0.0.1\n%s\n" % (
                self.port, "\n".join(self.lines)))
            with open(proc.path(self.name + ".err"), "ab") as err:
                self.child = proc.start([MOSQUITTO, "-c", conf], stdout=err, stderr=err)
            while self.child.poll() is None and time.monotonic() < end:
                if proc.can_connect(self.port):
                    return
                time.sleep(0.005)
            if time.monotonic() > end:
                raise RuntimeError("mosquitto does not start: " + open(proc.path(self.name + ".err")).read())

    def stop(self, sig=signal.SIGTERM):
        return proc.stop(self.child, sig)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_log(self, text, seconds=10, times=1):
        proc.until(lambda: self.log().count(text) >= times, seconds, "%r in mosquitto's log" % text)

    def wait_subscribed(self, client_id, seconds=10, times=1):
        self.wait_log("Sending SUBACK to %s\n" % client_id, seconds, times)

    def rss(self):
        return proc.status(self.child.pid, "VmRSS")


class Connection:
    """One accepted connection of a stub. Everything is changed by the stub's thread only, under its lock."""

    def __init__(self, ident, sock, version):
        self.id, self.sock = ident, sock
        self.splitter = raw.Splitter(version)
        self.out = bytearray()
        self.bytes = 0              # received
        self.received = bytearray()  # the first MiB of them
        self.packets = []           # what was decoded, payloads of large packets included
        self.connect = None
        self.closed = None          # "eof", "reset" or "closed" (by the stub)
        self.reading = True
        self.close_after = False
        self.sink = None            # called with raw bytes in place of decoding, after CONNECT

    @property
    def version(self):
        return self.splitter.version


class StubBroker(threading.Thread):
    """Records every event, with the monotonic time, before it answers. `answer(connection, packet)` returns bytes
    (b"" for silence, None to close); the default is a broker that says yes to everything and delivers nothing.
    `before(connection, data)` is called with every read before it is recorded as answered."""

    def __init__(self, answer=None, before=None, receive_buffer=None):
        super().__init__(daemon=True)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        self.answer = answer or self.agree
        self.before = before
        self.changed = threading.Condition()
        self.events = []  # (time, connection id, what, detail)
        self.connections = []
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._jobs = []
        self._stopping = False
        self.errors = []
        self.start()

    # ---- for the test's thread

    def wait(self, condition, seconds=10, what=None):
        """Until condition() holds, which is asked after every event."""
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                raise TimeoutError("stub broker: waited %s s for %s" % (seconds, what or condition))
            return condition()

    def wait_connection(self, n=1, seconds=10):
        """The n-th connection that sent a CONNECT (counted from 1)."""
        def there():
            said = [c for c in self.connections if c.connect]
            return said[n - 1] if len(said) >= n else None
        return self.wait(there, seconds, "CONNECT number %d" % n)

    def find(self, client_id):
        wanted = client_id.encode() if isinstance(client_id, str) else client_id
        with self.changed:
            return [c for c in self.connections if c.connect and c.connect.client_id == wanted]

    def kinds(self, connection):
        with self.changed:
            return [raw.NAMES[p.kind] for p in connection.packets]

    def accepted(self):
        with self.changed:
            return len(self.connections)

    def forget(self):
        """What ended is remembered no more; for tests with very many connections."""
        with self.changed:
            self.connections = [c for c in self.connections if not c.closed]
            self.events.clear()

    def call(self, job):
        """Runs a job in the stub's thread and waits for it."""
        done = threading.Event()

        def wrapped():
            try:
                job()
            finally:
                done.set()
        with self.changed:
            self._jobs.append(wrapped)
        self._wake_w.send(b"x")
        done.wait(10)

    def send(self, connection, data):
        def job():
            connection.out += data
            self._flush(connection)
        self.call(job)

    def pause(self, connection):
        self.call(lambda: self._set_reading(connection, False))

    def resume(self, connection):
        self.call(lambda: self._set_reading(connection, True))

    def hang_up(self, connection, reset=False):
        def job():
            if reset and not connection.closed:
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._close(connection, "closed")
        self.call(job)

    def stop(self):
        self._stopping = True
        self._wake_w.send(b"x")
        self.join(5)

    # ---- the default answers

    @staticmethod
    def agree(c, p):
        v = c.version
        if p.kind == raw.CONNECT:
            return raw.connack(v)
        if p.kind == raw.PUBLISH:
            return b"" if p.qos == 0 else raw.ack(raw.PUBACK if p.qos == 1 else raw.PUBREC, p.mid)
        if p.kind == raw.PUBREC:
            return raw.ack(raw.PUBREL, p.mid)
        if p.kind == raw.PUBREL:
            return raw.ack(raw.PUBCOMP, p.mid)
        if p.kind == raw.SUBSCRIBE:
            return raw.suback(p.mid, [o & 3 for _, o in p.filters], v)
        if p.kind == raw.PINGREQ:
            return raw.pingresp()
        if p.kind == raw.DISCONNECT:
            return None
        return b""

    # ---- the stub's thread

    def _event(self, c, what, detail=None):
        with self.changed:
            self.events.append((time.monotonic(), c.id, what, detail))
            self.changed.notify_all()

    def _interest(self, c):
        wanted = (selectors.EVENT_READ if c.reading else 0) | (selectors.EVENT_WRITE if c.out else 0)
        try:
            current = self._selector.get_key(c.sock).events
        except KeyError:
            current = 0
        if wanted == current:
            return
        if not current:
            self._selector.register(c.sock, wanted, c)
        elif not wanted:
            self._selector.unregister(c.sock)
        else:
            self._selector.modify(c.sock, wanted, c)

    def _set_reading(self, c, reading):
        c.reading = reading
        if not c.closed:
            self._interest(c)

    def _close(self, c, how):
        if c.closed:
            return
        c.closed = how
        try:
            self._selector.unregister(c.sock)
        except KeyError:
            pass
        c.sock.close()
        self._event(c, "close", how)

    def _flush(self, c):
        try:
            while c.out and not c.closed:
                n = c.sock.send(memoryview(c.out)[:1 << 18])
                del c.out[:n]
        except BlockingIOError:
            pass
        except OSError:
            self._close(c, "reset")
            return
        if c.close_after and not c.out:
            self._close(c, "closed")
        elif not c.closed:
            self._interest(c)

    def _accept(self):
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.changed:
            c = Connection(len(self.connections), sock, 4)
            self.connections.append(c)
        self._event(c, "accept")
        self._interest(c)

    def _read(self, c):
        try:
            data = c.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            return self._close(c, "reset")
        if not data:
            return self._close(c, "eof")
        if self.before:
            self.before(c, data)
        c.bytes += len(data)
        if len(c.received) < 1 << 20:
            c.received += data
        if c.sink:
            c.sink(data)
            return None
        self._event(c, "data", len(data))
        for p in c.splitter.feed(data):
            with self.changed:
                c.packets.append(p)
                if p.kind == raw.CONNECT:
                    c.connect = p
            self._event(c, raw.NAMES[p.kind], p)
            if c.close_after:
                continue
            reply = self.answer(c, p)
            if reply is None:
                c.close_after = True
            else:
                c.out += reply
        self._flush(c)
        return None

    def run(self):
        self.listener.setblocking(False)
        self._selector.register(self.listener, selectors.EVENT_READ, "listener")
        self._selector.register(self._wake_r, selectors.EVENT_READ, "wake")
        while not self._stopping:
            for key, mask in self._selector.select():
                try:
                    if key.data == "listener":
                        self._accept()
                    elif key.data == "wake":
                        self._wake_r.recv(4096)
                    else:
                        if mask & selectors.EVENT_WRITE:
                            self._flush(key.data)
                        if mask & selectors.EVENT_READ and not key.data.closed:
                            self._read(key.data)
                except Exception as e:
                    self.errors.append(e)
                    if isinstance(key.data, Connection):
                        self._close(key.data, "error %r" % e)
            with self.changed:
                jobs, self._jobs = self._jobs, []
            for job in jobs:
                job()
        for c in self.connections:
            if not c.closed:
                c.sock.close()
        self.listener.close()
