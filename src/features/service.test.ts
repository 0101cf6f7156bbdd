import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { ProjectFile } from '#project'
import { resolveDeclared } from './resolve-service.ts'
import { joinViews, serviceFeatures, type ServiceView } from './service.ts'

const columns: Record<string, string[]> = { daily: ['rain', 'wind'], monthly: ['rain', 'sun'] }
const spec = (...features: string[]) =>
  ({
    name: 'rain',
    entities: { city: { key: 'town' } },
    features: { daily: { entity: 'city', maxAge: '3d' }, monthly: { entity: 'city' } },
    services: { rain: { features } },
  }) as unknown as ProjectFile
const resolve = (...features: string[]) =>
  resolveDeclared(spec(...features), 'rain', {
    columnsOf: view => columns[view]!.map(name => ({ name, type: 'number' })),
    rulesOf: () => ({ path: 'none.sql', digest: digestOf(''), text: '' }),
  })

test('a service has whole views, or chosen features of them, each once', t => {
  t.assert.deepEqual(resolve('daily'), {
    entityKey: 'town',
    views: [{ view: 'daily', fields: ['rain', 'wind'], maxAgeMs: 259_200_000 }],
  })
  t.assert.deepEqual(
    resolve('monthly:sun', 'daily:wind', 'daily').views.map(({ view, fields }) => [view, fields]),
    [
      ['monthly', ['sun']],
      ['daily', ['wind', 'rain']],
    ],
  )
  t.assert.throws(() => resolve('daily:sun'), {
    message: 'View daily has no feature sun.\n  services.rain.features = "daily:sun": a feature of daily: rain, wind',
  })
})

test('features are called as in their view, and by both names when two views share one', t => {
  const names = (service: ServiceView) => serviceFeatures(service).map(feature => feature.name)

  t.assert.deepEqual(names(resolve('daily')), ['rain', 'wind'])
  t.assert.deepEqual(names(resolve('daily', 'monthly')), ['daily__rain', 'wind', 'monthly__rain', 'sun'])
})

test('an answer is as old as its oldest part and as good as its worst one', t => {
  const daily = [
    { key: 'a', status: 'present' as const, eventTime: 20 as never, values: { rain: 1, wind: 2 } },
    { key: 'b', status: 'expired' as const, eventTime: 5 as never, values: {} },
    { key: 'c', status: 'not_found' as const, values: {} },
  ]
  const monthly = ['a', 'b', 'c'].map(key => ({
    key,
    status: 'present' as const,
    eventTime: 10 as never,
    values: { rain: 3, sun: 4 },
  }))

  t.assert.deepEqual(joinViews(resolve('daily', 'monthly'), ['a', 'b', 'c'], [daily, monthly]), [
    { key: 'a', status: 'present', eventTime: 10, values: { daily__rain: 1, wind: 2, monthly__rain: 3, sun: 4 } },
    { key: 'b', status: 'expired', eventTime: 5, values: { daily__rain: null, wind: null, monthly__rain: 3, sun: 4 } },
    {
      key: 'c',
      status: 'not_found',
      eventTime: 10,
      values: { daily__rain: null, wind: null, monthly__rain: 3, sun: 4 },
    },
  ])
})
