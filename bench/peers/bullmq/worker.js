// Runs tasks: as many at once as its argument says.
import { Worker } from 'bullmq'
import { setTimeout } from 'node:timers/promises'
import { NAME, connection } from './queue.js'

// Counts primes by trial division.
function primes(below) {
  let count = 0
  for (let n = 2; n < below; n++) {
    let d = 2
    while (d * d <= n && n % d !== 0) d++
    if (d * d > n) count++
  }
  return count
}

const tasks = {
  long_running_task: async () => {
    await setTimeout(5000)
    return 'Task Done.'
  },
  echo: async (args) => args,
  sleep: (args) => setTimeout(args * 1000),
  compute: async (args) => primes(args),
}

const worker = new Worker(NAME, (job) => tasks[job.name](job.data), { connection, concurrency: Number(process.argv[2]) })
await worker.waitUntilReady()
console.log('ready')
