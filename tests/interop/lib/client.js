// SPDX-License-Identifier: ISC
// MQTT.js as a client of record.
//   client.js sub PORT VERSION CLIENT-ID FILTER QOS     prints "ready", then a line a message: topic qos retain hex
//   client.js pub PORT VERSION CLIENT-ID QOS TOPIC FILE [QOS TOPIC FILE …]     publishes in order, then ends; QOS may be
//   followed by an r: retained
'use strict'
const fs = require('fs')
const [verb, port, version, clientId, ...rest] = process.argv.slice(2)
const mqtt = require('mqtt')
const level = { '3.1': 3, '3.1.1': 4, '5.0': 5 }[version]
const options = {
  host: '127.0.0.1', port: Number(port), clientId, reconnectPeriod: 0,
  protocolVersion: level, protocolId: level === 3 ? 'MQIsdp' : 'MQTT'
}
if (process.env.MQTT_USER) options.username = process.env.MQTT_USER
if (process.env.MQTT_PASSWORD) options.password = process.env.MQTT_PASSWORD
const client = mqtt.connect(options)
const fail = (e) => { console.error(e); process.exit(1) }
client.on('error', fail)
if (verb === 'sub') {
  client.on('message', (topic, payload, packet) => {
    process.stdout.write([topic, packet.qos, packet.retain ? 1 : 0, payload.toString('hex')].join(' ') + '\n')
  })
  client.on('connect', () => client.subscribe(rest[0], { qos: Number(rest[1]) }, (e) => {
    if (e) fail(e)
    process.stdout.write('ready\n')
  }))
} else {
  client.on('connect', () => {
    const next = () => {
      if (!rest.length) return client.end(false, {}, () => process.exit(0))
      const [qos, topic, file] = rest.splice(0, 3)
      const options = { qos: Number(qos[0]), retain: qos.endsWith('r') }
      client.publish(topic, fs.readFileSync(file), options, (e) => e ? fail(e) : next())
    }
    next()
  })
}
