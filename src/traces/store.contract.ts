import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { add, assessment, found, row, span } from './store-testing.ts'
import type { TraceStore } from './store.ts'

/** What every {@link TraceStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function traceStoreContract(name: string, open: (t: TestContext) => Promise<TraceStore>): void {
  test(`${name}: a trace is found as it was put, with its labels and what is said of it`, async t => {
    const store = await open(t)
    const said = {
      error: { code: 'E' },
      source: { type: 'HUMAN', id: 'me' },
      metadata: { why: 'so' },
      rationale: 'it is',
    }
    await add(store, 'tr-1', {
      clientRequestId: 'mine',
      requestPreview: 'asked',
      responsePreview: 'said',
      durationMs: 5,
      tags: { a: '1', __proto__: 'x' } as never,
      metadata: { b: '2' },
      assessments: [said, { spanId: 's', overrides: 'a-tr-1-0', valid: false }],
    })
    await add(store, 'tr-2')

    assert.deepEqual(await store.find('tr-1'), {
      id: 'tr-1',
      experimentId: '1',
      clientRequestId: 'mine',
      requestPreview: 'asked',
      responsePreview: 'said',
      requestedAt: 1_000,
      durationMs: 5,
      state: 'OK',
      tags: { a: '1' },
      metadata: { b: '2' },
      assessments: [
        assessment('tr-1', 'a-tr-1-0', said),
        assessment('tr-1', 'a-tr-1-1', { spanId: 's', overrides: 'a-tr-1-0', valid: false }),
      ],
    })
    assert.deepEqual(
      (await store.findMany(['tr-2', 'tr-0', 'tr-1', 'tr-2'])).map(({ id }) => id),
      ['tr-2', 'tr-1'],
    )
    assert.equal(await store.find('tr-0'), undefined)
    assert.deepEqual(await store.experimentsOf(['tr-1', 'tr-0']), new Map([['tr-1', '1']]))
  })

  test(`${name}: a held trace is as it was, or new; labels are overwritten unless they are to be kept`, async t => {
    const store = await open(t)
    await add(store, 'tr-1', { durationMs: 7, tags: { a: '1' }, metadata: { m: '1' } })

    const held = await store.transaction(async tx => {
      const both = await store.hold(tx, [row('tr-2', { state: 'ERROR' }), row('tr-1', { state: 'ERROR' })])
      await store.put(tx, [row('tr-1', { state: 'IN_PROGRESS', finished: false })])
      await store.label(tx, 'tag', [{ id: 'tr-1', labels: { a: '2', b: '3' } }])
      await store.label(tx, 'metadata', [{ id: 'tr-1', labels: { m: '2', n: '3' } }], true)
      return both
    })

    assert.deepEqual(held, [
      { row: row('tr-2', { state: 'ERROR' }), added: true },
      { row: row('tr-1', { durationMs: 7 }), added: false },
    ])
    const after = await store.find('tr-1')
    assert.deepEqual(
      [after?.state, after?.durationMs, after?.tags, after?.metadata],
      ['IN_PROGRESS', undefined, { a: '2', b: '3' }, { m: '1', n: '3' }],
    )
    assert.deepEqual([await store.unlabel('tr-1', 'tag', 'a'), await store.unlabel('tr-1', 'tag', 'a')], [true, false])
  })

  test(`${name}: spans come back roots first, then by their start to the nanosecond; one sent again takes its place`, async t => {
    const store = await open(t)
    const start = 1_700_000_000_123_456_789n
    await add(store, 'tr-1', {
      spans: [
        { parentId: 'p', start: start + 2n, content: 'third' },
        { parentId: 'p', start: start + 1n, content: 'second' },
        { start: start + 9n, content: 'root' },
      ],
    })
    const huge = { start: 2n ** 63n - 1n, end: 2n ** 63n - 1n, parentId: 'p', content: 'first, at the end of time' }
    await add(store, 'tr-2', { spans: [huge] })
    await store.transaction(tx =>
      store.putSpans(tx, [
        span('tr-1', '0000000000000000', { content: 'lost' }),
        span('tr-1', '0000000000000000', {
          parentId: 'p',
          start,
          content: 'again',
          usage: { total_tokens: 3 },
        } as never),
      ]),
    )

    assert.deepEqual(
      await store.spans(['tr-1', 'tr-2', 'tr-3']),
      new Map([
        ['tr-1', ['root', 'again', 'second']],
        ['tr-2', ['first, at the end of time']],
      ]),
    )
    assert.deepEqual(
      (await store.transaction(tx => store.usage(tx, ['tr-1']))).get('tr-1')?.find(({ id }) => id.endsWith('0')),
      {
        id: '0000000000000000',
        parentId: 'p',
        usage: { total_tokens: 3 },
      },
    )
  })

  test(`${name}: traces are deleted by id or from the oldest, of their experiment only, with all that is theirs`, async t => {
    const store = await open(t)
    for (const index of [1, 2, 3, 4])
      await add(store, `tr-${index}`, {
        requestedAt: index as Millis,
        tags: { a: '1' },
        spans: [{}],
        assessments: [{}],
      })
    await store.linkRun(['tr-1'], 'r')

    assert.equal(await store.remove('2', { ids: ['tr-1'] }), 0)
    assert.equal(await store.remove('1', { ids: ['tr-4', 'tr-0'] }), 1)
    assert.equal(await store.remove('1', { until: 3, limit: 2 }), 2)
    assert.equal(await found(store, undefined), 'tr-3')
    assert.deepEqual([...(await store.spans(['tr-1', 'tr-2', 'tr-3', 'tr-4'])).keys()], ['tr-3'])
    assert.equal(await store.assessment('tr-1', 'a-tr-1-0'), undefined)
    assert.equal(await store.remove('1', { until: 3 }), 1)
  })

  test(`${name}: writers of the same traces, in any order, all come through, and one of them adds`, async t => {
    const store = await open(t)
    const ids = Array.from({ length: 20 }, (_, index) => `tr-${index}`)

    const added = await Promise.all(
      Array.from({ length: 8 }, (_, writer) =>
        store.transaction(async tx => {
          const held = await store.hold(
            tx,
            (writer % 2 ? ids : ids.toReversed()).map(id => row(id)),
          )
          await store.putSpans(
            tx,
            ids.map(id => span(id, `000000000000000${writer}`)),
          )
          return held.filter(each => each.added).length
        }),
      ),
    )

    assert.equal(
      added.reduce((sum, count) => sum + count, 0),
      20,
    )
    assert.deepEqual(new Set([...(await store.spans(ids)).values()].map(spans => spans.length)), new Set([8]))
  })

  test(`${name}: an assessment is held, changed and removed, of its own trace only`, async t => {
    const store = await open(t)
    await add(store, 'tr-1', { assessments: [{}] })
    await add(store, 'tr-2')
    const id = 'a-tr-1-0'

    await store.transaction(async tx => {
      assert.equal(await store.holdAssessment(tx, 'tr-2', id), undefined)
      const held = await store.holdAssessment(tx, 'tr-1', id)
      await store.putAssessment(tx, { ...held!, valid: false, value: '"worse"' })
      await store.removeAssessment(tx, 'tr-2', id)
    })

    assert.deepEqual(await store.assessment('tr-1', id), assessment('tr-1', id, { valid: false, value: '"worse"' }))
    await store.transaction(tx => store.removeAssessment(tx, 'tr-1', id))
    assert.equal(await store.assessment('tr-1', id), undefined)
  })
}
