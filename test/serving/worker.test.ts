import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatcher } from '../../src/serving/server/batcher.ts'
import { runtimeContract } from '../../src/serving/server/runtime.contract.ts'
import type { ModelFault, OutputColumn, Runtime } from '../../src/serving/server/runtime.ts'
import { openClass, windClass } from './python-models.ts'

/** Models in Python workers, which need Python's standard library alone. */

runtimeContract('python', {
  open: t => openClass(t, { code: windClass }),
  openBroken: t => openClass(t, { code: 'class Wind: pass' }),
})

const one = { rows: 1, columns: [[1], [0]] }

/** The values of each output for one row. */
async function ask(runtime: Runtime): Promise<readonly OutputColumn['values'][]> {
  const [outputs] = await runtime.run([one])
  return outputs!.map(({ values }) => values)
}

/** A class whose `predict` has this body. */
const predicting = (body: string): string => `
import os, time
class Wind:
    def __init__(self, folder): pass
    def predict(self, columns):
${body
  .trim()
  .split('\n')
  .map(line => `        ${line}`)
  .join('\n')}
`

test('what a model throws is its answer, and spoils no other request of the batch', async t => {
  const runtime = await openClass(t, {
    code: predicting(
      'if -1 in list(columns["wind"]): raise ValueError("no wind below 0")\nreturn {"y": columns["wind"]}',
    ),
  })
  t.after(() => runtime.release())
  const batcher = createBatcher(runtime)

  const answers = await Promise.allSettled([1, -1, 3].map(wind => batcher.run(1, [[wind], [0]])))

  assert.deepEqual(
    answers.map(answer => (answer.status === 'fulfilled' ? answer.value[0]!.values : (answer.reason as Error).message)),
    [[1], 'ValueError: no wind below 0', [3]],
  )
})

test('outputs have the datatype of their values, and their width', async t => {
  const runtime = await openClass(t, {
    code: predicting(
      'n = len(columns["text"])\nreturn {"text": [t.upper() for t in columns["text"]], "yes": [True] * n, "whole": list(columns["whole"]), "pair": [[0.25, 0.75]] * n}',
    ),
    model: {
      signature: {
        inputs: [
          { name: 'text', datatype: 'BYTES', shape: [-1, 1] },
          { name: 'whole', datatype: 'INT64', shape: [-1, 1] },
        ],
        outputs: [],
      },
    },
  })
  t.after(() => runtime.release())

  const [first, second] = await runtime.run([
    { rows: 1, columns: [['größe'], [2 ** 53 - 1]] },
    {
      rows: 2,
      columns: [
        ['', 'b'],
        [-1, 0],
      ],
    },
  ])

  const seen = (outputs: typeof first) =>
    outputs!.map(({ name, datatype, width, values }) => [name, datatype, width, values])
  assert.deepEqual(seen(first), [
    ['text', 'BYTES', 1, ['GRÖSSE']],
    ['yes', 'BOOL', 1, [true]],
    ['whole', 'INT64', 1, [2 ** 53 - 1]],
    ['pair', 'FP64', 2, [0.25, 0.75]],
  ])
  assert.deepEqual(seen(second)[3], ['pair', 'FP64', 2, [0.25, 0.75, 0.25, 0.75]])
})

for (const { what, body, message } of [
  { what: 'fewer values than rows', body: 'return {"y": []}', message: /ValueError: output y has 0 values for 1 rows/ },
  { what: 'no columns', body: 'return [1]', message: /TypeError: the model answered list; allowed: columns by name/ },
  { what: 'something else', body: 'return {"y": [None]}', message: /TypeError: output y holds NoneType; allowed: num/ },
])
  test(`an answer of ${what} is refused in words`, async t => {
    const runtime = await openClass(t, { code: predicting(body) })
    t.after(() => runtime.release())

    await assert.rejects(runtime.run([one]), message)
  })

