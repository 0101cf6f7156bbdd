import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createProgram } from '../../src/cli/program.ts'
import { refresh } from '../../src/demo/chapters/data.ts'
import { platform } from '../../src/demo/platform.ts'
import { eveningOf, truthOf } from '../../src/demo/traffic.ts'
import { until } from '../../src/demo/world.ts'
import { goLive, openStage } from '../testing.ts'

const run = promisify(execFile)

/** A program of somebody else's, with the package in it. */
const shop = `import { readFileSync } from 'node:fs'
import { open } from 'rain-embedded'
const model = await open({ telemetry: { url: process.argv[2], folder: 'spool' } })
const answers = []
for (const row of JSON.parse(readFileSync('rows.json', 'utf8'))) answers.push(await model.predict([row]))
await model.close()
console.log(JSON.stringify({ answers, telemetry: model.telemetry() }))
`

test(
  'what a copy in another program answers ends in a window that is compared with what its version was trained on',
  { timeout: 600_000 },
  async t => {
    const { data, world } = await openStage(t)
    const trainyard = platform(world)
    await goLive(world)
    await refresh(world, { evening: '2014-03-31', cities: ['Seattle'] })
    const folder = join(data, 'shop')
    await mkdir(folder)
    const program = createProgram({
      env: { TRAINYARD_SERVER: world.client.server },
      folder,
      signal: t.signal,
      stdout: () => {},
      stderr: () => {},
    })

    await program.parseAsync(['models', 'embed', 'rain', '1', '--as', 'npm'], { from: 'user' })
    const [release] = await trainyard.runs('deploy')
    assert.equal(
      release!.cause.reason,
      'Version 1 of rain is released as rain-embedded: It is embedded in another program.',
    )
    const file = (await readdir(folder)).find(name => name.endsWith('.tgz'))!
    await writeFile(join(folder, '.npmrc'), 'onnxruntime-node-install=skip\n')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${file}`], { cwd: folder })
    const evenings = world.weather.days.filter(({ city, date }) => city === 'Seattle' && /^2014-0[123]/.test(date))
    const rows = await Promise.all(
      evenings.map(async ({ date }) => {
        const at = eveningOf(date)
        const [found] = await trainyard.online({ service: 'rain', keys: ['Seattle'], at })
        return { ...found!.values, city: 'Seattle', event_time: at }
      }),
    )
    await writeFile(join(folder, 'rows.json'), JSON.stringify(rows))
    await writeFile(join(folder, 'shop.mjs'), shop)
    const { url } = await trainyard.deployment('rain-embedded')
    const { stdout } = await run(process.execPath, ['shop.mjs', new URL(url).origin], { cwd: folder })
    const { answers, telemetry } = JSON.parse(stdout) as {
      answers: { predictions: { probability: number }[]; prediction_ids: string[] }[]
      telemetry: object
    }
    assert.deepEqual(telemetry, { sent: evenings.length, refused: 0, dropped: 0 })

    const asked = evenings.map(({ city, date }, index) => ({
      city,
      date,
      prediction: answers[index]!.prediction_ids[0]!,
    }))
    await until('all in the log', async () => trainyard.prediction(asked.at(-1)!.prediction).catch(() => false), world)
    const items = truthOf(asked as never, world.weather.days)
    await world.client.send('POST', '/api/v1/deployments/rain-embedded/truth', { items })
    const window = await until(
      'a window with its truth',
      async () =>
        (await trainyard.windows('rain-embedded')).find(each => each.performance?.realised !== undefined) ?? false,
      world,
    )

    const { revisions } = await trainyard.deployment('rain-embedded')
    const drifts = window.signals.filter(({ kind }) => kind === 'feature_drift').map(({ name }) => name)
    assert.deepEqual([window.deployment, window.revision], ['rain-embedded', revisions[0]!.id])
    assert.match(window.reference, /train/)
    assert.deepEqual(new Set(drifts), new Set(Object.keys(rows[0]!).filter(name => name !== 'event_time')))
    assert.ok(window.performance!.realised! > 0 && window.performance!.realised! < 0.3)
  },
)
