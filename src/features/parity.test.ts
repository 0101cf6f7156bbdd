import { test } from 'node:test'
import fc from 'fast-check'
import { openBed, rules, shop } from './testing.ts'

/** Rows of a source: an instant in hours, a value with all its digits, and when the label asks. */
const hour = 3_600_000
const start = Date.UTC(2015, 2, 1)
const key = fc.constantFrom('a', 'b', 'c')
const event = fc.record({
  city: key,
  time: fc.integer({ min: 0, max: 400 }),
  x: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { freq: 6 }),
})
const events = fc.uniqueArray(event, { minLength: 2, maxLength: 40, selector: row => `${row.city} ${row.time}` })
const questions = fc.uniqueArray(fc.record({ city: key, time: fc.integer({ min: 0, max: 400 }) }), {
  minLength: 1,
  maxLength: 30,
  selector: row => `${row.city} ${row.time}`,
})

const iso = (time: number): string => new Date(start + time * hour).toISOString()
const csv = (rows: readonly { city: string; time: number; x?: number | null }[]): string =>
  `city,since,x\n${rows.map(row => `${row.city},${iso(row.time)},${row.x ?? ''}`).join('\n')}\n`
const columns = { city: 'string', since: 'timestamp', x: 'number' } as const
const spec = {
  ...shop,
  sources: {
    days: { type: 'csv' as const, path: 'days.csv', columns },
    asked: { type: 'csv' as const, path: 'asked.csv', columns },
  },
  features: { daily: { ...shop.features.daily, maxAge: '48h', retention: '30d' } },
  labels: { tomorrow: { source: 'asked', sql: 'label.sql' } },
}
const files = {
  ...rules,
  'transform.sql': 'select * from source',
  'engineer.sql':
    'select city, since as event_time, x, coalesce(x, 0) > 0 as wet, city as name, (epoch(since) // 3600)::bigint as n from transformed',
  'label.sql': 'select city, since as event_time, 1 as label, since as known_at from source',
}

test('for any key and instant, what is trained on is what is served', async t => {
  const bed = await openBed(t)

  await fc.assert(
    fc.asyncProperty(events, questions, async (rows, asked) => {
      await bed.declare(spec, { ...files, 'days.csv': csv(rows), 'asked.csv': csv(asked) })
      const [dataset, labels] = [await bed.dataset('days'), await bed.dataset('asked')]
      const { outputs } = await bed.call('features.compute', { params: { view: 'daily' }, inputs: { dataset } })
      await bed.call('features.materialise', { inputs: outputs })
      const offline = await bed
        .call('features.training-set', {
          params: { service: 'rain', label: 'tomorrow' },
          inputs: { dataset: labels, features: outputs['features']! },
        })
        .then(
          made => bed.rows(made.outputs['rows']),
          () => [],
        )

      const online = []
      for (const { city, time } of asked.toSorted((a, b) => a.time - b.time || (a.city < b.city ? -1 : 1))) {
        const at = (start + time * hour) as never
        const [row] = await bed.features.readOnline({ project: 'rain', service: 'rain', keys: [city], at })
        if (row!.status === 'present') online.push({ city, event_time: at, ...row!.values, label: 1 })
      }
      t.assert.deepEqual(offline, online)
    }),
    { numRuns: 8 },
  )
})
