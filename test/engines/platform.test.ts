import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '../../src/cli/client.ts'
import { applyFolder } from '../../src/cli/commands/project.ts'
import { startServer } from '../server.ts'
import { openStandIn } from './kubernetes-stand-in.ts'
import { freePort, untilTrue } from './programs.ts'

const projectFile = (executor: string): string => `
name: snow
objective: { goal: Tell, kpi: Sold, task: binary_classification, target: snow, metric: brier, threshold: 0.2, owners: {} }
pipelines:
  training:
    tasks:
      rows: { run: 'echo 1 > "$TRAINYARD_OUTPUT_ROWS"', outputs: [rows] }
      train:
        run: 'echo begun; sleep 8; cat "$TRAINYARD_INPUT_ROWS" > "$TRAINYARD_OUTPUT_MODEL"; echo ended'
        inputs: { rows: rows.rows }
        outputs: [model]
        executor: ${executor}
        timeout: 5s
`

/** The limit counts from the start on its node: the task takes longer than that with the platform away in between. */
const patient = (text: string): string => text.replace('timeout: 5s', 'timeout: 2m')

interface Detail {
  readonly task: { id: string; state: string; outputs: { model?: { digest: string } } }
  readonly attempts: readonly {
    number: number
    state: string
    record: { host?: { name: string }; exit?: { cause: string } }
  }[]
}

test(
  'a task goes to the executor that it names, through a server that is killed three times meanwhile',
  { timeout: 400_000 },
  async t => {
    const standIn = await openStandIn()
    const data = await mkdtemp(join(tmpdir(), 'trainyard-engines-'))
    const image = `python@sha256:${'0'.repeat(64)}`
    const { kubeconfig, namespace } = standIn
    const executors = JSON.stringify({ pods: { kind: 'kubernetes', kubeconfig, namespace, image } })
    const options = { data, port: await freePort(), env: { TRAINYARD_EXECUTORS: executors } }
    let server = await startServer({ ...options, env: { ...options.env, TRAINYARD_CRASHPOINT: 'compute.submitted' } })
    const client = createClient({ server: server.url })
    t.after(async () => {
      await client.send('POST', '/api/v1/serving/stop').catch(() => {})
      await server.stop()
      await standIn.stop()
      await rm(data, { recursive: true, force: true, maxRetries: 5 })
    })
    const folder = join(data, 'checkout')
    await mkdir(folder)
    const apply = async (text: string): Promise<void> => {
      await writeFile(join(folder, 'trainyard.yaml'), text)
      await applyFolder(client, folder)
    }
    const start = () => client.send<{ id: string }>('POST', '/api/v1/projects/snow/runs', { pipeline: 'training' })
    const stateOf = async (id: string) => (await client.get<{ run: { state: string } }>(`/api/v1/runs/${id}`)).run.state
    const ended = (id: string) =>
      untilTrue('the run ends', async () => !['queued', 'running'].includes(await stateOf(id)))
    const train = (id: string): Promise<Detail> => client.get(`/api/v1/runs/${id}/tasks/train`)
    const log = async (id: string) =>
      (await client.get<{ text: string }>(`/api/v1/tasks/${(await train(id)).task.id}/log`)).text

    await assert.rejects(
      apply(projectFile('clouds')),
      /pipelines\.training\.tasks\.train\.executor.*one of local, pods/s,
    )
    await apply(patient(projectFile('pods')))
    const { id } = await start()
    // Its job is submitted, and nobody has noted that.
    await server.ended
    // The first piece of its log is written, and nobody has noted that.
    server = await startServer({ ...options, env: { ...options.env, TRAINYARD_CRASHPOINT: 'compute.log_written' } })
    await server.ended
    server = await startServer(options)
    await untilTrue('the task begins', async () => (await log(id)).includes('begun'))
    process.kill(server.pid, 'SIGKILL')
    await server.ended
    server = await startServer(options)
    await ended(id)

    const { task, attempts } = await train(id)
    assert.deepEqual(
      [
        await stateOf(id),
        task.state,
        attempts.map(({ number, state }) => [number, state]),
        (await log(id)).match(/^(begun|ended)$/gm),
      ],
      ['succeeded', 'succeeded', [[1, 'succeeded']], ['begun', 'ended']],
    )
    assert.deepEqual([attempts[0]!.record.exit?.cause, standIn.running()], ['succeeded', []])

    await apply(projectFile('pods'))
    const late = await start()
    await ended(late.id)
    const over = await train(late.id)
    assert.deepEqual([over.task.state, over.attempts[0]?.record.exit?.cause], ['failed', 'timeout'])
    await untilTrue('nothing is left of it', async () => standIn.running().length === 0)
  },
)
