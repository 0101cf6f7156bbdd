import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { ReadStream } from 'node:tty'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { secretMigrations, secretRoutes } from '#secrets'
import { testSecrets } from '#secrets/testing.ts'
import { createOutbox, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createProgram } from './program.ts'
import { readSecret } from './read-secret.ts'

test('secrets are set, listed, removed and rotated from the command line, and their values are not among its words', async t => {
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...secretMigrations])
  const clock = manualClock(Date.now() - 120_000)
  const secrets = testSecrets({ db, clock, outbox: createOutbox({ db, clock, owner: 'test', warn: () => {} }) })
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  secretRoutes(app, secrets)
  const server = await app.listen({ port: 0, host: '127.0.0.1' })
  const run = async (line: string, value = ''): Promise<string> => {
    const said: string[] = []
    const program = createProgram({
      env: { TRAINYARD_SERVER: server },
      folder: '/',
      signal: t.signal,
      stdout: text => said.push(text),
      stderr: text => said.push(text),
      readSecret: async () => value,
    })
    await program.parseAsync(line.split(' '), { from: 'user' }).catch((error: Error) => said.push(error.message))
    return said.join('\n')
  }

  assert.equal(await run('secrets set TOKEN -p rain', 'hunter2'), 'TOKEN of project rain is set: version 1.')
  assert.equal(await run('secrets set SHARED --platform', 'hunter3'), 'SHARED of the platform is set: version 1.')
  assert.equal(
    await run('secrets set TOKEN -p rain', 'abc'),
    'The value of TOKEN is not accepted.\n  value: at least 4 characters: a shorter one could not be masked in logs',
  )
  await secrets.use({ project: 'rain', names: ['TOKEN'], by: 'training.fit, attempt 1' })
  assert.equal(
    await run('secrets list -p rain'),
    [
      'secret  version  set                  last used',
      'TOKEN   1        2m ago by anonymous  2m ago by training.fit, attempt 1',
    ].join('\n'),
  )
  assert.match(await run('secrets list --platform'), /SHARED +1 +2m ago by anonymous +never/)
  assert.match(
    await run('secrets rotate'),
    /^Sealed anew: 2 values, with 2 new data keys under the master key \w{16}\.$/,
  )
  assert.equal(await run('secrets remove TOKEN -p rain'), 'TOKEN of project rain is removed.')
  assert.equal(await run('secrets remove TOKEN -p rain'), 'There is no secret TOKEN.')
  assert.match(await run('secrets list -p rain --platform'), /--project = "rain": nothing, beside --platform/)
})

test('a value is all of standard input, or what is typed until the end of the line', async () => {
  const input = (chunks: readonly string[], isTTY: boolean): ReadStream => {
    const stream = new PassThrough()
    for (const chunk of chunks) stream.write(chunk)
    if (!isTTY) stream.end()
    return Object.assign(stream, { isTTY, setRawMode: () => stream }) as unknown as ReadStream
  }
  assert.equal(await readSecret(input(['two\nlin', 'es\n'], false), assert.fail), 'two\nlines')
  assert.equal(await readSecret(input(['hunx', '\u007Fter', '2\rmore'], true), () => {}), 'hunter2')
})
