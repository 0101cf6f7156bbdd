import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createClient, type Client } from '../../src/cli/client.ts'
import { applyFolder } from '../../src/cli/commands/project.ts'
import { startServer } from '../server.ts'
import { pythonWith } from '../mlflow/environment.ts'

const script = `
import mlflow, sys

mode = sys.argv[1]
with mlflow.start_run() as run:
    mlflow.log_param("depth", 3)
    mlflow.log_metric("loss", 0.5, step=1)
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("inner", 1)
if mode == "fail":
    sys.exit(3)
with mlflow.start_run(run_name="another"):
    mlflow.log_metric("loss", 0.25)
`

const projectFile = (python: string): string => `
name: snow
objective: { goal: Tell, kpi: Sold, task: binary_classification, target: snow, metric: brier, threshold: 0.2, owners: {} }
pipelines:
  training:
    tasks:
      train: { run: '${python} train.py ok' }
      broken: { run: '${python} train.py fail' }
      other: { run: 'MLFLOW_EXPERIMENT_NAME=mine MLFLOW_RUN_ID= ${python} train.py ok' }
`

interface Task {
  readonly task: { id: string; state: string }
  readonly attempts: readonly { tracking?: string; record: Record<string, never> }[]
}

interface MlflowRun {
  info: { run_id: string; run_name: string; status: string; experiment_id: string }
  data: {
    metrics?: { key: string; value: number }[]
    params?: { key: string; value: string }[]
    tags: { key: string; value: string }[]
  }
}

async function open(t: TestContext, python: string): Promise<{ client: Client; commit: string }> {
  const data = await mkdtemp(join(tmpdir(), 'trainyard-mlflow-task-'))
  const server = await startServer({ data })
  const client = createClient({ server: server.url })
  t.after(async () => {
    await client.send('POST', '/api/v1/serving/stop')
    await server.stop()
    await rm(data, { recursive: true, force: true, maxRetries: 5 })
  })
  const checkout = join(data, 'checkout')
  await mkdir(checkout)
  await writeFile(join(checkout, 'trainyard.yaml'), projectFile(python))
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: checkout, encoding: 'utf8' })
  git('init', '--quiet')
  git('add', '.')
  git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '--quiet', '-m', 'first')
  await writeFile(join(checkout, 'train.py'), script)
  await applyFolder(client, checkout)
  return { client, commit: git('rev-parse', 'HEAD').trim() }
}

async function finished(client: Client): Promise<string> {
  const { id } = await client.send<{ id: string }>('POST', '/api/v1/projects/snow/runs', { pipeline: 'training' })
  for (;;) {
    const { run } = await client.get<{ run: { state: string } }>(`/api/v1/runs/${id}`)
    if (run.state !== 'queued' && run.state !== 'running') return id
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

for (const version of ['2.9.2', '3.17.2']) {
  test(
    `MLflow ${version} in a task writes into the task's own tracking run, unless its code says otherwise`,
    { timeout: 400_000 },
    async t => {
      const { client, commit } = await open(t, await pythonWith(`mlflow-${version}`))
      const id = await finished(client)
      const task = (name: string): Promise<Task> => client.get(`/api/v1/runs/${id}/tasks/${name}`)
      const runsOf = async (name: string): Promise<readonly MlflowRun[]> => {
        const path = `/api/2.0/mlflow/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`
        const { experiment } = await client.get<{ experiment: { experiment_id: string } }>(path)
        const body = { experiment_ids: [experiment.experiment_id], order_by: ['attributes.start_time'] }
        return (await client.send<{ runs: MlflowRun[] }>('POST', '/api/2.0/mlflow/runs/search', body)).runs
      }
      const tag = ({ data }: MlflowRun, key: string): string | undefined =>
        data.tags.find(one => one.key === key)?.value

      const [train, broken, other] = await Promise.all([task('train'), task('broken'), task('other')])
      const [own, child, another] = (await runsOf('snow/training/train')) as [MlflowRun, MlflowRun, MlflowRun]
      const [failed] = await runsOf('snow/training/broken')
      const lineage = await client.get<{ edges: { from: string; to: string; relation: string }[] }>(
        `/api/v1/lineage/${train.task.id}?direction=down`,
      )

      assert.deepEqual([train.task.state, broken.task.state, other.task.state], ['succeeded', 'failed', 'succeeded'])
      assert.deepEqual(
        [own.info.run_id, own.info.status, own.data.params, own.data.metrics?.map(({ key, value }) => [key, value])],
        [train.attempts[0]!.tracking, 'FINISHED', [{ key: 'depth', value: '3' }], [['loss', 0.5]]],
      )
      assert.deepEqual(
        [
          tag(child, 'mlflow.parentRunId'),
          tag(child, 'trainyard.run'),
          tag(another, 'trainyard.task'),
          another.info.run_name,
        ],
        [own.info.run_id, id, 'train', 'another'],
      )
      assert.deepEqual(
        lineage.edges
          .filter(({ to, relation }) => to === train.task.id && relation === 'made_by')
          .map(({ from }) => from)
          .toSorted(),
        [own, child, another].map(({ info }) => info.run_id).toSorted(),
      )
      assert.deepEqual([failed!.info.run_id, failed!.info.status], [broken.attempts[0]!.tracking, 'FAILED'])
      assert.equal((await runsOf('mine')).length, 3)

      const { code, exit, host, resources } = broken.attempts[0]!.record as Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- JSON of a test
      const diff = await fetch(`${client.server}/api/v1/blobs/${code.diff}`).then(answer => answer.text())
      assert.deepEqual(
        [code.commit, diff.includes('+++ b/train.py'), exit.code, exit.cause, host.versions.node, resources.measured],
        [commit, true, 3, 'exit', process.version, 'sampled'],
      )
    },
  )
}
