import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import type { ModelVersion } from '#registry'
import { createOutbox, fsBlobs, outboxMigrations, type Db } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createAssurance, type Assurance, type Word } from './assurance.ts'
import { createScanner } from './scanner.ts'
import { sqlAssuranceStore } from './store.sql.ts'
import { assuranceMigrations } from './tables.ts'

/** `os.system` in protocol 0. */
const evil = "cos\nsystem\n(S'echo pwned'\ntR."

interface Bench {
  readonly assurance: Assurance
  readonly db: Db
  /** What the version's file holds from now on. */
  replace(text: string): Promise<void>
  events(): Promise<readonly string[]>
}

async function open(
  t: TestContext,
  { text = 'I1\n.', approvals = {} }: { text?: string; approvals?: object | undefined } = {},
): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...assuranceMigrations])
  const clock = manualClock(1_000)
  const outbox = createOutbox({ db, clock, owner: 'this', warn: () => {} })
  const blobs = fsBlobs(folder)
  const scanner = createScanner({ blobs })
  let file = await blobs.put(text)
  const version = (): ModelVersion =>
    ({
      id: 'mdv_1',
      project: 'rain',
      model: 'umbrella',
      fullName: 'rain.umbrella',
      version: 3,
      user: 'ada',
      digest: file.digest,
      tags: {},
      transitions: [],
      createdAt: 1_000,
    }) as never
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const assurance = createAssurance({
    db,
    clock,
    outbox,
    scanner,
    store: sqlAssuranceStore(db),
    registry: {
      async version(id) {
        if (id !== 'mdv_1') throw notFound('model version', id)
        return version()
      },
      files: async () => ({ 'model.pkl': { ...file, executable: false } }),
    },
    projects: {
      find: async () =>
        ({
          spec: {
            objective: { goal: 'Fewer wet people.', target: 'rain tomorrow' },
            models: {
              umbrella: { approvals: approvals && { count: 1, roles: ['admin'], fourEyes: true, ...approvals } },
            },
          },
        }) as never,
    },
    signingKey: async () => ({ privateKey, publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string }),
    maker: async () => 'ada',
    origin: async () => ({ data: ['weather 7'], params: { c: '0.03' }, metrics: { loss: 0.25, nan: Number.NaN } }),
  })
  t.after(async () => {
    assurance.stop()
    await rm(folder, { recursive: true })
  })
  return {
    assurance,
    db,
    async replace(other) {
      file = await blobs.put(other)
    },
    events: async () => (await outbox.after(0, 100)).map(({ type, data }) => `${type} ${JSON.stringify(data)}`),
  }
}

const word = (change: Partial<Word> = {}): Word => ({
  actor: 'bob',
  role: 'admin',
  verdict: 'approve',
  reason: 'seen',
  ...change,
})
const promote = async ({ assurance, db }: Bench): Promise<void> => {
  const check = await assurance.guard({ id: 'mdv_1', ...(await versionOf(assurance)) } as never)
  await db.transaction().execute(check)
}
/** What the guard is handed comes from the registry: the same version that the assurance sees. */
const versionOf = async (assurance: Assurance): Promise<object> => ({
  project: 'rain',
  model: 'umbrella',
  fullName: 'rain.umbrella',
  version: 3,
  user: 'ada',
  digest: (await assurance.examine('mdv_1')).digest,
})

test('a version goes to production when it is approved by somebody else than its maker', async t => {
  const bench = await open(t)

  await assert.rejects(promote(bench), { code: 'conflict', message: /needs 1 more approval by admin, not by ada/ })
  await bench.assurance.judge('mdv_1', word({ actor: 'ada' }))
  await assert.rejects(promote(bench), { code: 'conflict' })
  const state = await bench.assurance.judge('mdv_1', word())
  await promote(bench)

  assert.deepEqual(
    [state.required, state.missing, (await bench.assurance.approvals('mdv_1')).approvals.map(({ actor }) => actor)],
    [1, [], ['ada', 'bob']],
  )
  assert.deepEqual(await bench.events(), [
    'assurance.version_judged {"model":"umbrella","version":"mdv_1","number":3,"verdict":"approve","reason":"seen","complete":false}',
    'assurance.version_judged {"model":"umbrella","version":"mdv_1","number":3,"verdict":"approve","reason":"seen","complete":true}',
  ])
})

test('an approval is of the files that were looked at', async t => {
  const bench = await open(t)
  const { digest } = await bench.assurance.examine('mdv_1')
  await bench.assurance.judge('mdv_1', word({ digest }))
  await bench.replace('I2\n.')

  await assert.rejects(bench.assurance.judge('mdv_1', word({ digest })), { code: 'conflict', message: /other files/ })
  await assert.rejects(promote(bench), { code: 'conflict' })
})

test('files that would run code of their own keep a version out of production, approved or not', async t => {
  const bench = await open(t, { text: evil })
  await bench.assurance.judge('mdv_1', word())

  await assert.rejects(promote(bench), { code: 'conflict', message: /model\.pkl imports os\.system/ })
  assert.equal(
    (await bench.events())[1] ?? (await bench.events())[0],
    'assurance.danger_found {"model":"umbrella","version":"mdv_1","number":3,"findings":["model.pkl imports os.system"]}',
  )
})

test('a version is read and signed once, and again when its files are others', async t => {
  const { assurance, replace } = await open(t)
  const first = await assurance.examine('mdv_1')
  const signature = await assurance.signature('mdv_1')
  await replace('I2\n.')

  assert.deepEqual(
    [first.verdict, signature.problems, (await assurance.examine('mdv_1')).digest !== first.digest],
    ['clean', [], true],
  )
  assert.notEqual((await assurance.signature('mdv_1')).bundle, signature.bundle)
})

test('a card tells what was recorded, what people wrote, and what nobody has written', async t => {
  const { assurance } = await open(t)
  await assurance.examine('mdv_1')
  await assurance.judge('mdv_1', word({ reason: 'checked | the *slices*' }))
  await assurance.writeCard('mdv_1', { intendedUse: 'Deciding about umbrellas.', licence: 'MIT' }, 'bob')

  const { opinions, markdown } = await assurance.card('mdv_1')

  assert.deepEqual(opinions, {
    intendedUse: { text: 'Deciding about umbrellas.', actor: 'bob', at: 1_000 },
    licence: { text: 'MIT', actor: 'bob', at: 1_000 },
  })
  for (const line of [
    '# rain.umbrella 3',
    'Fewer wet people.',
    'Deciding about umbrellas.',
    '| Licence | MIT |',
    '| c | 0.03 |',
    'As its run has logged:',
    '| loss | 0.25 |',
    '| nan | NaN |',
    '- weather 7',
    '- Files read on 1970-01-01: clean',
    '- Signed (OpenSSF Model Signing).',
    '- 1970-01-01: bob (admin) says approve: checked | the \\*slices\\*',
    '*Nobody has written this yet.*',
  ])
    assert.ok(markdown.split('\n').includes(line), `${line}\nis missing in\n${markdown}`)
})

test('an unknown version has no card', async t => {
  await assert.rejects((await open(t)).assurance.card('mdv_2'), { code: 'not_found' })
})
