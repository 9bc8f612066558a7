# SPDX-License-Identifier: ISC
"""Messages of one topic, one after the other, at one QoS, and who takes them: until they are ended all of them must come,
once, in order and as they were sent."""
import threading
import time

from . import raw

AHEAD = 400  # messages that may be under way


class Stream:
    def __init__(self, name, ports, version, qos, topic=None, mark=b""):
        """ports: that of who sends and that of who receives; mark: stands in every payload."""
        self.name, self.qos, self.topic, self.mark = name, qos, topic or "t/" + name, mark
        self.sent, self.got, self.refused, self.error = [], [], 0, None
        self.stopping = False
        self.taker = raw.Client(ports[1], version, patience=60)
        self.taker.login("taker-" + name)
        self.taker.subscribe(self.topic, qos)
        self.maker = raw.Client(ports[0], version, patience=60)
        self.maker.login("maker-" + name)
        self.threads = [threading.Thread(target=self._run, args=(f,), daemon=True) for f in (self._make, self._take)]
        for t in self.threads:
            t.start()

    def _run(self, what):
        try:
            what()
        except Exception as e:  # told by the main thread
            self.error = self.error or e

    def _make(self):
        while not self.stopping:
            if len(self.sent) - len(self.got) > AHEAD:
                if self.error:
                    return
                time.sleep(0.001)
                continue
            first = len(self.sent)
            batch = [b"%s %d of %s " % (self.mark, i, self.name.encode()) + bytes(40000 if i % 40 == 39 else i % 700)
                     for i in range(first, first + 10)]
            self._send(batch, [1 + i % 60000 for i in range(first, first + 10)] if self.qos else [0] * 10)
            self.sent += batch

    def _send(self, batch, mids):
        self.maker.send(b"".join(raw.publish(self.topic, p, self.qos, mid=m, version=self.maker.version)
                                 for p, m in zip(batch, mids)))
        for m in mids if self.qos else ():
            p = self.maker.expect(raw.PUBACK if self.qos == 1 else raw.PUBREC)
            self.refused += (p.mid, p.code) != (m, 0)
        if self.qos == 2:
            self.maker.send(b"".join(raw.ack(raw.PUBREL, m) for m in mids))
            for m in mids:
                self.maker.expect(raw.PUBCOMP)

    def _take(self):
        while not (self.stopping and not self.threads[0].is_alive() and len(self.got) >= len(self.sent)):
            self.got.append(self.taker.message().payload)

    def moved(self, since, step):
        """Whether so many more came; an error of either end is raised."""
        if self.error:
            raise self.error
        return len(self.got) >= since + step

    def end(self):
        """Ends both sides. Whether everything came that was to come."""
        self.stopping = True
        self.threads[0].join(60)
        # one more behind the last, which the taker may be waiting for
        if len(self.got) >= len(self.sent) and self.threads[1].is_alive():
            self.maker.publish(self.topic, b"end", self.qos)
            self.sent.append(b"end")
        self.threads[1].join(60)
        self.maker.close()
        self.taker.close()
        return self.got == self.sent and not self.refused and not self.error
