import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { parseFilter } from '#search'
import { traceLanguage } from './language.ts'
import { add, content, found, query } from './store-testing.ts'
import type { TraceStore } from './store.ts'
import type { Labels } from './label.ts'

/** What every {@link TraceStore} finds. Call it with traceStoreContract. */
export function traceSearchContract(name: string, open: (t: TestContext) => Promise<TraceStore>): void {
  test(`${name}: attributes, tags and metadata are searched; what is not there is found by IS NULL alone`, async t => {
    const store = await open(t)
    const long = 'x'.repeat(60)
    await add(store, 'tr-1', {
      requestedAt: 100 as Millis,
      durationMs: 50,
      clientRequestId: 'c-1',
      tags: { 'mlflow.traceName': 'ask', env: 'prod', note: `${long}1` },
      metadata: { 'mlflow.sourceRun': 'r1', model: 'm' },
    })
    await add(store, 'tr-2', { requestedAt: 200 as Millis, state: 'ERROR', tags: { env: 'dev', note: `${long}2` } })
    await add(store, 'tr-3', { requestedAt: 300 as Millis, durationMs: 0, tags: { env: 'Prod' } })
    await add(store, 'tr-4', { experimentId: '2', tags: { env: 'prod' } })
    await store.linkRun(['tr-2', 'tr-0'], 'r1')
    await store.linkRun(['tr-2'], 'r1')
    await store.linkPrompts('tr-3', [{ name: 'p', version: '2' }])
    await store.linkPrompts('tr-3', [{ name: 'p', version: '2' }])

    for (const [filter, expected] of [
      [undefined, 'tr-3 tr-2 tr-1'],
      ['timestamp_ms > 100', 'tr-3 tr-2'],
      ['trace.timestamp <= 200.5', 'tr-2 tr-1'],
      ['execution_time_ms = 50', 'tr-1'],
      ['execution_time != 50', 'tr-3'],
      ['end_time = 150', 'tr-1'],
      ['end_time_ms >= 200', 'tr-3 tr-2'],
      ["status = 'ERROR'", 'tr-2'],
      ["status IN ('OK', 'IN_PROGRESS')", 'tr-3 tr-1'],
      ["request_id = 'tr-1'", 'tr-1'],
      ["client_request_id LIKE 'c-%'", 'tr-1'],
      ["client_request_id != 'c-2'", 'tr-1'],
      ["name = 'ask'", 'tr-1'],
      ["name RLIKE '^a.k$'", 'tr-1'],
      ["run_id = 'r1'", 'tr-2 tr-1'],
      ["run_id IN ('r1')", 'tr-1'],
      ['run_id IS NULL', 'tr-3 tr-2'],
      ["prompt = 'p/2'", 'tr-3'],
      ["prompt = 'p/1'", ''],
      ["tag.env = 'prod'", 'tr-1'],
      ["tags.env ILIKE 'PROD'", 'tr-3 tr-1'],
      ["tag.env != 'prod'", 'tr-3 tr-2'],
      [`tag.note = '${long}2'`, 'tr-2'],
      ["tag.note != 'x'", 'tr-2 tr-1'],
      ['tag.note IS NULL', 'tr-3'],
      ["metadata.model = 'm' AND tag.env = 'prod'", 'tr-1'],
      ["request_metadata.model LIKE 'M'", ''],
      ["tag.env = 'dev' OR metadata.model = 'm'", 'tr-2 tr-1'],
    ] as const)
      assert.equal(await found(store, filter), expected, filter ?? 'all')
    assert.equal(await found(store, undefined, { experiments: ['2', '1'] }), 'tr-4 tr-3 tr-2 tr-1')
    assert.equal(await found(store, undefined, { experiments: [] }), '')
  })

  test(`${name}: spans are searched by name, type, status, attribute and text; all conditions on one and the same span`, async t => {
    const store = await open(t)
    await add(store, 'tr-1', {
      spans: [
        { name: 'plan', type: 'CHAIN' },
        {
          name: 'call',
          type: 'LLM',
          status: 'ERROR',
          content: content({
            model: { string_value: 'Lama-7' },
            'a.b': { int_value: '7' },
            rate: { double_value: 0.5 },
            fine: { bool_value: true },
            list: { array_value: { values: [{ string_value: 'inner' }] } },
            odd: {},
          }),
        },
      ],
    })
    await add(store, 'tr-2', { spans: [{ name: 'call', content: content({ model: { string_value: 'other' } }) }] })

    for (const [filter, expected] of [
      ["span.name = 'plan' AND span.name = 'call'", ''],
      ["span.name = 'plan' OR span.name = 'none'", 'tr-1'],
      ["span.name = 'call' AND (status = 'OK' AND span.attributes.model = 'Lama-7')", 'tr-1'],
      ["span.name = 'plan' AND span.attributes.model = 'Lama-7'", ''],
      ["span.name = 'call' AND trace.text LIKE '%other%'", 'tr-2'],
      ["span.name LIKE 'c%'", 'tr-1 tr-2'],
      ["span.type IN ('LLM', 'TOOL')", 'tr-1'],
      ["span.status != 'OK'", 'tr-1'],
      ["span.attributes.model = 'Lama-7'", 'tr-1'],
      ["span.attributes.model ILIKE 'lama%'", 'tr-1'],
      ["span.attributes.model != 'Lama-7'", 'tr-2'],
      ["span.attributes.a.b = '7'", 'tr-1'],
      ["span.attributes.`a.b` = '7'", 'tr-1'],
      ["span.attributes.rate = '0.5'", 'tr-1'],
      ["span.attributes.fine = 'true'", 'tr-1'],
      ["span.attributes.list LIKE '%inner%'", 'tr-1'],
      ["span.attributes.odd LIKE '%'", ''],
      ["span.attributes.none != 'x'", ''],
      ["trace.text LIKE '%inner%'", 'tr-1'],
      ["span.content ILIKE '%OTHER%'", 'tr-2'],
    ] as const)
      assert.equal(await found(store, filter), expected, filter ?? 'all')
  })

  test(`${name}: assessments are searched by their value, with or without its quotes, as long as they are valid`, async t => {
    const store = await open(t)
    await add(store, 'tr-1', { assessments: [{}, { name: 'fast', value: 'true' }] })
    await add(store, 'tr-2', {
      assessments: [{ value: '"bad"' }, { kind: 'expectation', name: 'answer', value: '42' }],
    })
    await add(store, 'tr-3', { assessments: [{ valid: false }, { kind: 'issue', name: 'i-1', value: '"i-1"' }] })

    for (const [filter, expected] of [
      ["feedback.quality = 'good'", 'tr-1'],
      [`feedback.quality = '"good"'`, 'tr-1'],
      ["feedback.quality != 'good'", 'tr-2'],
      ["feedback.fast = 'true'", 'tr-1'],
      ["feedback.quality LIKE 'b%'", 'tr-2'],
      ["expectation.answer IN ('42', '43')", 'tr-2'],
      ['feedback.quality IS NULL', 'tr-3'],
      ['feedback.quality IS NOT NULL', 'tr-1 tr-2'],
      ["issue.id = 'i-1'", 'tr-3'],
      ['expectation.answer > 41.5', 'tr-2'],
      ['expectation.answer >= 42 AND expectation.answer <= 42', 'tr-2'],
      ['expectation.answer < 42', ''],
      ['feedback.quality > 0', ''],
      ['feedback.fast >= 0', ''],
    ] as const)
      assert.equal(await found(store, filter), expected, filter ?? 'all')
  })

  test(`${name}: as many conditions as a filter may have, and many experiments, are answered`, async t => {
    const store = await open(t)
    const tags = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, `v${i % 3}`]))
    await add(store, 'tr-all', { tags })
    await add(store, 'tr-some', { tags: { ...tags, k7: 'other' } })
    const experiments = Array.from({ length: 10_000 }, (_, i) => String(i))
    const all = (operator: string): string =>
      Object.entries(tags)
        .map(([key, value]) => `tags.${key} ${operator} '${value}'`)
        .join(' AND ')

    assert.deepEqual(
      [await found(store, all('='), { experiments }), await found(store, all('LIKE'), { experiments })],
      ['tr-all', 'tr-all'],
    )
  })

  test(`${name}: pages follow any order, absent values last, and neither skip nor repeat while traces arrive`, async t => {
    const store = await open(t)
    for (const [index, durationMs] of [30, undefined, 10, 20, undefined].entries())
      await add(store, `tr-${index}`, {
        requestedAt: (100 + (index % 2)) as Millis,
        ...(durationMs === undefined ? {} : { durationMs, tags: { rank: String(durationMs) } }),
      })
    const pages = async (by: readonly string[]): Promise<string> => {
      const seen: string[] = []
      let after: string | undefined
      do {
        const page = await store.search(query(undefined, { by, limit: 2, after }))
        seen.push(...page.items.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      return seen.join(' ')
    }

    assert.equal(await pages([]), 'tr-1 tr-3 tr-0 tr-2 tr-4')
    assert.equal(await pages(['execution_time_ms ASC']), 'tr-2 tr-3 tr-0 tr-1 tr-4')
    assert.equal(await pages(['execution_time_ms DESC']), 'tr-0 tr-3 tr-2 tr-1 tr-4')
    assert.equal(await pages(['tag.rank DESC', 'timestamp_ms ASC']), 'tr-0 tr-3 tr-2 tr-4 tr-1')
    assert.equal(await pages(['end_time ASC', 'request_id DESC']), 'tr-4 tr-1 tr-2 tr-3 tr-0')
    const first = await store.search(query(undefined, { limit: 2 }))
    await add(store, 'tr-9', { requestedAt: 999 as Millis })
    const second = await store.search(query(undefined, { limit: 3, after: first.next }))
    assert.deepEqual([second.items.map(({ id }) => id), second.next], [['tr-0', 'tr-2', 'tr-4'], undefined])
  })

  test(`${name}: two conditions are counted alone, together, and among all that a third lets through`, async t => {
    const store = await open(t)
    for (const [index, tags] of [{ a: '1', b: '1' }, { a: '1' }, { b: '1' }, {}, { a: '1', b: '1' }].entries())
      await add(store, `tr-${index}`, { tags: { ...tags } as Labels, state: index === 4 ? 'ERROR' : 'OK' })
    const of = (text: string) => parseFilter(text, traceLanguage)
    const filters = { first: of("tag.a = '1'"), second: of("tag.b = '1'"), base: undefined }

    assert.deepEqual(await store.count(['1'], filters), { first: 3, second: 3, joint: 2, total: 5 })
    assert.deepEqual(await store.count(['1'], { ...filters, base: of("status = 'OK'") }), {
      first: 2,
      second: 2,
      joint: 1,
      total: 4,
    })
    assert.deepEqual(await store.count(['2'], filters), { first: 0, second: 0, joint: 0, total: 0 })
  })
}
