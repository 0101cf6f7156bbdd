import { test } from 'node:test'
import type { MonitorWindow, Signal } from '../../wire.ts'
import { densityOf, sharesOf, stepPath } from './bins.ts'
import { heatRows, heatStep, ratioOf } from './heat.ts'

test('deciles of an even spread are bars of one height', t => {
  const bars = densityOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.assert.deepEqual(
    bars.map(({ height }) => Math.round(height * 1_000)),
    Array.from({ length: 10 }, () => 1_000),
  )
})

test('deciles that fall together are a narrow bar, higher than the others', t => {
  const bars = densityOf([0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16])
  t.assert.equal(bars[0]!.height, 1)
  t.assert.equal(bars[9]!.height < 0.3 && bars[9]!.width > 10 * bars[0]!.width, true)
})

test('a column of one value has no density', t => {
  t.assert.deepEqual(densityOf([5, 5, 5]), [])
})

test('a step histogram starts and ends on the base line', t => {
  t.assert.equal(stepPath([0.5, 1], { width: 20, height: 10 }), 'M 0 10 L 0 5 L 10 5 L 10 0 L 20 0 L 20 10')
})

test('counts of nothing are shares of nothing', t => {
  t.assert.deepEqual(sharesOf([0, 0]), [0, 0])
})

test('the colour of a cell changes at its threshold and at twice that', t => {
  t.assert.deepEqual([0, 0.5, 0.99, 1, 1.99, 2, 40].map(heatStep), [0, 2, 4, 5, 5, 6, 6])
  t.assert.equal(ratioOf({ score: 0.3, threshold: 0.2 }) > 1, true)
})

test('rows of a heat-map: what is not a feature first, then features by importance times drift, gaps kept', t => {
  const signal = (kind: Signal['kind'], name: string, score: number, importance?: number): Signal => ({
    kind,
    name,
    state: 'ok',
    score,
    threshold: 1,
    because: '',
    ...(importance === undefined ? {} : { importance }),
  })
  const window = (id: string, signals: Signal[]): MonitorWindow => ({ id, signals }) as unknown as MonitorWindow
  const rows = heatRows([
    window('1', [signal('feature_drift', 'minor', 3, 0.01), signal('contract', 'rows', 0)]),
    window('2', [signal('feature_drift', 'major', 2, 0.9), signal('contract', 'rows', 0)]),
  ])
  t.assert.deepEqual(
    rows.map(({ name, cells }) => [name, cells.map(cell => cell?.window.id)]),
    [
      ['rows', ['1', '2']],
      ['major', [undefined, '2']],
      ['minor', ['1', undefined]],
    ],
  )
})
