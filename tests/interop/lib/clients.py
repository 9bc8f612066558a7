# SPDX-License-Identifier: ISC
"""The clients of others: mosquitto_pub, mosquitto_sub, MQTT.js; Paho's stand in paho_clients.py."""
import os
import shutil
import subprocess
import sys
import threading

from . import proc

PUB, SUB, NODE = shutil.which("mosquitto_pub"), shutil.which("mosquitto_sub"), shutil.which("node")
MOSQUITTO_VERSION = {"3.1": "mqttv31", "3.1.1": "mqttv311", "5.0": "mqttv5"}
LEVEL = {"3.1": 3, "3.1.1": 4, "5.0": 5}
_script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.js")


def node_env():
    """Where packages are looked for: where one says, what bootstrap.sh got from npm, Debian's."""
    env = dict(os.environ)
    env["NODE_PATH"] = ":".join(filter(None, [
        env.get("NODE_PATH"), os.path.join(proc.top_srcdir, "build", "npm", "node_modules"), "/usr/share/nodejs"]))
    return env


def have_module(name):
    return bool(NODE) and proc.run([NODE, "-e", "require('%s')" % name], env=node_env())[0] == 0


def have_mqttjs():
    return have_module("mqtt")


def python_with(module):
    """A Python that has a module: this one, or Debian's; None where none has."""
    return next((p for p in (sys.executable, "/usr/bin/python3")
                 if os.access(p, os.X_OK) and proc.run([p, "-c", "import " + module])[0] == 0), None)


def _account(user, password):
    return (["-u", user] if user else []) + (["-P", password] if password else [])


def publish(port, version, topic, file, qos=0, retain=False, client_id=None, user=None, password=None, extra=()):
    """mosquitto_pub of a file: exit status and stderr."""
    argv = [PUB, "-h", "127.0.0.1", "-p", str(port), "-V", MOSQUITTO_VERSION[version], "-t", topic, "-q", str(qos)]
    argv += ["-f", file] if file else ["-n"]
    argv += (["-r"] if retain else []) + (["-i", client_id] if client_id else [])
    status, out, err = proc.run(argv + _account(user, password) + list(extra), timeout=60)
    return status, err.decode(errors="replace")


def publish_lines(port, version, topic, lines, qos=0):
    """Many messages over one connection of mosquitto_pub."""
    status, out, err = proc.run([PUB, "-h", "127.0.0.1", "-p", str(port), "-V", MOSQUITTO_VERSION[version], "-t", topic, "-q", str(qos),
                                 "-l"], input=b"".join(x + b"\n" for x in lines), timeout=60)
    return status, err.decode(errors="replace")


def words(messages):
    """(QoS, retain, topic, file) each, as client.js and client_paho_clients.py take them."""
    return [w for qos, retain, topic, file in messages for w in ("%d%s" % (qos, "r" if retain else ""), topic, file)]


def account_env(env, user, password):
    return dict(env, **({"MQTT_USER": user} if user else {}), **({"MQTT_PASSWORD": password} if password else {}))


def js_publish_all(port, version, client_id, messages, user=None, password=None):
    """MQTT.js publishes messages, (QoS, retain, topic, file) each, in order: exit status and stderr."""
    status, out, err = proc.run([NODE, _script, "pub", str(port), version, client_id] + words(messages),
                                env=account_env(node_env(), user, password), timeout=60)
    return status, err.decode(errors="replace")


def js_publish(port, version, client_id, qos, pairs, user=None, password=None):
    """The same for (topic, file) pairs of one QoS."""
    return js_publish_all(port, version, client_id, [(qos, False, *pair) for pair in pairs], user, password)


class Subscriber:
    """A subscribing process; messages are (topic, qos, retain, payload)."""

    def __init__(self, argv, env=None):
        self.messages, self.changed, self.ready = [], threading.Condition(), False
        self.errors = proc.path("subscriber-%d.err" % id(self))
        with open(self.errors, "wb") as err:
            self.child = proc.start(argv, stdout=subprocess.PIPE, stderr=err, env=env)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.child.stdout:
            words = line.rstrip(b"\n").split(b" ")
            with self.changed:
                if words == [b"ready"]:
                    self.ready = True
                else:
                    self.messages.append((words[0].decode(), int(words[1]), int(words[2]),
                                          bytes.fromhex(words[3].decode())))
                self.changed.notify_all()

    def wait(self, n, seconds=30):
        """Until n messages came; gives what came."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.messages) >= n, seconds)
            return list(self.messages)

    def wait_ready(self, seconds=20):
        with self.changed:
            if not self.changed.wait_for(lambda: self.ready, seconds):
                raise TimeoutError("the subscriber is not ready: " + open(self.errors).read())

    def stop(self):
        proc.stop(self.child)
        self.thread.join(5)
        self.child.stdout.close()


def mosquitto_subscriber(port, version, client_id, topic, qos=2, extra=()):
    return Subscriber([SUB, "-h", "127.0.0.1", "-p", str(port), "-V", MOSQUITTO_VERSION[version], "-i", client_id, "-t", topic,
                       "-q", str(qos), "-F", "%t %q %r %x", *extra])


def js_subscriber(port, version, client_id, topic, qos=2, user=None, password=None):
    return Subscriber([NODE, _script, "sub", str(port), version, client_id, topic, str(qos)],
                      env=account_env(node_env(), user, password))
