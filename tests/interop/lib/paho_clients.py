# SPDX-License-Identifier: ISC
"""The clients of Eclipse Paho: the examples of its C library, and its Python library, which client_paho.py uses."""
import functools
import os
import shutil
import sys

from . import clients, proc

C_PUB, C_SUB = shutil.which("paho_c_pub"), shutil.which("paho_c_sub")
C_VERSION = {"3.1": "31", "3.1.1": "311", "5.0": "5"}
_script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client_paho.py")


@functools.lru_cache()
def python():
    """An interpreter that has the library: this one, or Debian's."""
    for interpreter in (sys.executable, "/usr/bin/python3"):
        if os.access(interpreter, os.X_OK) and proc.run([interpreter, "-c", "import paho.mqtt.client"])[0] == 0:
            return interpreter
    return None


def python_publish_all(port, version, client_id, messages, user=None, password=None):
    """The same as clients.js_publish_all."""
    status, out, err = proc.run([python(), "-B", _script, "pub", str(port), version, client_id] + clients.words(messages),
                                env=clients.account_env(os.environ, user, password), timeout=60)
    return status, err.decode(errors="replace")


def python_subscriber(port, version, client_id, topic, qos=2, user=None, password=None):
    return clients.Subscriber([python(), "-B", _script, "sub", str(port), version, client_id, topic, str(qos)],
                              env=clients.account_env(os.environ, user, password))


def have_c():
    return bool(C_PUB and C_SUB)


def _c_words(port, version, client_id, topic, qos, user, password):
    return (["-h", "127.0.0.1", "-p", str(port), "-V", C_VERSION[version], "-i", client_id, "-t", topic, "-q", str(qos)] +
            (["-u", user] if user else []) + (["-P", password] if password else []))


def c_publish_all(port, version, client_id, messages, user=None, password=None):
    """The same once more, a connection each: paho_c_pub publishes a file, and no other."""
    for qos, retain, topic, file in messages:
        status, out, err = proc.run(
            [C_PUB, *_c_words(port, version, client_id, topic, qos, user, password), "-f", file] + (["-r"] if retain else []),
            timeout=60)
        if status:
            return status, err.decode(errors="replace")
    return 0, ""


class CSubscriber(clients.Subscriber):
    """paho_c_sub tells nothing of a message but its payload, and nothing of a subscription: QoS and retain are None.
    Payloads have no newlines in them."""

    def _read(self):
        for line in self.child.stdout:
            with self.changed:
                self.messages.append((None, None, None, line.rstrip(b"\n")))
                self.changed.notify_all()


def c_subscriber(port, version, client_id, topic, qos=2, user=None, password=None):
    return CSubscriber([C_SUB, *_c_words(port, version, client_id, topic, qos, user, password)])
