import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileHooks, makeBundle, openBench, type Bench } from '../../src/serving/testing.ts'
import { askWith } from './bed.ts'
import { sayBundle } from './say.ts'

/** Texts that are answered while they are made. */

const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const bench = (): Promise<Bench> =>
  (opening ??= (async () => {
    const made = await openBench(hooks, { doors: { grpcPort: 0 } })
    await made.at('say').deploy(await sayBundle(made.blobs))
    await made.deploy(await makeBundle(made.blobs))
    return made
  })())

interface Asking {
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

async function post(verb: string, body: unknown, { path = 'say', headers, signal }: Asking = {}): Promise<Response> {
  const { serving } = await bench()
  return fetch(`${serving.url()}/v2/models/${path}/${verb}`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(headers && { headers }),
    ...(signal && { signal }),
  })
}

const read = async (answer: Response): Promise<[number, Record<string, unknown>]> => [
  answer.status,
  (await answer.json()) as Record<string, unknown>,
]

/** The objects of a stream of events. */
async function events(answer: Response): Promise<Record<string, unknown>[]> {
  assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const lines = (await answer.text()).split('\n\n')
  assert.equal(lines.pop(), '')
  return lines.map(line => JSON.parse(/^data: (.*)$/.exec(line)![1]!) as Record<string, unknown>)
}

const about = async (): Promise<number[]> => {
  const [, { text_output: text }] = await read(await post('generate', { text_input: 'about' }))
  return (text as string).trim().split(' ').map(Number)
}

const common = { model_name: 'say', model_version: '1' }

test('a text is answered whole, and part by part as it is made', async () => {
  const ask = { id: 'mine', text_input: 'größer als x', max_tokens: 3, parameters: { temperature: 0 } }

  const whole = await post('generate', ask)
  const parts = await post('generate_stream', ask, { path: 'say/versions/1' })

  assert.deepEqual(await read(whole), [200, { id: 'mine', ...common, text_output: 'größer als x ' }])
  assert.deepEqual(
    await events(parts),
    ['größer ', 'als ', 'x '].map(text => ({ id: 'mine', ...common, text_output: text })),
  )
  const { serving } = await bench()
  await serving.collect()
  for (const { headers } of [whole, parts]) {
    const { features, outputs, error } = await serving.prediction(headers.get('x-trainyard-prediction-ids')!)
    assert.deepEqual(
      { features, outputs, error },
      { features: { text_input: 'größer als x' }, outputs: { text_output: 'größer als x ' }, error: undefined },
    )
  }
})

test('the first part comes before the text is whole', async () => {
  const answer = await post(
    'generate_stream',
    { text_input: 'now forever' },
    { headers: { 'x-request-timeout-ms': '300' } },
  )
  const [first, ...others] = await events(answer)

  assert.deepEqual(first, { ...common, text_output: 'now ' })
  const last = others.pop()!
  assert.deepEqual([last['code'], others.every(({ text_output: text }) => text === 'on ')], ['deadline_exceeded', true])
})

test('a model that answers whole is asked for texts by others, and a model that streams as any other is', async () => {
  const { at } = await bench()

  for (const verb of ['generate', 'generate_stream'])
    assert.deepEqual(
      (await read(await post(verb, { text_input: 'a' }, { path: 'rain' }))).map(part =>
        typeof part === 'object' ? part['error'] : part,
      ),
      [
        400,
        'Deployment rain does not stream texts: ask /v2/models/rain/infer. What streams is a Python class whose predict yields texts.',
      ],
    )
  const { body } = await at('say').infer({
    inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [2], data: ['a b', 'c'] }],
  })
  assert.deepEqual(body.outputs, [{ name: 'text_output', datatype: 'BYTES', shape: [2], data: ['a b ', 'c '] }])
})

test('what goes wrong before the first part is a status, and after it an event', async () => {
  const refused = async (verb: string, body: unknown): Promise<unknown[]> => {
    const [status, { error }] = await read(await post(verb, body))
    return [status, error]
  }
  const failed = 'Revision 1 of say failed: ValueError: no such word'

  assert.deepEqual(await refused('generate', { text_input: 'a fail' }), [500, failed])
  assert.deepEqual(await refused('generate_stream', { text_input: 'fail' }), [500, failed])
  assert.deepEqual(await refused('generate_stream', { text_input: 'odd' }), [
    500,
    'Revision 1 of say failed: TypeError: the model yielded int; allowed: texts',
  ])
  assert.deepEqual(await refused('generate_stream', { text_input: 3 }), [
    400,
    'Input text_input, row 1: 3 is not a text of at most 65536 characters.',
  ])
  assert.deepEqual(await refused('generate', { prompt: 'a' }), [
    400,
    'Missing inputs: text_input. This deployment looks no features up.',
  ])
  assert.deepEqual(await refused('generate', ['a']), [
    400,
    'The body must be an object with the inputs by their names, such as "text_input", not ["a"].',
  ])
  const answer = await post('generate_stream', { text_input: 'a fail' })
  const id = answer.headers.get('x-trainyard-prediction-ids')!
  assert.deepEqual(
    [answer.status, await events(answer)],
    [
      200,
      [
        { ...common, text_output: 'a ' },
        { error: failed, code: 'model_failed', request_id: answer.headers.get('x-request-id') },
      ],
    ],
  )
  const { serving } = await bench()
  await serving.collect()
  const { outputs, error } = await serving.prediction(id)
  assert.deepEqual({ outputs, error }, { outputs: { text_output: 'a ' }, error: 'ValueError: no such word' })
})

for (const verb of ['generate', 'generate_stream'])
  test(`${verb}: when the client goes the generator is closed, and its worker answers the next one`, async () => {
    const [pid, closed] = await about()
    const going = new AbortController()

    const asked = post(verb, { text_input: 'forever' }, { signal: going.signal })
    const waiting = verb === 'generate' ? asked : asked.then(answer => answer.text())
    setTimeout(() => going.abort(), 100)
    await assert.rejects(waiting, { name: 'AbortError' })

    assert.deepEqual(await about(), [pid, closed! + 1])
  })

test('who waits behind a text is turned away when too many do', async () => {
  const { at } = await bench()
  await at('say').declare({ limits: { queueRows: 2 } })
  const going = new AbortController()
  const long = post('generate', { text_input: 'forever' }, { signal: going.signal })
  long.catch(() => {})
  await sleep(100)

  const waiting = [1, 2].map(() =>
    post('generate', { text_input: 'a' }, { headers: { 'x-request-timeout-ms': '10000' } }),
  )
  await sleep(100)
  const [status, { code }] = await read(await post('generate', { text_input: 'b' }))
  going.abort()

  assert.deepEqual([status, code], [503, 'overloaded'])
  assert.deepEqual(await Promise.all(waiting.map(async answer => (await answer).status)), [200, 200])
})

test('tritonclient[grpc] hears each part as a response, and its stream goes on', { timeout: 400_000 }, async () => {
  const made = await bench()

  assert.deepEqual(await askWith('triton_texts.py', 'serving-clients', await made.grpcAddress()), {
    decoupled: true,
    parts: [
      ['1', 'a ', false],
      ['1', 'b ', false],
      ['2', 'c ', false],
    ],
    'with an end': [
      ['3', 'a ', false],
      ['3', null, true],
    ],
    whole: 'a b ',
    failed: [['4', 'a ', false], 'Revision 1 of say failed: ValueError: no such word', ['5', 'd ', false]],
    cancelled: true,
  })
})
