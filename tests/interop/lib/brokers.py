# SPDX-License-Identifier: ISC
"""Brokers of several makes behind one face: mosquitto, aedes, RabbitMQ, ejabberd. Each runs as a child of the test, on
a loopback port of its own and in a folder of its own; nothing of a broker that the machine runs is read or touched.

A class says what its broker can do: `versions`, `qos`, and the `account` (user, password) that it has to be given.
`missing()` is why it cannot run here, or None. Making one starts it, wait() waits until it listens: so several can start
at once. stop() ends it and all that it started."""
import glob
import json
import os
import signal
import time

from . import broker, clients, proc

PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
AEDES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aedes.js")
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Broker:
    """What they have in common. A class gives `launch()`, which starts `self.child`, and says in `listens()` whether it
    can be connected to; where a port cannot be left to the kernel, `launch` takes one that was free a moment ago, and
    is called again if it was taken in between."""

    name, versions, qos, account = None, ("3.1", "3.1.1"), (0, 1, 2), (None, None)
    patience = 60

    def __init__(self):
        self.folder = proc.path("%s-%d" % (self.name, id(self)))
        os.mkdir(self.folder)
        self.output = self.path("output")
        self.child = self.port = None
        self.launch()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        return proc.write(self.path(name), text)

    def start(self, argv, **env):
        """A child that knows only this environment, its output in a file."""
        env = dict(env, PATH=PATH, HOME=self.folder, LANG="C.UTF-8")
        with open(self.output, "ab") as out:
            return proc.start(argv, env=env, cwd=self.folder, stdout=out, stderr=out)

    def listens(self):
        return proc.listens(self.child.pid, self.port)

    def wait(self):
        end = time.monotonic() + self.patience
        attempts = 5
        while not self.listens():
            if self.child.poll() is not None:
                attempts -= 1
                self.stop()
                if not attempts:
                    break
                self.launch()
            if time.monotonic() > end:
                break
            time.sleep(0.005)
        else:
            return self
        raise RuntimeError("%s does not start: %s" % (self.name, self.log()[-3000:]))

    def stop(self):
        """At once: what it stored is not needed any more."""
        started = proc.children(self.child.pid)
        proc.stop(self.child, signal.SIGKILL)
        proc.until(lambda: not any(map(proc.alive, started)), 10, "the children of " + self.name)

    def log(self):
        with open(self.output, errors="replace") as f:
            return f.read()


class Mosquitto(broker.Mosquitto):
    name, versions, qos, account = "mosquitto", ("3.1", "3.1.1", "5.0"), (0, 1, 2), (None, None)

    @staticmethod
    def missing():
        return None if broker.MOSQUITTO else "mosquitto is not there"

    def wait(self):
        return self  # its constructor waited


class Aedes(Broker):
    name = "aedes"

    @staticmethod
    def missing():
        return None if clients.have_module("aedes") else "aedes (npm) is not there"

    def launch(self):
        self.child = self.start([clients.NODE, AEDES], NODE_PATH=clients.node_env()["NODE_PATH"])

    def listens(self):
        """It takes a port from the kernel and says which."""
        if not self.port:
            word = self.log().rpartition("\n")[0].rpartition("listening ")[2]
            self.port = int(word) if word.isdigit() else None
        return self.port is not None


class Ejabberd(Broker):
    """mod_mqtt alone. It is no node of a cluster, so there is no epmd. Its anonymous login wants a password all the
    same, whichever."""

    name, versions, account = "ejabberd", ("3.1.1", "5.0"), ("anyone", "any")

    @classmethod
    def missing(cls):
        return None if cls.libraries() else "ejabberd is not there"

    @staticmethod
    def libraries():
        found = glob.glob("/usr/lib/*/ejabberd-*/ebin/mod_mqtt.beam")
        return os.path.dirname(os.path.dirname(os.path.dirname(found[0]))) if found else None

    def launch(self):
        self.port = proc.free_port()
        conf = {
            "hosts": ["localhost"], "loglevel": "info", "acme": {"auto": False},
            "auth_method": ["anonymous"], "anonymous_protocol": "login_anon", "allow_multiple_connections": True,
            "listen": [{"port": self.port, "ip": "127.0.0.1", "module": "mod_mqtt", "backlog": 1024}],
            "modules": {"mod_mqtt": {}},
        }
        self.child = self.start(
            ["erl", "-noinput", "-mnesia", "dir", json.dumps(self.path("mnesia")), "-s", "ejabberd", "+sbwt", "none"],
            ERL_LIBS=self.libraries(), ERL_CRASH_DUMP_SECONDS="0",
            EJABBERD_CONFIG_PATH=self.write("ejabberd.yml", json.dumps(conf)), EJABBERD_LOG_PATH=self.path("log"))


class RabbitMQ(Broker):
    """The server with its MQTT plugin alone, and an epmd that nobody shares. It needs some ten seconds: the plugin waits
    for other nodes for three to six of them, which no option shortens."""

    name, qos = "rabbitmq", (0, 1)  # 3.10: no QoS 2, no 5.0

    @staticmethod
    def missing():
        return None if os.access(RABBITMQ, os.X_OK) else "rabbitmq-server is not there"

    def launch(self):
        self.port, epmd, distribution = proc.free_port(), proc.free_port(), proc.free_port()
        alone = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(epmd)}
        self.epmd = self.start(["epmd"], **alone)
        # else the server would start one that outlives it
        proc.until(lambda: proc.listens(self.epmd.pid, epmd), what="epmd")
        conf = ('[{rabbit, [{tcp_listeners, []}]}, {rabbitmq_mqtt, [{tcp_listeners, [{"127.0.0.1", %d}]},'
                ' {ssl_listeners, []}, {allow_anonymous, true}]}].\n' % self.port)
        self.child = self.start(
            [RABBITMQ], **alone, ERL_CRASH_DUMP_SECONDS="0",
            RUNNING_UNDER_SYSTEMD="true",  # the script becomes the server instead of starting it
            RABBITMQ_USE_LONGNAME="true", RABBITMQ_NODENAME="mqsecproxy-%d@127.0.0.1" % os.getpid(),
            RABBITMQ_DIST_PORT=str(distribution),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
            RABBITMQ_CONF_ENV_FILE=self.write("environment", ""), RABBITMQ_CONFIG_FILE=self.write("rabbitmq.config", conf),
            RABBITMQ_ENABLED_PLUGINS_FILE=self.write("plugins", "[rabbitmq_mqtt].\n"),
            RABBITMQ_MNESIA_BASE=self.path("mnesia"), RABBITMQ_LOG_BASE=self.path("log"))

    def stop(self):
        super().stop()
        proc.stop(self.epmd)


ALL = (Mosquitto, Aedes, Ejabberd, RabbitMQ)
