import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../../src/cli/client.ts'
import { startServer } from '../server.ts'
import { rain } from '../../src/project/example.ts'
import { dataFolder } from '../testing.ts'

const value = 'correct horse/battery+staple'
const encoded = [
  value,
  Buffer.from(value).toString('base64'),
  encodeURIComponent(value),
  new URLSearchParams({ value }).toString().slice('value='.length),
]

const tells = [
  'echo "plain $DB_PASSWORD"',
  'printf "%s" "$DB_PASSWORD" | base64',
  `node -e 'console.log(encodeURIComponent(process.env.DB_PASSWORD), process.env.OTHER)'`,
  'echo "$DB_PASSWORD" >&2',
]

test('a task gets its secrets, and nothing that anyone can read has them', { timeout: 400_000 }, async t => {
  let stop = async (): Promise<void> => {}
  const data = await dataFolder(t, () => stop())
  const server = await startServer({ data })
  stop = () => server.stop()
  const client = createClient({ server: server.url })
  const spec = {
    ...rain(),
    name: 'vault',
    deployments: {},
    monitors: {},
    pipelines: {
      ...rain().pipelines,
      tell: {
        tasks: {
          good: { run: tells.join(' && '), secrets: { DB_PASSWORD: 'DB_PASSWORD', OTHER: 'shared.token' } },
          bad: { run: `${tells[0]}; exit 3`, secrets: ['DB_PASSWORD'], after: ['good'] },
        },
      },
      lacks: { tasks: { one: { run: 'true', secrets: ['NOT_SET'] } } },
    },
  }
  await client.send('PUT', '/api/v1/projects/vault/secrets/DB_PASSWORD', { value })
  await client.send('PUT', '/api/v1/secrets/shared.token', { value: 'of-all-projects' })

  const { warnings } = await client.send<{ warnings: string[] }>('PUT', '/api/v1/projects/vault', { spec })
  type Told = {
    run: { id: string; state: string; error?: string }
    tasks: { id: string; name: string; error?: string }[]
  }
  const run = async (pipeline: string): Promise<Told> => {
    const { id } = await client.send<{ id: string }>('POST', '/api/v1/projects/vault/runs', { pipeline })
    for (;;) {
      const found = await client.get<Told>(`/api/v1/runs/${id}`)
      if (['succeeded', 'failed'].includes(found.run.state)) return found
      await sleep(50)
    }
  }
  const lacks = await run('lacks')
  const told = await run('tell')
  const task = (name: string) => told.tasks.find(one => one.name === name)!
  const { text: log } = await client.get<{ text: string }>(`/api/v1/tasks/${task('good').id}/log`)
  const { items: secrets } = await client.get<{ items: { usedBy?: string }[] }>('/api/v1/projects/vault/secrets')

  assert.deepEqual(warnings, [
    'pipelines.lacks.tasks.one.secrets: the secret NOT_SET is not set yet: trainyard secrets set NOT_SET',
  ])
  assert.deepEqual([lacks.run.state, told.run.state], ['failed', 'failed'])
  assert.match(String(lacks.run.error), /NOT_SET/)
  assert.match(log, /plain •••[\s\S]*•••[\s\S]*••• •••[\s\S]*•••/)
  assert.match(String(task('bad').error), /plain •••/)
  assert.equal(secrets[0]?.usedBy, 'tell.bad, attempt 1')

  const { items: tables } = await client.get<{ items: { name: string }[] }>('/api/v1/export/tables')
  const paths = [
    ...tables.map(({ name }) => `export/tables/${name}`),
    'events?limit=500',
    'openlineage',
    `runs/${told.run.id}`,
    `lineage/${told.run.id}`,
    ...told.tasks.map(({ id }) => `lineage/${id}`),
    'projects/vault',
  ]
  const answers = await Promise.all(paths.map(async path => JSON.stringify(await client.get(`/api/v1/${path}`))))
  await server.stop()
  stop = async () => {}
  const bytes = await Promise.all((await filesOf(data)).map(path => readFile(path)))
  for (const hidden of [...encoded, 'of-all-projects']) {
    assert.deepEqual(
      answers.filter(answer => answer.includes(hidden)),
      [],
    )
    assert.deepEqual(
      bytes.filter(file => file.includes(hidden)).length,
      0,
      `${hidden} stands in a file of the data folder`,
    )
  }
  assert.equal(((await stat(join(data, 'keys/master.key'))).mode & 0o777).toString(8), '600')
})

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}
