import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type Millis, wallClock } from '#kernel/clock.ts'
import {
  createLedger,
  metadataMigrations,
  sqlLedgerStore,
  type Edge,
  type Lineage,
  type Node,
  type NodeKind,
} from '#metadata'
import { engineOf, migrate, openDatabase, outboxMigrations, type Db } from '#storage'
import { printTable } from './table.ts'

/**
 * Lineage in a ledger of a million nodes, on SQLite and (TRAINYARD_TEST_POSTGRES) PostgreSQL: any node to all that it
 * was made from and all that was made from it, within 50 ms. Beside it what the database takes to walk to the numbers
 * alone: no answer is faster.
 *
 * The graph: 50 projects of 1,000 trainings with 20 nodes each. The data of a training add to those of the one before,
 * so that the newest model of a project has thousands of ancestors; rules and a revision are hubs of their project, and
 * one commit is the hub of all.
 *
 *   node benchmarks/lineage.ts [--engine=SQLite] [--keep | --fill]
 *
 * `--keep`: the ledgers stay, in .trainyard/benchmarks and in a schema of PostgreSQL, and are used again; `--fill`: they
 * are filled, and nothing is measured.
 */

const projects = 50
const trainings = 1_000
const rounds = 30
const limitMs = 50

type Entries = Parameters<ReturnType<typeof sqlLedgerStore>['put']>[1]

/** The nodes and edges of one training, numbered within its project. */
function training(p: number, n: number): Entries {
  const id = (kind: string, number = n): string => `${kind}_p${p}_${number}`
  const nodes: Node[] = []
  const edges: Edge[] = []
  const add = (kind: NodeKind, number: number, ...upstream: string[]): void => {
    const facts = { rows: 14_610, tree: 'd5a9f3a0b1c2d3e4'.repeat(4) }
    nodes.push({ id: id(kind, number), kind, label: `${kind} ${number}`, project: `p${p}`, at: n as Millis, facts })
    for (const to of upstream) edges.push({ from: id(kind, number), to, relation: 'made_by' })
  }
  add('raw_data', n)
  add('run', n, id('revision', 0), ...(n > 0 && n % 7 === 0 ? [id('incident', n - 1)] : []))
  for (let task = 0; task < 6; task++)
    add('task', n * 6 + task, id('run'), task === 0 ? id('raw_data') : id('artifact', n * 6 + task - 1))
  for (let task = 0; task < 6; task++) add('artifact', n * 6 + task, id('task', n * 6 + task))
  add('dataset_version', n, id('task', n * 6), ...(n > 0 ? [id('dataset_version', n - 1)] : []))
  add('training_set', n, id('dataset_version'), id('rules', 0), id('task', n * 6 + 1))
  add('model_version', n, id('task', n * 6 + 5), id('training_set'))
  add('evaluation', n, id('model_version'), id('training_set'))
  add('incident', n, id('model_version'))
  add(n === 0 ? 'rules' : 'window', n, ...(n === 0 ? ['commit_all'] : [id('model_version')]))
  if (n === 0) add('revision', 0, 'commit_all')
  if (n % 2 === 0) edges.push({ from: id('evaluation'), to: 'commit_all', relation: 'read' })
  return { nodes, edges, firstEdges: [] }
}

/** The commit is written last: where it is, all is. */
const commit: Node = { id: 'commit_all', kind: 'commit', label: 'commit', project: 'p0', at: 0 as Millis, facts: {} }

async function fill(db: Db): Promise<void> {
  const store = sqlLedgerStore(db)
  if (await store.findNode(commit.id)) return
  for (let p = 0; p < projects; p++) {
    await db.transaction().execute(async tx => {
      for (let n = 0; n < trainings; n += 50) {
        const parts = Array.from({ length: 50 }, (_, index) => training(p, n + index))
        const [nodes, edges] = [parts.flatMap(part => part.nodes), parts.flatMap(part => part.edges)]
        await store.put(tx, { nodes, edges, firstEdges: [] })
      }
    })
  }
  // What autovacuum does within a minute of such a load: until then each row of an index is looked up in its table.
  await sql.raw(engineOf(db) === 'postgres' ? 'vacuum analyze' : 'analyze').execute(db)
  await db.transaction().execute(tx => store.put(tx, { nodes: [commit], edges: [], firstEdges: [] }))
}

const questions = {
  'a model in the middle': 'model_version_p7_500',
  'the newest model of a project': 'model_version_p7_999',
  'the first data of a project': 'raw_data_p7_0',
  'the rules of a project (hub)': 'rules_p7_0',
  'one commit (hub of 25,000 edges)': 'commit_all',
}

