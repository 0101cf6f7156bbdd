import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { TrainyardError, type Problem } from '#kernel/error.ts'
import { rain } from './example.ts'
import { loadProjectFolder } from './load.ts'

async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-load-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

const refusal = async (folder: string): Promise<unknown> =>
  loadProjectFolder(folder).then(
    () => 'accepted',
    error =>
      error instanceof TrainyardError
        ? [
            error.code,
            ...((error.detail['problems'] ?? []) as Problem[]).map(({ field, allowed }) => `${field}: ${allowed}`),
          ]
        : error,
  )

const minimal = `name: rain
objective:
  goal: Know
  kpi: Umbrellas
  task: regression
  target: rain
  metric: mae
  threshold: 1
  owners: {}
`

test("trainyard.ts may import 'trainyard', its neighbours, and use types", async t => {
  const folder = await folderWith(t, {
    'trainyard.ts': `import { defineProject } from 'trainyard'\nimport { name } from './name.ts'\nconsole.log('noise')\nexport default defineProject({ ...${JSON.stringify(rain())}, name: name as string })`,
    'name.ts': `export const name: string = 'showers'`,
  })

  assert.deepEqual(await loadProjectFolder(folder), { ...rain(), name: 'showers' })
})

test('an error in trainyard.ts names file, line and reason', async t => {
  const thrown = await folderWith(t, { 'trainyard.ts': `const a = 1\n\nthrow new Error('no ' + a)` })
  const syntax = await folderWith(t, { 'trainyard.ts': `export default {\n  a: 1,,\n}` })
  const lambda = await folderWith(t, { 'trainyard.ts': `export default { name: () => 'x' }` })
  const typo = await folderWith(t, { 'trainyard.ts': `export default ${JSON.stringify({ ...rain(), test: 'x' })}` })

  assert.deepEqual(await refusal(thrown), ['invalid', 'trainyard.ts:3:7: no 1'])
  assert.match(String(await refusal(syntax)), /^invalid,trainyard\.ts:2: Unexpected token/)
  assert.deepEqual(await refusal(lambda), [
    'invalid',
    'trainyard.ts: name is a function; the project file is plain data.',
  ])
  assert.deepEqual(await refusal(typo), ['invalid', 'test: no such field; did you mean tests?'])
})

test('trainyard.ts cannot write, reach the network or read outside its folder, and sees no environment', async t => {
  const attempt = (code: string): Promise<string> =>
    folderWith(t, { 'trainyard.ts': `${code}\nexport default ${JSON.stringify(rain())}` })
  const environment = await folderWith(t, {
    'trainyard.ts': `export default { ...${JSON.stringify(rain())}, tests: Object.keys(process.env).join() }`,
  })

  for (const code of [
    `import { writeFileSync } from 'node:fs'\nwriteFileSync('x', '')`,
    `import { readFileSync } from 'node:fs'\nreadFileSync('/etc/passwd')`,
    `import { execSync } from 'node:child_process'\nexecSync('true')`,
    `import net from 'node:net'\nawait new Promise((_, reject) => net.connect(9, '127.0.0.1').on('error', reject))`,
  ]) {
    assert.match(
      String(await refusal(await attempt(code))),
      /^invalid,trainyard\.ts.*Access to this API has been restricted/,
    )
  }
  assert.deepEqual(((await loadProjectFolder(environment)) as { tests: string }).tests, 'NODE_NO_WARNINGS')
})

test('a module that ends its process is refused', async t => {
  const folder = await folderWith(t, { 'trainyard.ts': `process.exit(0)` })

  assert.deepEqual(await refusal(folder), [
    'invalid',
    'trainyard.ts: a module that is evaluated within 10 s, and does not end its process',
  ])
})

test('trainyard.yaml is read, and its problems carry their lines', async t => {
  const good = await folderWith(t, { 'trainyard.yaml': minimal })
  const typo = await folderWith(t, {
    'trainyard.yaml': `${minimal}sources:\n  weather:\n    type: csv\n    kye: [a]\n  other:\n    type: cvs\n`,
  })
  const broken = await folderWith(t, { 'trainyard.yaml': `name: rain\nname: rain\nobjective: {` })

  assert.equal(((await loadProjectFolder(good)) as { name: string }).name, 'rain')
  assert.deepEqual(await refusal(typo), [
    'invalid',
    'trainyard.yaml:13:5 sources.weather.kye: no such field; did you mean key?',
    'trainyard.yaml:15:5 sources.other.type: one of csv, parquet, sql; did you mean csv?',
  ])
  assert.match(
    String(await refusal(broken)),
    /^invalid,trainyard\.yaml:2:1: Map keys must be unique.*trainyard\.yaml:3:/,
  )
})

test('a folder has exactly one project file', async t => {
  assert.deepEqual(await refusal(await folderWith(t, {})), ['not_found'])
  assert.match(
    String(await refusal(await folderWith(t, { 'trainyard.ts': '', 'trainyard.yaml': '' }))),
    /trainyard\.ts or trainyard\.yaml, not both/,
  )
})
