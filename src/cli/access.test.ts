import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProgram } from './program.ts'
import { openBench } from '../access/testing.ts'

test('users, roles and tokens from the command line', async t => {
  const { app, access } = await openBench(t)
  const { secret: root } = await access.createToken({ name: 'root', role: 'admin' })
  const server = await app.listen({ port: 0, host: '127.0.0.1' })
  const run = async (line: string, env: Record<string, string> = {}): Promise<string> => {
    const said: string[] = []
    const program = createProgram({
      env: { TRAINYARD_SERVER: server, TRAINYARD_TOKEN: root, ...env },
      folder: '/',
      signal: t.signal,
      stdout: text => said.push(text),
      stderr: text => said.push(text),
    })
    await program.parseAsync(line.split(' '), { from: 'user' }).catch((error: Error) => said.push(error.message))
    return said.join('\n')
  }

  const password = { TRAINYARD_NEW_PASSWORD: 'correct horse' }
  assert.equal(await run('user add ada', password), 'ada is a user.')
  assert.equal(await run('user add robot --role viewer'), 'robot is a user without a password.')
  assert.equal(await run('user role ada editor --project rain'), 'ada has the role editor in project rain.')
  assert.equal(
    await run('user list'),
    ['user   role        password', 'ada    by project  yes', 'robot  viewer      no'].join('\n'),
  )
  const { secret, token } = JSON.parse(await run('token laptop --user ada --project rain --days 30 --json'))
  assert.deepEqual([token.user, token.role, token.projects], ['ada', undefined, ['rain']])
  assert.ok(Math.abs(token.expiresAt - Date.now() - 30 * 86_400_000) < 60_000)
  assert.equal(await run('user list', { TRAINYARD_TOKEN: secret }), 'This takes a role in every project.')
  assert.match(await run('token desk --user ada'), /It acts as ada \(with all that they may\)/)
  assert.match(await run('token x --days soon'), /--days = "soon": a whole number/)
  assert.equal(await run('user role robot none'), 'robot has the role none in every project.')
  assert.equal(await run('user password ada', { TRAINYARD_NEW_PASSWORD: 'another horse' }), 'ada has a new password.')
  assert.equal(await access.users.knows('ada', 'another horse'), true)
  assert.equal(await run('user role ada none --project rain'), 'ada has the role none in project rain.')
  assert.equal(await run('user remove ada'), 'ada is removed.')
  assert.match(await run('user remove ada'), /There is no user ada/)
})
