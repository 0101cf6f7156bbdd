/**
 * What pages of runs cost when there are a million of them, over HTTP without the network, on SQLite and (where
 * TRAINYARD_TEST_POSTGRES says so) PostgreSQL: lists of runs, and a run of ten thousand tasks.
 *
 *   node benchmarks/runs.ts [--runs 1000000] [--tasks 10000]
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createApp } from '../src/http/index.ts'
import { wallClock } from '../src/kernel/clock.ts'
import { migrate, openDatabase, type Db } from '../src/storage/index.ts'
import { workflowRoutes } from '../src/workflow/index.ts'
import { compose, migrations, task } from '../src/workflow/test-bed.ts'
import { printTable } from './table.ts'

const numberOf = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const [runs, tasks, rounds] = [numberOf('--runs', 1_000_000), numberOf('--tasks', 10_000), 60]
const postgres = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- a benchmark is a process of its own

/** Twenty pipelines in turn, whose names say how often their runs fail: of most every hundredth, of one never. */
const fill = (db: Db): Promise<unknown> =>
  sql`
    insert into workflow_run (id, project, pipeline, params, cause, actor, state, tasks_open, tasks_failed, created_at,
      started_at, ended_at)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sql.lit(runs)})
    select 'run_0' || cast(1000000000 + i as text), 'rain', 'p' || cast(i % 20 as text), '{"season":"autumn","days":30}',
      '{"kind":"schedule","reason":"It was time."}', 'trainyard',
      case when i % 101 = 0 and i % 20 > 0 then 'failed' else 'succeeded' end, 0, 0, i, i, i
    from n`.execute(db)

const lists: Readonly<Record<string, string>> = {
  'the newest': '',
  'a page in the middle': `&after=run_0${1_000_000_000 + Math.round(runs / 2)}`,
  'of one pipeline': '&pipeline=p7',
  'all that failed': '&state=failed',
  'what failed of one pipeline': '&pipeline=p7&state=failed',
  'what failed of one that never does': '&pipeline=p0&state=failed',
  'what runs': '&state=running',
}

const rows: { database: string; what: string; 'p50 ms': string; 'p95 ms': string; anchor: string }[] = []

async function measure(database: string, open: (folder: string) => Promise<Db>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-runs-'))
  const db = await open(folder)
  await migrate(db, migrations)
  const { workflow } = compose({ db, folder, clock: wallClock, deps: {} })
  workflow.provide('nothing', async () => ({}))
  const app = await createApp({ version: 'benchmark' })
  workflowRoutes(app, workflow, () => 'editor')
  const ask = async (url: string): Promise<number> => {
    const began = performance.now()
    const { statusCode, body } = await app.inject({ method: 'GET', url: `/api/v1/${url}` })
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}: ${body.slice(0, 500)}`)
    return performance.now() - began
  }
  const note = async (what: string, url: string, anchor: string): Promise<void> => {
    const took: number[] = []
    for (let round = 0; round < rounds; round++) took.push(await ask(url))
    took.sort((a, b) => a - b)
    const at = (quantile: number): string => took[Math.floor((rounds - 1) * quantile)]!.toFixed(1)
    rows.push({ database, what, 'p50 ms': at(0.5), 'p95 ms': at(0.95), anchor })
  }

  await fill(db)
  await sql`analyze`.execute(db)
  for (const [what, query] of Object.entries(lists))
    await note(`50 of ${runs} runs: ${what}`, `projects/rain/runs?limit=50${query}`, '100 or less')
  const { id } = await workflow.start({ project: 'rain', pipeline: 'wide', tasks: wide(), cause: aBenchmark })
  await note(`a run of ${tasks} tasks, as its page opens it`, `runs/${id}/overview?limit=200`, '100 or less')
  await note('a page of its tasks in one state', `runs/${id}/tasks?limit=100&state=blocked`, '100 or less')
  const [first] = await workflow.tasks(id)
  await note('the tasks around one', `runs/${id}/tasks?limit=100&around=${first!.id}`, '100 or less')
  await note('the run with its first 500 tasks', `runs/${id}`, '')

  await app.close()
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
}

const aBenchmark = { kind: 'manual', reason: 'A benchmark.' } as const
const wide = () =>
  Object.fromEntries(
    Array.from({ length: tasks }, (_, index) => [
      `t${index}`,
      task('nothing', index === 0 ? {} : { after: [`t${Math.floor((index - 1) / 2)}`] }),
    ]),
  )

await measure('SQLite', async folder => openDatabase(`sqlite:${join(folder, 'state.sqlite')}`))
if (postgres) {
  const schema = `bench_${randomUUID().replaceAll('-', '')}`
  const admin = openDatabase(postgres)
  await sql.raw(`create schema ${schema}`).execute(admin)
  await measure('PostgreSQL', async () => openDatabase(`${postgres}?options=-c%20search_path%3D${schema}`))
  await sql.raw(`drop schema ${schema} cascade`).execute(admin)
  await admin.destroy()
}
printTable('Pages of runs', rows)
