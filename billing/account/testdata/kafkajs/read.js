// Reads whole topics as the plan's consumers do, with kafkajs and its registry client, and prints each message as JSON,
// a line each.
//
// usage: read.js BROKERS REGISTRY GROUP ready|bare TOPIC=COUNT...
//
// ready: with what READERS.md says that these clients need. bare: without it.
'use strict'

const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = require('kafkajs')
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry')

const PATIENCE = 120000 // milliseconds
const HEADER = 5 // bytes of Confluent's wire format: 0, and the id of the schema

// What kafkajs needs to read lz4.
function installLZ4() {
  const lz4 = require('lz4js')
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async encoder => Buffer.from(lz4.compress(encoder.buffer)),
    decompress: async buffer => Buffer.from(lz4.decompress(buffer)),
  })
}

// What its registry client needs to read each whole number within 2^53-1 on either side of 0.
function exactLongs() {
  const long = require('avsc').types.LongType.__with({
    fromBuffer: buffer => Number(buffer.readBigInt64LE()),
    toBuffer: n => Buffer.from(BigInt64Array.of(BigInt(n)).buffer),
    fromJSON: Number,
    toJSON: Number,
    isValid: Number.isSafeInteger,
    compare: (a, b) => Math.sign(a - b),
  })
  return { [SchemaType.AVRO]: { typeHook: schema => (schema === 'long' || schema.type === 'long' ? long : undefined) } }
}

// Headers are buffers, and a name that stands twice is an array of them.
function texts(headers) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      if (Array.isArray(value)) throw new Error(`header ${name} is there ${value.length} times`)
      return [name, value.toString()]
    })
  )
}

// JSON has no bytes: those of a message that is not in the wire format, and of a field, are written in base64.
function plain(key, value) {
  return value && value.type === 'Buffer' ? Buffer.from(value.data).toString('base64') : value
}

async function main([brokers, url, groupId, mode, ...wanted]) {
  if (mode === 'ready') installLZ4()
  const left = new Map(wanted.map(w => [w.split('=')[0], Number(w.split('=')[1])]))
  const registry = new SchemaRegistry({ host: url }, mode === 'ready' ? exactLongs() : {})
  const kafka = new Kafka({
    clientId: 'billing-engine',
    brokers: brokers.split(','),
    retry: { initialRetryTime: 100, retries: 8 },
    logLevel: logLevel.ERROR,
  })
  const consumer = kafka.consumer({ groupId, sessionTimeout: 30000, heartbeatInterval: 3000 })

  const eachMessage = async ({ topic, partition, message }) => {
    const { key, value, offset, timestamp, headers, batchContext } = message
    const encoded = value !== null && value.length > HEADER && value[0] === 0
    const line = {
      topic, partition, offset, timestamp, key: key.toString(), headers: texts(headers),
      producerId: batchContext.producerId, inTransaction: batchContext.inTransaction,
      value: encoded ? await registry.decode(value) : null, bytes: encoded ? null : value,
    }
    process.stdout.write(JSON.stringify(line, plain) + '\n')
    left.set(topic, left.get(topic) - 1)
  }

  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...left.keys()], fromBeginning: true })
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`these messages are missing after ${PATIENCE} ms: ${JSON.stringify([...left])}`))
      }, PATIENCE)
      consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
      const handle = async message => {
        await eachMessage(message).catch(reject)
        if ([...left.values()].every(n => n <= 0)) resolve(clearTimeout(timer))
      }
      consumer.run({ eachMessage: handle }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  error => {
    console.error(error)
    process.exit(1)
  }
)
