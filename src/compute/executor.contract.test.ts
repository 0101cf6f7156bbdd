import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { executorContract } from './executor.contract.ts'
import { killMarked } from './processes.ts'
import { composeBench } from './testing.ts'

const folder = mkdtemp(join(tmpdir(), 'trainyard-executor-'))
after(async () => rm(await folder, { recursive: true, force: true }))

executorContract('local', async () => {
  let bench = composeBench(await folder, { graceMs: 1_000 })
  after(() => bench.executor.stop())
  return {
    blobs: bench.blobs,
    attempt: bench.attempt,
    get checkpoints() {
      return bench.checkpoints
    },
    executor: () => bench.executor,
    async restart(between) {
      bench.executor.stop()
      await between?.()
      bench = composeBench(await folder, { graceMs: 1_000 })
    },
    async loseNode({ id, handles }) {
      process.kill((handles.at(-1) as { process: { pid: number } }).process.pid, 'SIGKILL')
      await killMarked('TRAINYARD_ATTEMPT', new Set([id]))
    },
    isHere: true,
  }
})
