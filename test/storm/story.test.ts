import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { seededRandom } from '#statistics'
import { platform } from '../../src/demo/platform.ts'
import { tellStory } from '../../src/demo/story.ts'
import type { World } from '../../src/demo/world.ts'
import { isRunning } from '../../src/serving/process-ticks.ts'
import { faultsOf, modelServer, openStage, type Stage } from '../testing.ts'

/** Another storm: STORM_SEED=7 npm run test:storm. */
const seed = Number(process.env['STORM_SEED'] ?? 20_261_121)
const [everyMsMin, everyMsMax] = [3_000, 8_000]
const killsMin = 5
const steps = 28

test('the whole story is told while servers are killed all the time', { timeout: 400_000 }, async t => {
  const stage = await openStage(t)
  const answered: string[] = []
  const world = withMemory(stage.world, answered)
  const ended = new AbortController()
  const storm = rage(stage, ended.signal)

  const story = tellStory(world)
  await story.finally(() => ended.abort())
  const kills = await storm

  const trainyard = platform(world)
  const trained = (await trainyard.runs('training')).filter(run => run.state === 'succeeded')
  const versions = await trainyard.versions('rain')
  const logged = new Set(await loggedIn(world))
  t.diagnostic(
    `${kills.server} kills of the server, ${kills.model} of the model server, ${answered.length} predictions`,
  )
  assert.ok(kills.server + kills.model >= killsMin, JSON.stringify(kills))
  assert.deepEqual(
    {
      told: stage.teller.told.size,
      perTraining: versions.map(version => version.run).toSorted(),
      lost: answered.filter(id => !logged.has(id)),
      faults: await faultsOf(stage.data),
    },
    { told: steps, perTraining: trained.map(run => run.id).toSorted(), lost: [], faults: [] },
  )
})

/** Kills one of the two servers every few seconds, until told to end. Answers how often it hit which. */
async function rage({ server, data }: Stage, signal: AbortSignal): Promise<{ server: number; model: number }> {
  const random = seededRandom(seed)
  const kills = { server: 0, model: 0 }
  for (;;) {
    await pause(everyMsMin + random() * (everyMsMax - everyMsMin), undefined, { signal }).catch(() => {})
    if (signal.aborted) return kills
    if (random() < 0.5) {
      const { pid, ended } = server.current()
      const isGone = await Promise.race([ended.then(() => true), pause(0, false)])
      if (isGone) continue
      process.kill(pid, 'SIGKILL')
      kills.server++
      await back(async () => server.current().pid !== pid, signal)
    } else {
      const model = await modelServer(data).catch(() => undefined)
      if (!model || !isRunning(model)) continue
      process.kill(model.pid, 'SIGKILL')
      kills.model++
      await back(async () => (await modelServer(data)).pid !== model.pid, signal)
    }
  }
}

/** Waits for what was killed: where it takes longer to start than to be killed again nothing would ever happen. */
async function back(isBack: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await isBack().catch(() => false))) await pause(100)
}

/** The same world, which remembers the id of each prediction that it was given. */
function withMemory(world: World, answered: string[]): World {
  const { client } = world
  return {
    ...world,
    client: {
      ...client,
      async post<Answer>(url: string, body: unknown) {
        const answer = await client.post<Answer & { parameters: { prediction_id: string } }>(url, body)
        answered.push(answer.parameters.prediction_id)
        return answer
      },
    },
  }
}

/** All ids in the prediction log. */
async function loggedIn({ client }: World): Promise<readonly string[]> {
  const ids: string[] = []
  for (let after: string | undefined = ''; after !== undefined;) {
    const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
    const page: { items: { id: string }[]; next?: string } = await client.get(
      `/api/v1/deployments/rain/predictions?limit=500${query}`,
    )
    ids.push(...page.items.map(({ id }) => id))
    after = page.next
  }
  return ids
}
