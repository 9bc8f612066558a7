// SPDX-License-Identifier: ISC
// One program for MQTT.js, run at several places at once: each prints what its clients are told, so that it can be laid
// beside what program.py and the others tell.
//   program.js USER PASSWORD MARK:LEVEL:PORT …     lines: MARK LEVEL CLIENT EVENT, in order for each client
'use strict'
const crypto = require('crypto')
const mqtt = require('mqtt')
const [user, password, ...places] = process.argv.slice(2)
const PROPERTIES = {
  payloadFormatIndicator: true, messageExpiryInterval: 3000, contentType: 'text/plain', responseTopic: 'an/answer',
  correlationData: Buffer.from([0, 1, 2, 255]), userProperties: { a: ['1', '2'], b: 'ü' }
}

const digest = (b) => b.length + ':' + crypto.createHash('sha256').update(b).digest('hex').slice(0, 12)

const told = (properties) => {
  const p = Object.assign({}, properties)
  delete p.topicAliasMaximum // under payload rules the proxy takes it out
  delete p.maximumPacketSize // and lowers this
  if (p.correlationData) p.correlationData = Buffer.from(p.correlationData).toString('hex')
  if (p.messageExpiryInterval) p.messageExpiryInterval = Math.ceil(p.messageExpiryInterval / 100) * 100
  return JSON.stringify(p, Object.keys(p).concat(Object.keys(p.userProperties || {})).sort())
}

class Client {
  constructor (place, name, options) {
    const [mark, level, port] = place.split(':')
    this.name = name
    this.say = (...words) => console.log([mark, level, name, ...words].join(' '))
    this.v5 = level === '5'
    this.messages = 0
    this.wake = () => {}
    this.client = mqtt.connect(Object.assign({
      host: '127.0.0.1', port: Number(port), reconnectPeriod: 0, protocolVersion: Number(level),
      protocolId: level === '3' ? 'MQIsdp' : 'MQTT', clientId: `~${mark}~j${level}${name}`, clean: true,
      username: user || undefined, password: password || undefined
    }, options))
    this.client.on('message', (topic, payload, p) => {
      this.messages++
      this.say('message', topic, 'qos', p.qos, 'retain', p.retain, 'dup', p.dup, digest(payload), told(p.properties))
      this.wake()
    })
    this.client.on('disconnect', (p) => this.say('disconnect', p.reasonCode))
    this.client.on('error', (e) => this.say('error', e.message))
    this.closed = new Promise((resolve) => this.client.on('close', () => { this.say('close'); resolve() }))
    this.connected = new Promise((resolve) => {
      this.client.on('connect', (p) => {
        this.say('connack', p.sessionPresent, p.returnCode || p.reasonCode || 0, told(p.properties))
        resolve(this)
      })
    })
  }

  subscribe (topic, options) {
    return new Promise((resolve) => this.client.subscribe(topic, options, (e, granted) => {
      this.say('suback', e || '', JSON.stringify((granted || []).map((g) => g.qos)))
      resolve()
    }))
  }

  unsubscribe (topic) {
    return new Promise((resolve) => this.client.unsubscribe(topic, (e) => { this.say('unsuback', e || ''); resolve() }))
  }

  publish (topic, payload, options, properties) {
    if (this.v5 && properties) options = Object.assign({ properties }, options)
    return new Promise((resolve) => this.client.publish(topic, payload, options, (e) => {
      this.say('published', topic, e || '')
      resolve()
    }))
  }

  async take (count) {
    count += this.taken || 0
    this.taken = count
    while (this.messages < count) await new Promise((resolve) => { this.wake = resolve })
  }

  end () {
    return new Promise((resolve) => this.client.end(false, {}, resolve))
  }
}

const run = async (place) => {
  const [mark, level] = place.split(':')
  const corner = `~${mark}~/js${level}/`
  const open = (name, options) => new Client(place, name, options).connected
  const kept = level === '5' ? { clean: false, properties: { sessionExpiryInterval: 600 } } : { clean: false }
  const sub = await open('sub')
  const pub = await open('pub')
  await sub.subscribe(corner + '#', { qos: 2 })
  for (const qos of [0, 1, 2]) {
    for (const payload of ['', 'päyload', Buffer.alloc(20000, 'x')]) {
      await pub.publish(corner + 'message', payload, { qos }, PROPERTIES)
      await sub.take(1)
      await pub.publish(corner + 'bare', payload, { qos })
      await sub.take(1)
    }
  }
  await pub.publish(corner + 'kept', 'kept', { qos: 1, retain: true }, PROPERTIES)
  await sub.take(1)
  const late = await open('late')
  await late.subscribe(corner + 'kept', { qos: 1 })
  await late.take(1)
  await pub.publish(corner + 'kept', '', { qos: 1, retain: true })
  await late.take(1)
  await late.unsubscribe(corner + 'kept')
  await late.end()
  await sub.take(1)
  const will = { topic: corner + 'will', payload: 'last words', qos: 1 }
  if (level === '5') will.properties = PROPERTIES
  const mortal = await open('mortal', { will })
  mortal.client.stream.destroy()
  await sub.take(1)
  // its Will tells that the broker has seen it go
  const sleeper = await open('sleeper', Object.assign({ will: { topic: corner + 'gone', payload: '', qos: 1 } }, kept))
  await sleeper.subscribe(corner + 'queue', { qos: 1 })
  sleeper.client.stream.destroy()
  await sub.take(1)
  for (const n of [1, 2, 3]) await pub.publish(corner + 'queue', `queued ${n}`, { qos: 1 }, PROPERTIES)
  await sub.take(3)
  const same = Object.assign({ clientId: sleeper.client.options.clientId }, kept)
  const again = await open('again', same)
  await again.take(3)
  await again.subscribe(corner + 'other', { qos: 1 }) // the answers have come before this one does
  const other = await open('other', same)
  await again.closed
  await other.end()
  await pub.end()
  await sub.end()
  sub.say('done')
}

Promise.all(places.map(run)).then(() => process.exit(0), (e) => { console.error(e); process.exit(1) })
setTimeout(() => process.exit(2), 60000).unref()