test('a request in flight when its worker dies is told so, and the next one is answered by another worker', async t => {
  const warnings: string[] = []
  const runtime = await openClass(t, {
    code: predicting('if list(columns["wind"]) == [9]: os._exit(7)\nreturn {"pid": [os.getpid()]}'),
    options: { warn: sentence => void warnings.push(sentence) },
  })
  t.after(() => runtime.release())
  const batcher = createBatcher(runtime)
  const before = await batcher.run(1, [[1], [0]])

  const killed = batcher.run(1, [[9], [0]])
  const waits = new Promise<void>(resolve => setImmediate(resolve)).then(() => batcher.run(1, [[1], [0]]))

  await assert.rejects(
    killed,
    (error: ModelFault) => error.code === 'model_failed' && /ended with exit code 7/.test(error.message),
  )
  assert.notDeepEqual((await waits)[0]!.values, before[0]!.values)
  assert.match(warnings.join(), /^A model's worker ended with exit code 7. It is started again in 200 ms\.$/)
})

test('a model that does not answer in time is ended, and its request is told so', async t => {
  const runtime = await openClass(t, {
    code: predicting('if list(columns["wind"]) == [9]: time.sleep(60)\nreturn {"y": [1]}'),
    options: { runMsMax: 500, firstPauseMs: 10 },
  })
  t.after(() => runtime.release())

  await assert.rejects(
    runtime.run([{ rows: 1, columns: [[9], [0]] }]),
    (error: ModelFault) =>
      error.code === 'deadline_exceeded' && error.message === 'The model has not answered within 0.5 s.',
  )
  // On a busy machine the next worker takes longer to start than a request waits here.
  let answer: unknown
  while (answer === undefined) answer = await ask(runtime).catch(() => undefined)
  assert.deepEqual(answer, [[1]])
})

test('a worker over its memory limit says so, and lives', async t => {
  const runtime = await openClass(t, {
    code: predicting('if list(columns["wind"]) == [9]: bytearray(10**9)\nreturn {"y": [1]}'),
    worker: { memoryBytes: 200 * 1024 ** 2 },
  })
  t.after(() => runtime.release())

  await assert.rejects(runtime.run([{ rows: 1, columns: [[9], [0]] }]), /MemoryError: .*memory limit/)
  assert.equal((await runtime.run([one])).length, 1)
})

test('a worker that ends again and again is asked no more for a while', async t => {
  const runtime = await openClass(t, { code: predicting('os._exit(1)'), options: { firstPauseMs: 10 } })
  t.after(() => runtime.release())
  const fault = (): Promise<ModelFault> =>
    runtime.run([one]).then(
      () => assert.fail(),
      (error: ModelFault) => error,
    )

  const codes: string[] = []
  while (codes.at(-1) !== 'unavailable') codes.push((await fault()).code)

  assert.deepEqual(codes, [...Array.from({ length: 5 }, () => 'model_failed'), 'unavailable'])
  assert.match((await fault()).message, /has ended 5 times within a minute\. It ended with exit code 1/)
})

test('a worker has nothing of the environment of the server, and ends with it', async t => {
  const runtime = await openClass(t, {
    code: predicting('return {"names": [" ".join(sorted(os.environ))], "pid": [os.getpid()]}'),
  })
  const [[names], [pid]] = (await ask(runtime)) as [[string], [number]]

  await runtime.release()

  assert.equal(
    names,
    'HOME LANG MKL_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS ORT_DISABLE_TELEMETRY PATH TMPDIR',
  )
  assert.throws(() => process.kill(pid, 0), /ESRCH/)
  await assert.rejects(runtime.run([one]), /has been unloaded/)
})

test('bubblewrap keeps a worker from the platform’s folders, the machine’s and the network', async t => {
  const code = predicting(`
def tries(action):
    try:
        action()
        return "done"
    except Exception as error:
        return type(error).__name__
import socket
return {"written": [tries(lambda: open("/etc/trainyard", "w"))], "hidden": [",".join(os.listdir("/usr/share"))],
        "network": [tries(lambda: socket.create_connection(("192.0.2.1", 80), 1))]}`)
  const opened = openClass(t, { code, worker: { isolation: 'bubblewrap', hidden: ['/usr/share'] } })
  const runtime = await opened.catch((error: Error) => error)
  if (runtime instanceof Error) return t.skip(runtime.message)
  t.after(() => runtime.release())

  assert.deepEqual(await ask(runtime), [['OSError'], [''], ['OSError']])
})
