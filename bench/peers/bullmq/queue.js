// The queue of both programs. The connection's options are BullMQ's own.
export const NAME = 'bench'
const url = new URL(process.env.REDIS_URL)
export const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null }
