// SPDX-License-Identifier: ISC
// The broker aedes on a loopback port that the kernel chooses; says "listening PORT" when it is ready.
'use strict'
const aedes = require('aedes')()
const server = require('net').createServer(aedes.handle)
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  process.stdout.write('listening ' + server.address().port + '\n')
})
