import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rain } from './example.ts'
import { executorProblems, type ExecutorsAt } from './executor-problems.ts'
import { parseProjectFile } from './parse.ts'

const image = `train@sha256:${'a'.repeat(64)}`
const executors: ExecutorsAt = {
  known: {
    local: { isLocal: true, distributes: false, containers: false },
    ray: { isLocal: false, distributes: false, containers: false },
    box: { isLocal: true, distributes: false, containers: 'named' },
    pods: { isLocal: false, distributes: true, containers: { image: undefined } },
  },
  fallback: 'local',
}

const problemsOf = (task: object): readonly string[] => {
  const file = parseProjectFile({
    ...rain(),
    pipelines: { p: { tasks: { t: task } } },
    models: {},
    deployments: {},
    monitors: {},
  })
  return executorProblems(file, executors).map(({ field, allowed }) => `${field}: ${allowed}`)
}

test('a task may ask only for what the server’s executors have', () => {
  const at = 'pipelines.p.tasks.t'
  assert.deepEqual(
    [
      { run: 'true', executor: 'pods', image, nodes: 4, resources: { gpu: 1, memory: '2GiB' } },
      { run: 'true', executor: 'box', image },
      { run: 'true', executor: 'box' },
      { run: 'true', image },
      { run: 'true', executor: 'box', image, environment: { python: 'requirements.lock' } },
      { run: 'true', executor: 'rey' },
      { run: 'true', executor: 'ray', poll: { every: '5m' } },
      { function: 'a.ts#f', executor: 'ray' },
      { run: 'true', executor: 'ray', nodes: 2, image },
      { run: 'true', executor: 'pods' },
      { run: 'true', executor: 'ray', environment: { node: 'package-lock.json' } },
      { run: 'true', executor: 'ray', environment: { python: 'a/uv.lock' } },
      { uses: 'data.ingest', params: { source: 'weather' }, executor: 'ray' },
    ].map(problemsOf),
    [
      [],
      [],
      [],
      [`${at}.image: nothing: there is neither podman nor docker on the PATH of the server`],
      [`${at}.environment: nothing: what it needs is in its image`],
      [`${at}.executor: one of local, ray, box, pods; did you mean ray?`],
      [`${at}.poll: nothing: what is polled runs on local, and this is for ray`],
      [`${at}.function: a task with run: functions run on local only, and this is for ray`],
      [`${at}.nodes: 1: ray starts a task on one machine`, `${at}.image: nothing: ray runs no containers`],
      [`${at}.image: required: pods runs containers and has no image of its own`],
      [`${at}.environment.node: nothing: ray builds environments of Python only`],
      [`${at}.environment.python: requirements with hashes, such as uv export writes: ray installs them with pip`],
      [`${at}.executor: nothing: the platform itself does data.ingest`],
    ],
  )
})
