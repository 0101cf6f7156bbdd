import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { builtAt } from '#kernel/place.ts'
import { startServer } from '../server.ts'
import { dataFolder } from '../testing.ts'

test('a second server on the same data is refused with the pid of the first, which goes on', async t => {
  const data = await dataFolder(t, () => first.stop())
  const first = await startServer({ data })

  const cli = fileURLToPath(builtAt('cli/main.js'))
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
