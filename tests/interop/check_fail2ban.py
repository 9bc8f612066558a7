# SPDX-License-Identifier: ISC
"""The fail2ban sample finds refused clients in the log, all of them and nobody else."""
import os
import shutil

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
REGEX = shutil.which("fail2ban-regex")
if not REGEX:
    tap.skip_all("fail2ban is not there")
FILTER = os.path.join(proc.top_srcdir, "contrib", "fail2ban", "filter.d", "mqsecproxy.conf")


def found(lines):
    """The addresses that the filter finds in a log of those lines, in order."""
    log = proc.write("fail2ban.log", "".join(line + "\n" for line in lines))
    status, out, err = proc.run([REGEX, "-o", "ip", log, FILTER])
    tap.note(err.decode())
    return out.decode().split()


def login(port, source, version=4, data=None, **fields):
    with raw.Client(port, version, source) as c:
        try:
            c.send(raw.connect(version, fields.pop("client_id", "c"), **fields) if data is None else data)
            c.end(0.3 if data is None and "good" in str(fields) else None)
        except (ConnectionError, TimeoutError):
            pass


def real_lines():
    """The log of a proxy that lets some in and others not"""
    refusing = StubBroker(answer=lambda c, p: raw.connack(c.version, 5 if c.version == 4 else 0x88) if p.kind == raw.CONNECT
                          else StubBroker.agree(c, p))
    stub = StubBroker()
    front = proxy.Proxy(
        proxy.listener(extra="\totp codes\n\tfilter door\n\tconnect-timeout 1s\n\tmqtt 3.1.1 5.0") +
        proxy.listener(broker="refusing", name="other") + proxy.broker(stub.port) +
        proxy.broker(refusing.port, name="refusing") + proxy.otp_block() +
        "filter door {\n\tdeny connect client-id bad-*\n\tallow connect\n}\n")
    ann = front.add_user("ann")
    front.start()
    port, other = front.port, front.port_of("other")
    bad = []

    def from_(source, *args, **fields):
        bad.append(source)
        login(*args, source=source, **fields)
    from_("127.7.0.1", port, user="ann", password="p" + ann.wrong())
    from_("127.7.0.2", port, user="nobody", password="p123456")
    from_("127.7.0.3", port, client_id="bad-1")
    from_("127.7.0.4", port)
    from_("127.7.0.5", port, data=b"\0\0")
    from_("127.7.0.6", port, version=3)
    from_("127.7.0.7", port, data=b"\x10")
    from_("127.7.0.8", other, client_id='x verdict=otp_wrong peer=127.8.8.8:1 listener=x')
    from_("127.7.0.9", port, user="ann", password="p123456",
          client_id="bad-\n2026-01-01T00:00:00Z level=warning event=connect verdict=otp_wrong peer=127.8.8.8:1 listener=x")
    # not refused, or not for what they did
    login(other, "127.7.1.1", version=5)
    with raw.Client(port, source="127.7.1.2") as c:
        tap.eq(c.login("c", user="ann", password="p" + ann.code()).code, 0, "a good client gets in")
    with raw.Client(port, source="127.7.1.3"):
        pass
    proc.until(lambda: len(front.verdicts()) >= len(bad) + 3, 10, "all verdicts")
    tap.eq(front.stop(), 0, "status 0")
    tap.eq(sorted(found(front.lines)), sorted(bad), "found: those who were refused, and nobody else")


def journal_lines():
    """Lines as fail2ban makes them of the journal, IPv6 too"""
    lines = ["Nov 22 20:00:00 host mqsecproxy[77]: event=connect verdict=otp_wrong peer=192.0.2.1:5000 listener=plant user=x",
             "Nov 22 20:00:00 host mqsecproxy[77]: event=connect verdict=filtered peer=[2001:db8::7]:5000 listener=plant",
             "Nov 22 20:00:00 host mqsecproxy[77]: event=connect verdict=accepted peer=192.0.2.3:5000 listener=plant",
             "Nov 22 20:00:00 host mqsecproxy[77]: event=connect verdict=banned peer=192.0.2.4:5000 listener=plant",
             "Nov 22 20:00:00 host mqsecproxy[77]: event=denied verdict=otp_wrong peer=192.0.2.5:5000 listener=plant"]
    # of a journal the time is cut off by fail2ban itself
    log = proc.write("journal.log", "".join(line + "\n" for line in lines))
    status, out, err = proc.run([REGEX, "-o", "ip", "-d", "{^LN-BEG}", log, FILTER])
    tap.eq(out.decode().split(), ["192.0.2.1", "2001:db8::7"], "found: those two")


tap.run([real_lines, journal_lines])
