# SPDX-License-Identifier: ISC
"""The recipe for TLS in mqsecproxy(7), with the very configurations that stand there: an edge, stunnel, stunnel, a gateway."""
import base64
import os
import re
import shutil
import socket
import ssl

from lib import proc, proxy, raw, tap
from lib.broker import StubBroker

proxy.need()
STUNNEL = shutil.which("stunnel4") or shutil.which("stunnel")
if not STUNNEL or not shutil.which("openssl"):
    tap.skip_all("stunnel or openssl is not there")


def recipes():
    """The examples of the section TLS AND VPN: server, client, edge."""
    with open(os.path.join(proc.top_srcdir, "man", "mqsecproxy.7"), encoding="utf-8") as f:
        section = re.search(r"^\.Sh TLS AND VPN\n(.*?)^\.Sh ", f.read(), re.S | re.M).group(1)
    return re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", section, re.S | re.M)


def change(text, *pairs):
    for old, new in pairs:
        if text.count(old) != 1:
            raise ValueError("%r stands there %d times" % (old, text.count(old)))
        text = text.replace(old, new)
    return text


def certificate(name, host):
    """A certificate that vouches for itself: the file with key and certificate, and that with the certificate alone."""
    key, cert = proc.path(name + ".key"), proc.path(name + ".crt")
    code, _, err = proc.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                             "-days", "2", "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host, "-keyout", key, "-out", cert])
    if code:
        raise RuntimeError(err.decode())
    with open(key) as k, open(cert) as c:
        return proc.write(name + ".pem", k.read() + c.read(), 0o600), cert


def stunnel(name, text, port):
    conf = proc.write(name + ".conf", "foreground = yes\npid =\nsyslog = no\n" + text)
    child = proc.start([STUNNEL, conf], stdout=open(proc.path(name + ".log"), "wb"), stderr=-2)
    proc.until(lambda: child.poll() is not None or proc.listens(child.pid, port), 30, "stunnel " + name)
    return child


def log(name):
    with open(proc.path(name + ".log")) as f:
        return f.read()


server_text, client_text, edge_text = recipes()
stub = StubBroker()
sealed, _ = proxy.key("k")
gateway = proxy.Proxy(proxy.listener(extra="\totp codes") + proxy.broker(stub.port) + proxy.otp_block() + sealed +
                      proxy.decrypt("t/#", "k"), name="gateway")
user, other_user = gateway.add_users(["fleet-a", "fleet-b"])
gateway.start()
tls_port, near_port = proc.free_port(), proc.free_port()
pem, ca = certificate("good", "mqtt.example.com")
far = stunnel("far", change(server_text, ("8883", "127.0.0.1:%d" % tls_port), ("127.0.0.1:1883", "127.0.0.1:%d" % gateway.port),
                            ("/etc/stunnel/mqtts.pem", pem)), tls_port)


def near(name, *pairs):
    port = proc.free_port()
    return stunnel(name, change(client_text, ("127.0.0.1:8884", "127.0.0.1:%d" % port),
                                ("mqtt.example.com:8883", "127.0.0.1:%d" % tls_port), *pairs), port), port


def recipe():
    """Login with a code that the edge adds, and a sealed payload, through TLS"""
    child, port = near("near", ("/etc/ssl/certs/ca-certificates.crt", ca))
    secret = proc.write("otp-me", base64.b32encode(user.secret).decode() + "\n", 0o600)
    edge = proxy.Proxy(proxy.listener(broker="gateway") + change(edge_text, ("8884", str(port))) +
                       "otp me {\n\trole inject\n\tsecret-file %s\n}\n" % secret + sealed + proxy.encrypt("t/#", "k"), name="edge").start()
    with raw.Client(edge.port) as c:
        tap.eq(c.login("dev", user="fleet-a", password="pw").code, 0, "the login passes")
        c.publish("t/x", b"21.5", 1)
    seen = stub.find("dev")[-1]
    tap.eq((seen.connect.user, seen.connect.password), (b"fleet-a", b"pw"), "the broker sees the password that it knows")
    tap.eq([p.payload for p in seen.packets if p.kind == raw.PUBLISH], [b"21.5"], "and the payload")
    tap.eq(edge.stop(), 0, "status 0")
    proc.stop(child)


def by_itself():
    """A client that speaks TLS itself"""
    context = ssl.create_default_context(cafile=ca)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", tls_port), 30), server_hostname="mqtt.example.com") as s:
        s.sendall(raw.connect(4, "self", "fleet-b", "pw" + other_user.code()))
        tap.eq(s.recv(4), raw.connack(4), "is let in")


def impostor():
    """Neither another certificate nor another name is taken"""
    _, other = certificate("other", "mqtt.example.com")
    for name, pairs in (("stranger", [("/etc/ssl/certs/ca-certificates.crt", other)]),
                        ("misnamed", [("/etc/ssl/certs/ca-certificates.crt", ca), ("checkHost   = mqtt", "checkHost   = mqtt2")])):
        before = len(stub.connections)
        child, port = near(name, *pairs)
        try: # a reset may come as early as the connect
            with raw.Client(port, patience=30) as c:
                c.send(raw.connect(4, "dev", "fleet-a", "pw"))
                tap.eq(c.end(), [], name + ": no answer, but an end")
        except ConnectionError:
            tap.ok(True, name + ": no answer, but an end")
        tap.ok("CERT:" in log(name) and len(stub.connections) == before, "for that reason", log(name)[-400:])
        proc.stop(child)


tap.run([recipe, by_itself, impostor])
