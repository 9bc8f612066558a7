# SPDX-License-Identifier: ISC
"""Paho Python as a client of record; the same words and output as client.js."""
import os
import sys

import paho.mqtt.client as mqtt

VERSION = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}

verb, port, version, client_id, *rest = sys.argv[1:]
# 2.x wants to be told that the callbacks are those of 1.x
interface = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
client = mqtt.Client(*interface, client_id=client_id, protocol=VERSION[version])
if os.environ.get("MQTT_USER"):
    client.username_pw_set(os.environ["MQTT_USER"], os.environ.get("MQTT_PASSWORD"))


def fail(why):
    sys.stderr.write("%s\n" % why)
    os._exit(1)


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def connected(client, userdata, flags, code, properties=None):
    if code != 0:
        fail("CONNACK %s" % code)
    if verb == "sub":
        client.subscribe(rest[0], int(rest[1]))
    else:
        publish_next()


def publish_next(*ignored):
    """One at a time: the next when the one before is through."""
    if not rest:
        client.disconnect()
        return
    qos, topic, file = rest[:3]
    del rest[:3]
    with open(file, "rb") as f:
        client.publish(topic, f.read(), int(qos[0]), qos.endswith("r"))


client.on_connect = connected
client.on_subscribe = lambda *a: say("ready")
client.on_publish = publish_next
client.on_message = lambda c, u, m: say("%s %d %d %s" % (m.topic, m.qos, m.retain, m.payload.hex()))
client.on_disconnect = lambda c, u, code, *a: code and fail("disconnected: %s" % code)
client.connect("127.0.0.1", int(port))
client.loop_forever(retry_first_connection=False)
