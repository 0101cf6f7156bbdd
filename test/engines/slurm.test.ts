import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { engineContract, type EngineBed } from '../../src/compute/engine.contract.ts'
import type { Engine } from '../../src/compute/engine.ts'
import { executorContract } from '../../src/compute/executor.contract.ts'
import type { TrainyardError } from '../../src/kernel/error.ts'
import { slurmRestEngine } from '../../src/compute/slurm-rest.ts'
import { slurmEngine } from '../../src/compute/slurm.ts'
import { distributes } from './distributed.ts'
import { openRemoteBed } from './remote-bed.ts'
import { openSlurm, slurmIsMissing, type SlurmBed } from './slurm-bed.ts'

const missing = slurmIsMissing()

if (missing) test('Slurm', { skip: missing }, () => {})
else {
  const opened = openSlurm({ nodes: 2 })
  after(async () => (await opened).stop())
  const byCommands = ({ env, logs }: SlurmBed): Engine => slurmEngine({ env, logFolder: logs })
  const overRest = async ({ restUrl: url, token, logs }: SlurmBed): Promise<Engine> => {
    await token()
    return slurmRestEngine({ url, user: 'root', token, logFolder: logs })
  }
  const common = (slurm: SlurmBed): Omit<EngineBed, 'engine'> => ({
    away: () => slurm.endController('SIGTERM'),
    back: slurm.startController,
    killed: { signal: 9, cause: 'exit' },
    tooMuch: { cpu: 1, memoryBytes: 3_900 * 2 ** 20 },
  })
  engineContract('slurm', async () => ({ ...common(await opened), engine: byCommands(await opened) }))
  engineContract('slurm over REST', async () => ({ ...common(await opened), engine: await overRest(await opened) }))

  const bedOver = async (engine: Engine) => {
    const bed = await openRemoteBed(engine)
    after(() => bed.stop())
    return bed
  }
  executorContract('executor over slurm', async () => bedOver(byCommands(await opened)))
  executorContract('executor over slurm over REST', async () => bedOver(await overRest(await opened)))
  distributes('slurm', async () => bedOver(byCommands(await opened)))
  distributes('slurm over REST', async () => bedOver(await overRest(await opened)))

  test(
    'a killed controller may have forgotten that a task runs: it ends it, and the copy that it starts is refused',
    { timeout: 400_000 },
    async () => {
      const slurm = await opened
      const bed = await bedOver(byCommands(slurm))
      const one = await bed.attempt({ run: 'echo begun; sleep 20; echo done > "$TRAINYARD_OUTPUT_X"', outputs: ['x'] })
      const execution = bed
        .executor()
        .execute(one)
        .then(
          () => 'succeeded',
          (error: TrainyardError) => (error.detail['cause'] as { kind: string }).kind,
        )
      while (!one.lines.includes('begun')) await new Promise(resolve => setTimeout(resolve, 100))
      await slurm.endController('SIGKILL')
      await slurm.startController()

      // Which it is hangs on what the controller had written down: it knows the task, or ends it with a signal that the shim
      // reports ('preempted') or that kills the shim first ('lost'). In none has the task failed, or run twice.
      const end = await execution
      assert.ok(['succeeded', 'preempted', 'lost'].includes(end), end)
      assert.equal(one.lines.filter(line => line === 'begun').length, 1)
    },
  )
}
