// Answers requests.
import { Queue } from 'bullmq'
import fastify from 'fastify'
import { setTimeout } from 'node:timers/promises'
import { NAME, connection } from './queue.js'

const queue = new Queue(NAME, { connection })
const app = fastify({ keepAliveTimeout: 75_000 })

app.get('/ping', async () => ({ task_id: (await queue.add('long_running_task', 0)).id }))

app.get('/status/:id', async (request) => {
  const job = await queue.getJob(request.params.id)
  if (job?.finishedOn === undefined) return { status: 'processing' }
  if (job.failedReason) return { status: 'failed', error: job.failedReason }
  return { status: 'done', result: job.returnvalue }
})

app.post('/tasks', async ({ body }) => ({ task_id: (await queue.add(body.task, body.args)).id }))

app.post('/batch', async ({ body }) => {
  const jobs = await queue.addBulk(body.tasks.map(({ task, args }) => ({ name: task, data: args })))
  return { task_ids: jobs.map((job) => job.id) }
})

app.get('/wait', async () => {
  await setTimeout(1000)
  return {}
})

await queue.waitUntilReady()
console.log(`Serving ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
