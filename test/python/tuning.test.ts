import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../src/cli/client.ts'
import { startServer } from '../server.ts'
import type { Study, Trial } from '../../src/tuning/study.ts'

const studies = '/api/v1/projects/default/studies/example'

test(
  'the example of docs/tuning.md: two workers at the same time, one of which is killed',
  { timeout: 400_000 },
  async t => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-tuning-'))
    const server = await startServer({ data: join(folder, 'data') })
    const client = createClient({ server: server.url })
    t.after(async () => {
      await client.send('POST', '/api/v1/serving/stop')
      await server.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    })
    const page = await readFile(new URL('../../docs/tuning.md', import.meta.url), 'utf8')
    const script = join(folder, 'example.py')
    await writeFile(script, /```python\n([^]*?)```/.exec(page)![1]!)
    const worker = (epochSeconds: string): ChildProcess =>
      spawn('python3', [script], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'], TRAINYARD_SERVER: server.url, LEASE: '4s', EPOCH_SECONDS: epochSeconds },
      })
    const trials = async (): Promise<readonly Trial[]> =>
      (await client.get<{ items: Trial[] }>(`${studies}/trials`).catch(() => ({ items: [] }))).items

    const slow = worker('1')
    while (!(await trials()).some(({ step }) => step !== undefined))
      await new Promise(resolve => setTimeout(resolve, 50))
    const other = worker('0.02')
    while ((await trials()).length < 4) await new Promise(resolve => setTimeout(resolve, 50))
    slow.kill('SIGKILL')
    const [code] = await once(other, 'exit')

    const study = await client.get<Study>(studies)
    const all = await trials()
    const ended = study.trials.complete + study.trials.pruned
    assert.deepEqual(
      { code, criterion: study.criterion, ended, left: study.trials.running + study.trials.failed, asked: all.length },
      { code: 0, criterion: 'trials', ended: 20, left: 0, asked: 20 },
    )
    assert.ok(study.trials.pruned > 0, 'no trial was stopped early')
    assert.deepEqual(
      all.filter(({ attempt }) => attempt > 1).map(({ number, attempt }) => [number, attempt]),
      [[0, 2]],
    )
    assert.ok(
      all.every(({ params, state }) => state !== 'running' && 'depth' in params === (params['model'] === 'tree')),
    )
  },
)
