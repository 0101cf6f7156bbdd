import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { platform } from '../../src/demo/platform.ts'
import { startServer } from '../server.ts'
import { ask, eveningOf, type Answer } from '../../src/demo/traffic.ts'
import type { World } from '../../src/demo/world.ts'
import { dataFolder, goLive, modelServer, worldAt } from '../testing.ts'

const features = 18

test('predictions outlive both servers', { timeout: 400_000 }, async t => {
  const data = await dataFolder(t, () => server.stop())
  let server = await startServer({ data })
  const port = Number(new URL(server.url).port)
  const world = worldAt({ url: server.url, data, signal: t.signal })
  await goLive(world)
  // The address of the deployment is asked for once, while there is someone to tell it.
  await ask(world, { deployment: 'rain', city: 'Seattle', at: eveningOf('2013-12-01') })
  const { pid: alone } = await modelServer(data)

  await t.test(
    'without the control plane the model server looks features up and answers, and nothing is lost',
    async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.ended

      const answers = await askDecember(world)
      await assert.rejects(fetch(server.url))
      server = await startServer({ data, port, env: { TRAINYARD_CRASHPOINT: 'serving.logged:20' } })

      assert.deepEqual(
        { ...(await inLog(world, answers)), server: (await modelServer(data)).pid },
        { answered: 31, logged: 31, features: [features], server: alone },
      )
    },
  )

  await t.test(
    'a killed model server is back at its address, and what any of them answered is in the log',
    async () => {
      const servers = new Set([alone])
      const asking = Promise.all([1, 2].map(() => askDecember(world)))
      process.kill(alone, 'SIGKILL')
      for (let isAsking = true; isAsking; servers.add((await modelServer(data)).pid))
        isAsking = await Promise.race([asking.then(() => false), pause(20).then(() => true)])

      const answers = (await asking).flat()

      // The first was killed from outside; each after it killed itself between writing and answering.
      assert.ok(servers.size >= 3, `${servers.size} model servers`)
      assert.deepEqual(await inLog(world, answers), { answered: 62, logged: 62, features: [features] })
    },
  )
})

/** Asks about each evening of the last month that is known, one after the other. */
async function askDecember(world: World): Promise<readonly Answer[]> {
  const days = world.weather.days.filter(({ city, date }) => city === 'Seattle' && date.startsWith('2013-12'))
  const answers: Answer[] = []
  for (const { date } of days)
    answers.push(await ask(world, { deployment: 'rain', city: 'Seattle', at: eveningOf(date) }))
  return answers
}

/** What the log says of these answers, each of which has an id of its own. */
async function inLog(world: World, answers: readonly Answer[]) {
  const trainyard = platform(world)
  const found = await Promise.all(
    answers.map(({ prediction }) => trainyard.prediction(prediction).catch(() => undefined)),
  )
  const logged = found.filter(prediction => prediction !== undefined)
  return {
    answered: answers.length,
    logged: new Set(logged.map(({ id }) => id)).size,
    features: [...new Set(logged.map(prediction => Object.keys(prediction.features).length))],
  }
}
