import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { newId } from '#kernel/id.ts'
import type { Engine, EngineEnd, Job, Observation } from './engine.ts'

/** An engine that runs for real, made for one suite. */
export interface EngineBed {
  readonly engine: Engine
  /** Makes the engine unreachable, and brings it back with what it knew. */
  away(): Promise<void>
  back(): Promise<void>
  /** An image for containers, where it takes one. */
  readonly image?: string
  /** How a command's death by SIGKILL looks here. */
  readonly killed: Pick<EngineEnd, 'code' | 'signal' | 'cause'>
  /** More than there is. */
  readonly tooMuch: Job['resources']
}

const waitMsMax = 90_000

/** What every engine promises, whichever it is. */
export function engineContract(name: string, open: () => Promise<EngineBed>): void {
  const job = ({ image }: EngineBed, script: string, more: Partial<Job> = {}): Job => ({
    attempt: newId<'attempt'>('att'),
    of: { project: 'rain', run: 'run_1', task: 'train' },
    command: ['python3', '-c', script],
    env: { GREETING: `it's "fine"` },
    resources: { cpu: 1 },
    nodes: 1,
    image,
    graceMs: 1_000,
    limitMs: 600_000,
    ...more,
  })
  const observed = async ({ engine }: EngineBed, external: string): Promise<Observation> =>
    (await engine.observe([external])).get(external)!
  const until = async (bed: EngineBed, external: string, state: Observation['state']): Promise<Observation> => {
    for (const end = Date.now() + waitMsMax; ;) {
      const now = await observed(bed, external)
      if (now.state === state) return now
      if (Date.now() > end) assert.fail(`${name} never said ${state}, but ${JSON.stringify(now)}.`)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
  const endOf = async (bed: EngineBed, external: string): Promise<Omit<EngineEnd, 'because'>> => {
    const ended = await until(bed, external, 'ended')
    assert.ok(ended.state === 'ended')
    const { because: _, ...end } = ended.end
    return end
  }
  /** A cancelled job has ended, or is not on the books any more. */
  const over = async (bed: EngineBed, external: string): Promise<void> => {
    for (const end = Date.now() + waitMsMax; ;) {
      const now = await observed(bed, external)
      if (now.state === 'absent' || (now.state === 'ended' && now.end.cause !== 'succeeded')) return
      if (Date.now() > end) assert.fail(`${name} never ended it, but says ${JSON.stringify(now)}.`)
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  }
  const sleeping = 'import time; time.sleep(60)'

  test(name, { timeout: 600_000 }, async t => {
    const bed = await open()
    const { engine } = bed
    const step = (what: string, work: (t: TestContext) => Promise<void>): Promise<void> => t.test(what, work)

    await step('a job runs with its environment, and what it printed is kept', async () => {
      const one = await engine.submit(job(bed, 'import os; print("said", os.environ["GREETING"])'))
      assert.deepEqual(await endOf(bed, one), { code: 0, cause: 'succeeded' })
      assert.match(await engine.log(one), /^said it's "fine"$/m)
      await engine.forget(one)
    })

    await step('a job that fails has its exit code, and one that is killed says so', async () => {
      const failing = await engine.submit(job(bed, 'import sys; sys.exit(3)'))
      const dying = await engine.submit(job(bed, 'import os; os.kill(os.getpid(), 9)'))
      assert.deepEqual(await endOf(bed, failing), { code: 3, cause: 'exit' })
      assert.deepEqual(await endOf(bed, dying), bed.killed)
    })

    await step('an attempt that is submitted twice is one job', async () => {
      const one = job(bed, sleeping)
      const first = await engine.submit(one)
      await until(bed, first, 'running')
      assert.equal(await engine.submit(one), first)
      await engine.cancel(first)
      await over(bed, first)
    })

    await step('what there is no room for is queued, and can be cancelled', async () => {
      const one = await engine.submit(job(bed, sleeping, { resources: bed.tooMuch }))
      await until(bed, one, 'queued')
      await engine.cancel(one)
      await engine.cancel(one)
    })

    await step('a job that is unknown is absent; one that cannot be asked after is unknown', async () => {
      const one = await engine.submit(job(bed, sleeping))
      await until(bed, one, 'running')
      const never = name.startsWith('slurm over REST') ? '4000000' : newId('att')
      assert.deepEqual(await observed(bed, never), { state: 'absent' })
      await bed.away()
      assert.deepEqual([(await observed(bed, one)).state, (await observed(bed, never)).state], ['unknown', 'unknown'])
      await assert.rejects(engine.submit(job(bed, sleeping)), { code: 'unavailable' })
      await bed.back()
      await until(bed, one, 'running')
      await engine.cancel(one)
      await over(bed, one)
    })
  })
}
