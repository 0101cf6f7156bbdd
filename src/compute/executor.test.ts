import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TrainyardError } from '#kernel/error.ts'
import { fsBlobs } from '#storage'
import { openBench, processesWith, shimsBelow, until } from './testing.ts'

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
/** A duration that marks the sleeping processes of one test. */
const oddSeconds = (): string => `${600 + Math.random()}`

test('a command reads its inputs and parameters, and what it writes becomes artifacts and metrics', async t => {
  const { attempt, blobs, executor } = await openBench(t)
  const rows = await blobs.put('1\n2\n')
  const one = await attempt(
    { run: 'sh count.sh', outputs: ['row-count'] },
    {
      files: {
        'count.sh':
          'wc -l < "$TRAINYARD_INPUT_ROWS" | tr -d " " > "$TRAINYARD_OUTPUT_ROW_COUNT"; echo "c=$TRAINYARD_PARAM_C seed=$TRAINYARD_SEED $TRAINYARD_KEY"; cat "$TRAINYARD_INPUT_REPORT"; echo; echo oops >&2; printf \'{"name":"loss","value":2,"step":1}\\n{"name":"loss","value":1}\\n\' > "$TRAINYARD_METRICS"',
      },
      inputs: { rows, report: { value: { ok: true } } },
      params: { c: 0.3 },
    },
  )

  const { outputs, metrics, facts } = await executor.execute(one)

  const made = outputs['row-count']!
  assert.deepEqual(
    [(await blobs.bytes(made.digest!)).toString(), made.size, metrics],
    [
      '2\n',
      2,
      [
        { name: 'loss', value: 2, step: 1 },
        { name: 'loss', value: 1 },
      ],
    ],
  )
  assert.deepEqual(
    [one.lines.toSorted(), facts['exit'], facts['node']],
    [['c=0.3 seed=7 run/train', 'oops', '{"ok":true}'].toSorted(), 0, process.version],
  )
  assert.deepEqual(
    one.handles.map(handle => Object.keys(handle as object)),
    [['executor', 'host', 'process', 'folder', 'log', 'logFrom', 'environments', 'token']],
  )
})

test('a task sees the GPUs that are its own, and where others have some none but these', async t => {
  const { attempt, executor } = await openBench(t)
  const run = 'echo "${CUDA_VISIBLE_DEVICES-all}"'
  const tasks = [
    await attempt({ run }, { devices: ['1', 'GPU-8a2f'] }),
    await attempt({ run }, { devices: [] }),
    await attempt({ run }),
  ]

  for (const one of tasks) await executor.execute(one)

  assert.deepEqual(
    tasks.map(({ lines, recorded }) => [lines, recorded.devices]),
    [
      [['1,GPU-8a2f'], ['1', 'GPU-8a2f']],
      [[''], undefined],
      [['all'], undefined],
    ],
  )
})

test('a task inherits nothing but a path, and cannot touch its input’s artifact', async t => {
  const { attempt, blobs, executor } = await openBench(t)
  const rows = await blobs.put('rows')
  const one = await attempt(
    {
      run: 'echo "[$SECRET] [$HOME]"; chmod +w "$TRAINYARD_INPUT_ROWS"; echo broken > "$TRAINYARD_INPUT_ROWS"; node --version',
    },
    { inputs: { rows } },
  )

  await executor.execute(one)

  assert.deepEqual(
    [one.lines[0]!.startsWith('[] [/'), one.lines[1], (await blobs.bytes(rows.digest)).toString()],
    [true, process.version, 'rows'],
  )
})

test('a function is called with files, typed parameters and the platform’s own library', async t => {
  const { attempt, blobs, executor } = await openBench(t)
  const one = await attempt(
    { function: 'tasks/train.ts#train', outputs: ['model'] },
    {
      files: {
        'package.json': '{ "type": "module" }',
        'tasks/train.ts': `
          import { readFileSync, writeFileSync } from 'node:fs'
          import { defineProject, type TaskContext } from 'trainyard'
          export async function train({ inputs, outputs, params, metric, log }: TaskContext): Promise<void> {
            metric('loss', 0.5, 1)
            log([typeof defineProject, typeof params['c'], typeof params['deep']].join(' '))
            writeFileSync(outputs['model']!, readFileSync(inputs['rows']!, 'utf8').toUpperCase())
            setInterval(() => {}, 1_000)
          }`,
      },
      inputs: { rows: await blobs.put('rows') },
      params: { c: 0.3, deep: true },
    },
  )

  const { outputs, metrics } = await executor.execute(one)

  assert.deepEqual(
    [(await blobs.bytes(outputs['model']!.digest!)).toString(), metrics, one.lines],
    ['ROWS', [{ name: 'loss', value: 0.5, step: 1 }], ['function number boolean']],
  )
})