const ways = ['ancestors', 'descendants', 'around'] as const
type Way = (typeof ways)[number]

/** The bare walk of a direction, up to one node more than the limit. */
async function bareWalk(db: Db, id: string, { way, nodesMax }: { way: Way; nodesMax: number }): Promise<void> {
  const directions = way === 'around' ? (['ancestors', 'descendants'] as const) : [way]
  for (const direction of directions) {
    const [near, far] = direction === 'ancestors' ? ['downstream', 'upstream'] : ['upstream', 'downstream']
    await sql`with recursive walk(number) as not materialized (
        select number from node where id = ${id} union select edge.${sql.ref(far)} from walk cross join edge
        where edge.${sql.ref(near)} = walk.number)
      select count(*) from (select number from walk limit ${nodesMax + 1}) as reached`.execute(db)
  }
}

/** Half of the answers, and all but one in twenty, are faster than these. */
async function timed<Answer>(ask: () => Promise<Answer>): Promise<{ answer: Answer; p50: number; p95: number }> {
  let answer = await ask()
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = performance.now()
    answer = await ask()
    times.push(performance.now() - before)
  }
  times.sort((a, b) => a - b)
  return { answer, p50: times[rounds >> 1]!, p95: times[Math.floor(rounds * 0.95)]! }
}

async function measure(engine: string, db: Db): Promise<Record<string, string | number>[]> {
  await migrate(db, [...outboxMigrations, ...metadataMigrations])
  await fill(db)
  if (isFilling) return []
  const count = async (table: 'node' | 'edge'): Promise<number> =>
    Number((await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db)).rows[0]!.n)
  const size = { nodes: await count('node'), edges: await count('edge') }
  const ledger = createLedger({ store: sqlLedgerStore(db), clock: wallClock })
  const asked = [2_000, 10_000].flatMap(nodesMax =>
    Object.entries(questions).flatMap(([question, id]) => ways.map(way => ({ nodesMax, question, id, way }))),
  )
  const rows = []
  for (const { nodesMax, question, id, way } of asked) {
    const { answer, p50, p95 } = await timed<Lineage>(() => ledger[way](id, { nodesMax }))
    const bare = await timed(() => bareWalk(db, id, { way, nodesMax }))
    rows.push({
      engine,
      ...size,
      of: question,
      way,
      'at most': nodesMax,
      found: answer.nodes.length,
      all: answer.truncated ? 'cut off' : 'yes',
      'p50 ms': Number(p50.toFixed(1)),
      'p95 ms': Number(p95.toFixed(1)),
      'limit ms': limitMs,
      'bare walk p50 ms': Number(bare.p50.toFixed(1)),
    })
  }
  return rows
}

async function onSqlite(): Promise<Record<string, string | number>[]> {
  const folder = isKeeping
    ? join(import.meta.dirname, '../.trainyard/benchmarks')
    : await mkdtemp(join(tmpdir(), 'trainyard-lineage-'))
  const db = openDatabase(`sqlite:${join(folder, 'lineage.db')}`)
  try {
    return await measure('SQLite', db)
  } finally {
    await db.destroy()
    if (!isKeeping) await rm(folder, { recursive: true })
  }
}

async function onPostgres(url: string): Promise<Record<string, string | number>[]> {
  const admin = openDatabase(url)
  const drop = sql`drop schema if exists benchmark_lineage cascade`
  if (!isKeeping) await drop.execute(admin)
  await sql`create schema if not exists benchmark_lineage`.execute(admin)
  const db = openDatabase(`${url}?options=-c%20search_path%3Dbenchmark_lineage`)
  try {
    return await measure('PostgreSQL', db)
  } finally {
    await db.destroy()
    if (!isKeeping) await drop.execute(admin)
    await admin.destroy()
  }
}

const onlyEngine = process.argv.find(arg => arg.startsWith('--engine='))?.slice('--engine='.length)
const isFilling = process.argv.includes('--fill')
const isKeeping = isFilling || process.argv.includes('--keep')
const url = process.env['TRAINYARD_TEST_POSTGRES']

const rows: Record<string, string | number>[] = []
if (onlyEngine !== 'PostgreSQL') rows.push(...(await onSqlite()))
if (url && onlyEngine !== 'SQLite') rows.push(...(await onPostgres(url)))
printTable('Lineage in a ledger of a million nodes', rows)
