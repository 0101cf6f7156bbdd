import { after } from 'node:test'
import { engineContract } from '../../src/compute/engine.contract.ts'
import { executorContract } from '../../src/compute/executor.contract.ts'
import { rayEngine } from '../../src/compute/ray.ts'
import { openRay } from './ray-bed.ts'
import { openRemoteBed } from './remote-bed.ts'

const opened = openRay()
after(async () => (await opened).stop())

engineContract('ray', async () => {
  const { url, pause, resume } = await opened
  return {
    engine: rayEngine({ url }),
    away: pause,
    back: resume,
    killed: { signal: 9, cause: 'exit' },
    tooMuch: { gpu: 1 },
  }
})

executorContract('executor over ray', async () => {
  const bed = await openRemoteBed(rayEngine({ url: (await opened).url }))
  after(() => bed.stop())
  return bed
})
