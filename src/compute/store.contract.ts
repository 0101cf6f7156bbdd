import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import type { AttemptId } from '#workflow'
import type { NodeName, RemoteStore } from './store.ts'
import type { Assignment, NodeEnd, NodeHost } from './wire.ts'

const host: NodeHost = { name: 'n1', platform: 'linux x86_64', cpus: 4, memoryBytes: 2 ** 33, python: '3.11.7' }
const assignment: Assignment = {
  command: 'true',
  mark: 'A=b',
  inputs: [{ name: 'rows', value: '[1]' }],
  outputs: ['model'],
  graceMs: 1,
  timeoutMs: 2,
  logMax: 3,
  beatMs: 4,
  patienceMs: 5,
}
const end: NodeEnd = { wasTerminated: false, failure: { cause: 'node', message: 'gone' } }

async function opened(store: RemoteStore): Promise<{ attempt: AttemptId; node: NodeName }> {
  const attempt = newId<'attempt'>('att')
  await store.open({ attempt, executor: 'cluster', assignment, at: 1 })
  return { attempt, node: { attempt, rank: 0, instance: 'first-one' } }
}

/** What every {@link RemoteStore} promises. */
export function remoteStoreContract(name: string, open: (t: TestContext) => Promise<RemoteStore>): void {
  test(`${name}: an attempt is noted once, and known as open until it is closed`, async t => {
    const store = await open(t)
    const { attempt } = await opened(store)
    await store.open({ attempt, executor: 'other', assignment: { ...assignment, command: 'false' }, at: 2 })
    await store.setJob(attempt, 'job-7')
    await store.stop(attempt, 'cancelled')
    await store.stop(attempt, 'timeout')
    const known = { attempt, executor: 'cluster', job: 'job-7', assignment, stop: 'cancelled', isClosed: false }

    assert.deepEqual(
      [await store.find(attempt), await store.openOf('cluster'), await store.openOf('other')],
      [known, [known], []],
    )
    await store.close(attempt, 10)
    assert.deepEqual([(await store.find(attempt))?.isClosed, await store.openOf('cluster')], [true, []])
    assert.deepEqual([await store.sweep(10), await store.sweep(11), await store.find(attempt)], [0, 1, undefined])
  })

  test(`${name}: a token is good for its attempt, until its time is over`, async t => {
    const store = await open(t)
    const { attempt } = await opened(store)
    await store.addToken({ hash: 'h', attempt, sealed: 's', expiresAt: 100 })

    assert.deepEqual(
      [await store.ofToken('h', 99), await store.ofToken('h', 100), await store.ofToken('other', 1)],
      [{ attempt, sealed: 's' }, undefined, undefined],
    )
  })

  test(`${name}: the first process that claims a rank is its node, and no other is heard`, async t => {
    const store = await open(t)
    const { attempt, node } = await opened(store)
    const late = { ...node, instance: 'second-one' }

    assert.deepEqual(
      [
        await store.claim({ ...node, host, at: 5 }),
        await store.claim({ ...late, host, at: 6 }),
        await store.claim({ ...node, host, at: 7 }),
        await store.claim({ ...late, rank: 1, host, at: 8 }),
      ],
      [true, false, true, true],
    )
    assert.deepEqual([await store.seen(node, 9), await store.seen(late, 10)], [true, false])
    assert.deepEqual(
      [await store.end(late, end), await store.end(node, end), await store.end(node, { wasTerminated: true })],
      [false, true, true],
    )
    const said = { host, logReceived: 0 }
    assert.deepEqual(await store.nodes(attempt), [
      { rank: 0, claimedAt: 5, seenAt: 9, end, ...said },
      { rank: 1, claimedAt: 8, seenAt: 8, end: undefined, ...said },
    ])
  })

  test(`${name}: a log comes piece by piece, each once, and is dropped as it is written`, async t => {
    const store = await open(t)
    const { attempt, node } = await opened(store)
    await store.claim({ ...node, host, at: 5 })
    const piece = (position: number, text: string) => store.appendLog(node, { position, bytes: Buffer.from(text) })

    assert.deepEqual(
      [await piece(0, 'one\n'), await piece(0, 'one\n'), await piece(9, 'gap'), await piece(4, 'twö\n')],
      [4, 4, 4, 9],
    )
    assert.equal(
      await store.appendLog({ ...node, instance: 'second-one' }, { position: 9, bytes: Buffer.from('x') }),
      undefined,
    )
    const drained = async (limit: number) => {
      const seen: [number, string][] = []
      await store.drainLog(attempt, limit, {
        size: async () => 0,
        async write(pieces) {
          for (const { position, bytes } of pieces) seen.push([position, bytes.toString()])
        },
      })
      return seen
    }
    const froms: number[] = []
    const failing = (size: number) =>
      store.drainLog(attempt, 10, {
        size: async () => size,
        async write(_, from) {
          froms.push(from)
          throw new Error('no room')
        },
      })
    // Who comes after one that has died of it is told where that one began.
    for (const size of [100, 200]) await assert.rejects(failing(size), { message: 'no room' })
    assert.deepEqual(froms, [100, 100])

    assert.deepEqual([await drained(1), await drained(10), await drained(10)], [[[0, 'one\n']], [[4, 'twö\n']], []])
  })

  test(`${name}: of several who drain a log at once, each piece goes to one, and in order`, async t => {
    const store = await open(t)
    const { attempt, node } = await opened(store)
    await store.claim({ ...node, host, at: 5 })
    for (const position of Array(40).keys())
      await store.appendLog(node, { position, bytes: Buffer.from(String(position % 10)) })
    let text = ''
    const drain = () =>
      store.drainLog(attempt, 7, {
        size: async () => text.length,
        async write(pieces) {
          await new Promise(resolve => setTimeout(resolve, 5))
          text += pieces.map(({ bytes }) => bytes.toString()).join('')
        },
      })

    for (let round = 0; round < 10; round++) await Promise.all([drain(), drain(), drain()])

    assert.equal(text, '0123456789'.repeat(4))
  })

  test(`${name}: an output is what was handed in last`, async t => {
    const store = await open(t)
    const { attempt } = await opened(store)
    const [a, b] = [
      { digest: digestOf('a'), size: 1 },
      { digest: digestOf('b'), size: 2, files: 3 },
    ]
    for (const [name, output] of Object.entries({ model: a, report: b }))
      await store.putOutput({ attempt, name, ...output })
    await store.putOutput({ attempt, name: 'model', ...b })
    await store.putOutput({ attempt, name: 'report', ...a })

    assert.deepEqual(await store.outputs(attempt), { model: b, report: a })
  })
}