/** A platform in small that begins a task and is killed at a point. Answers what it had noted of the task. */
async function crash({ folder, point, seconds }: { folder: string; point: string; seconds: string }) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('crash-child.ts', import.meta.url)), folder, seconds], {
    env: { TRAINYARD_CRASHPOINT: point },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const signal = await new Promise(resolve => child.on('close', (_, killedBy) => resolve(killedBy)))
  const [id, handle] = said.split('\n')
  return { signal, id: id!, handle: handle ? JSON.parse(handle) : undefined }
}

const textOf = async (folder: string, digest: string): Promise<string> =>
  (await fsBlobs(join(folder, 'blobs')).bytes(digest as never)).toString()

const failures: readonly {
  what: string
  files?: Record<string, string>
  spec: object
  message: RegExp
  cause: object
}[] = [
  {
    what: 'an exit code',
    spec: { run: 'echo one; echo two >&2; exit 3' },
    message: /^The task ended with exit code 3\. Its last lines:\n {2}(one\n {2}two|two\n {2}one)$/,
    cause: { kind: 'exit', code: 3 },
  },
  {
    what: 'a signal',
    spec: { run: 'kill -9 $$' },
    message: /^The task was killed by SIGKILL\.$/,
    cause: { kind: 'signal', signal: 'SIGKILL' },
  },
  {
    what: 'a missing output',
    spec: { run: 'true', outputs: ['model'] },
    message: /its output model was not written: .*outputs\/model\.$/,
    cause: { kind: 'output', output: 'model' },
  },
  {
    what: 'an output that is a pipe',
    spec: { run: 'mkfifo "$TRAINYARD_OUTPUT_MODEL"', outputs: ['model'] },
    message: /its output model is neither file nor folder/,
    cause: { kind: 'output', output: 'model' },
  },
  {
    what: 'a metric that is none',
    spec: { run: 'printf \'{"name":"a","value":1}\\n{"name":"b","value":"2"}\\n\' > "$TRAINYARD_METRICS"' },
    message: /^Line 2 of the metrics file is no metric: \{"name":"b","value":"2"\}/,
    cause: { kind: 'metrics', line: 2 },
  },
  {
    what: 'an unknown export',
    files: { 'a.ts': 'export const other = 1' },
    spec: { function: 'a.ts#train' },
    message: /exports no function train\. It exports: other\./,
    cause: { kind: 'exit', code: 1 },
  },
  {
    what: 'an error of a function',
    files: { 'a.ts': 'export function train() { throw new Error("No rows.") }' },
    spec: { function: 'a.ts#train' },
    message: /Error: No rows\.\n.*at train \(.*a\.ts/,
    cause: { kind: 'exit', code: 1 },
  },
]

for (const { what, files = {}, spec, message, cause } of failures) {
  test(`a failure says what happened: ${what}`, async t => {
    const { attempt, executor } = await openBench(t)

    const error = (await executor
      .execute(await attempt(spec, { files }))
      .catch((thrown: unknown) => thrown)) as TrainyardError

    assert.match(error.message, message)
    assert.deepEqual([error.code, error.detail], ['task_failed', { cause }])
  })
}

test('a stopped task is asked to end and then ended, with all that it started', async t => {
  const { attempt, executor } = await openBench(t)
  const seconds = oddSeconds()
  const controller = new AbortController()
  const one = await attempt(
    {
      run: `trap 'echo asked' TERM; sleep ${seconds} & setsid sleep ${seconds} & echo begun; while true; do sleep 0.02; done`,
    },
    { signal: controller.signal },
  )
  const execution = executor.execute(one).catch((thrown: unknown) => thrown)
  await until(async () => one.lines.includes('begun') && (await processesWith(seconds)).length === 3)

  controller.abort(new TrainyardError('task_failed', 'The run was cancelled.', { cause: { kind: 'cancelled' } }))
  const error = (await execution) as TrainyardError
  await sleep(20)

  assert.match(error.message, /^The run was cancelled\. Its last lines:\n {2}begun\n(?:.*\n)*? {2}asked/)
  assert.deepEqual([error.detail, await processesWith(seconds)], [{ cause: { kind: 'cancelled' } }, []])
})

test('what a task leaves in the background ends with it', async t => {
  const { attempt, executor } = await openBench(t)
  const seconds = oddSeconds()

  await executor.execute(await attempt({ run: `sleep ${seconds} & true` }))
  await sleep(20)

  assert.deepEqual(await processesWith(seconds), [])
})

for (const point of ['compute.spawned', 'compute.noted'])
  test(`a platform that is killed at ${point} has begun nothing`, async t => {
    const { folder } = await openBench(t)
    const seconds = oddSeconds()

    const { signal } = await crash({ folder, point, seconds })
    await until(async () => (await shimsBelow(folder)).length === 0)

    assert.deepEqual([signal, await processesWith(seconds)], ['SIGKILL', []])
  })

test('a task whose platform was killed goes on, and its successor follows it to the same result', async t => {
  const { folder, executor, attempt } = await openBench(t)
  const { signal, id, handle } = await crash({ folder, point: 'compute.begun', seconds: '1' })
  const successor = await attempt({ run: '', outputs: ['word'] }, { id: id as never })

  const canReach = await executor.canReach(handle)
  const first = await executor.adopt(successor, handle)
  // The platform was killed again, before it could record the result.
  const second = await executor.adopt(successor, handle)

  const { outputs, facts } = first
  assert.deepEqual(
    [signal, canReach, (await textOf(folder, outputs['word']!.digest!)).trim(), facts['exit'], second],
    ['SIGKILL', true, 'slept', 0, first],
  )
})

test('a task that was killed with all that held it is lost; where its pid has gone nobody is touched', async t => {
  const { folder, executor, attempt } = await openBench(t)
  const seconds = oddSeconds()
  const { id, handle } = await crash({ folder, point: 'compute.begun', seconds })
  await until(async () => (await processesWith(`sleep\0${seconds}`)).length > 0)
  const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
  t.after(() => bystander.kill('SIGKILL'))
  process.kill(handle.process.pid, 'SIGKILL')
  const reused = { ...handle, process: { ...handle.process, pid: bystander.pid! } }

  const error = await executor
    .adopt(await attempt({ run: '' }, { id: id as never }), reused)
    .catch((thrown: unknown) => thrown)
  await until(async () => (await processesWith(seconds)).length === 0)

  assert.deepEqual(
    [(error as TrainyardError).detail, bystander.exitCode, bystander.signalCode],
    [{ cause: { kind: 'lost' } }, null, null],
  )
})

test('a task that has ended its shim leaves nothing, though it starts one process after the other', async t => {
  const { executor, attempt } = await openBench(t)
  const seconds = oddSeconds()
  const run = `kill -9 $PPID; for i in 1 2 3 4 5 6 7 8 9; do sleep ${seconds} & sleep 0.01; done; exec sleep ${seconds}`

  const error = (await executor.execute(await attempt({ run })).catch((thrown: unknown) => thrown)) as TrainyardError

  assert.deepEqual([error.detail, await processesWith(`sleep\0${seconds}`)], [{ cause: { kind: 'lost' } }, []])
})

test('an attempt that is left goes on; one that nobody wants any more is ended', async t => {
  const { executor, attempt } = await openBench(t)
  const seconds = oddSeconds()
  const controller = new AbortController()
  const one = await attempt({ run: `echo begun; sleep ${seconds}` }, { signal: controller.signal })
  const execution = executor.execute(one).catch((thrown: unknown) => thrown)
  await until(() => one.lines.includes('begun'))

  controller.abort(new TrainyardError('task_failed', 'It is left.', { cause: { kind: 'left' } }))
  const error = (await execution) as TrainyardError
  await executor.reap(async found => new Set(found))
  const wanted = await processesWith(`sleep\0${seconds}`)
  await executor.reap(async () => new Set())
  await until(async () => (await processesWith(`sleep\0${seconds}`)).length === 0)

  assert.deepEqual([error.message, wanted.length], ['It is left.', 1])
})

test('an attempt that is another process’s by now is not begun', async t => {
  const { executor, attempt, folder } = await openBench(t)
  const one = await attempt(
    { run: 'echo begun' },
    { started: () => Promise.reject(new TrainyardError('task_failed', 'It is not yours.')) },
  )

  const error = (await executor.execute(one).catch((thrown: unknown) => thrown)) as TrainyardError
  await until(async () => (await shimsBelow(folder)).length === 0)

  assert.deepEqual([error.message, one.lines], ['It is not yours.', []])
})

test('work folders are swept when they are old, unless they are in use', async t => {
  const { attempt, executor, folder } = await openBench(t)
  const controller = new AbortController()
  const [old, young, busy] = [
    await attempt({ run: 'true' }),
    await attempt({ run: 'true' }),
    await attempt({ run: 'echo begun; sleep 60' }, { signal: controller.signal }),
  ]
  await executor.execute(old)
  await executor.execute(young)
  const running = executor.execute(busy).catch(() => {})
  await until(() => busy.lines.length > 0)
  const work = join(folder, 'data', 'work')
  for (const { id } of [old, busy]) await utimes(join(work, id), 0, 0)

  const count = await executor.sweep()

  assert.deepEqual([count, (await readdir(work)).toSorted()], [1, [young.id, busy.id].toSorted()])
  controller.abort(new Error('The test is over.'))
  await running
})

test('a task is told where MLflow is, and its own words come after; what it was given is taken back', async t => {
  const ended: string[] = []
  const { attempt, executor } = await openBench(t, () => ({
    mlflow: {
      open: async ({ id, tracking }) => ({
        variables: { MLFLOW_RUN_ID: String(tracking), TRAINYARD_TASK: 'not this' },
        token: { id: `of ${id}`, secret: 'hush-hush' },
      }),
      close: async token => void ended.push(token),
    },
  }))
  const one = await attempt({ run: 'echo "$MLFLOW_RUN_ID $TRAINYARD_TASK hush-hush"' }, { tracking: '01ab' as never })

  await executor.execute(one)

  assert.deepEqual([one.lines, ended], [['01ab train •••'], [`of ${one.id}`]])
})

test('a folder is an output, and the input of another task', async t => {
  const { executor, attempt } = await openBench(t)
  const make = 'mkdir -p "$TRAINYARD_OUTPUT_PARTS/b" && cd "$TRAINYARD_OUTPUT_PARTS" && printf 1 > a && printf 22 > b/c'
  const { outputs } = await executor.execute(await attempt({ run: make, outputs: ['parts'] }))

  const use = await attempt(
    { run: 'cd "$TRAINYARD_INPUT_IT" && cat a b/c && find . -type f | sort' },
    {
      inputs: { it: outputs['parts']! },
    },
  )
  await executor.execute(use)

  assert.deepEqual([outputs['parts']?.size, outputs['parts']?.files, use.lines], [3, 2, ['122./a', './b/c']])
})

test('metrics are passed on while the task runs', async t => {
  const { executor, attempt } = await openBench(t)
  const line = (step: number): string =>
    `echo '{"name": "loss", "value": 0.5, "step": ${step}}' >> "$TRAINYARD_METRICS"`
  const go = 'while [ ! -e "$HOME/go" ]; do sleep 0.05; done'
  const one = await attempt({ run: `${line(1)}; ${line(2)}; ${go}; ${line(3)}` })

  const execution = executor.execute(one)
  await until(() => one.measuredLive.length === 2)
  const [handle] = one.handles as [{ folder: string }]
  await writeFile(join(handle.folder, 'go'), '')

  const point = (step: number) => ({ name: 'loss', value: 0.5, step })
  assert.deepEqual([one.measuredLive.slice(0, 2), (await execution).metrics], [[1, 2].map(point), [1, 2, 3].map(point)])
})
