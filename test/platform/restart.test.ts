import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { builtAt } from '#kernel/place.ts'
import { startServer } from '../server.ts'
import { dataFolder } from '../testing.ts'

const cli = fileURLToPath(builtAt('cli/main.js'))

test('a server whose model server finds its port taken says so, and ends', { timeout: 60_000 }, async t => {
  const data = await dataFolder(t, async () => {})
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const taken = String((other.address() as AddressInfo).port)

  const started = spawn(process.execPath, [cli, 'start', '--data', data, '--port', '0', '--serving-port', taken])
  t.after(() => started.kill('SIGKILL'))
  const [[code], said] = await Promise.all([once(started, 'exit'), text(started.stderr)])

  assert.equal(code, 5)
  assert.match(said, new RegExp(`✗ Port ${taken} of 127.0.0.1 is taken by another program.`))
})

test('a second server on the same data is refused with the pid of the first, which goes on', async t => {
  const data = await dataFolder(t, () => first.stop())
  const first = await startServer({ data })

  const second = spawn(process.execPath, [cli, 'start', '--data', data, '--port', '0', '--serving-port', '0'])
  const [[code], said] = await Promise.all([once(second, 'exit'), text(second.stderr)])

  assert.deepEqual(
    { code, said: said.split('\n')[0], isUp: (await fetch(`${first.url}/api/v1/health`)).ok },
    {
      code: 5,
      said: `✗ Another server (process ${first.pid}) works in ${data}. Stop it, or choose another folder with --data.`,
      isUp: true,
    },
  )
})
