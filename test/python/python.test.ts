import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../src/cli/client.ts'
import { applyFolder } from '../../src/cli/commands/project.ts'
import { refresh } from '../../src/demo/chapters/data.ts'
import { platform, taskOf } from '../../src/demo/platform.ts'
import { startServer } from '../server.ts'
import { createTeller } from '../../src/demo/teller.ts'
import { ask, eveningOf } from '../../src/demo/traffic.ts'
import { readWeather } from '../../src/demo/weather.ts'
import { until, type World } from '../../src/demo/world.ts'

test(
  'scikit-learn trains in an environment that the platform builds from its lock file, and its model goes live',
  { timeout: 400_000 },
  async t => {
    const data = await mkdtemp(join(tmpdir(), 'trainyard-python-'))
    const server = await startServer({ data })
    const client = createClient({ server: server.url })
    t.after(async () => {
      await client.send('POST', '/api/v1/serving/stop')
      await server.stop()
      await rm(data, { recursive: true, force: true })
    })
    const checkout = join(data, 'checkout')
    await cp('examples/rain-python', checkout, { recursive: true })
    const teller = createTeller({ write: () => {}, terminal: false })
    const world: World = { client, teller, weather: readWeather(), checkout, project: 'rain-python', signal: t.signal }
    const trainyard = platform(world)

    await applyFolder(client, checkout)
    await refresh(world, { evening: '2013-12-31', cities: ['Seattle'] })
    const { id } = await trainyard.start('training', { reason: 'The first model.' })
    const { tasks } = await trainyard.finished(id)
    const version = await trainyard.version(taskOf(tasks, 'register').outputs['version']!.ref!)
    await client
      .send('POST', `/api/v1/model-versions/${version.id}/transitions`, {
        to: 'production',
        reason: 'It passed its gate.',
      })
      .catch(() => {})
    const deploy = await until('the deployment', async () => (await trainyard.runs('deploy'))[0], world)
    await trainyard.finished(deploy.id)
    const answer = await ask(world, { deployment: 'rain-python', city: 'Seattle', at: eveningOf('2013-12-31') })

    assert.match(version.environment ?? '', /^requirements\.lock [0-9a-f]{64}$/)
    assert.ok(version.evaluation.gate.passed)
    assert.ok(answer.probability > 0 && answer.probability < 1, `probability ${answer.probability}`)
  },
)
