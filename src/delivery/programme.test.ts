import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applied, withCanary } from './testing-stage.ts'

test('a challenger is rehearsed on what the champion was asked, with the truth about it, where the project wants that', async t => {
  const bench = await applied(t, { deployments: { rain: { model: 'rain', replay: { rows: 50 } } } })
  bench.serving.logged = ['live', 'failed', 'of another'].map(
    id => ({ id, features: { wind: 1 }, outputs: { p: 0.5 } }) as never,
  )
  const arrive = bench.serving.predictions
  bench.serving.predictions = async query => {
    const champion = bench.serving.revisions.find(({ state }) => state === 'live')!.id
    const { items } = await arrive(query)
    return {
      items: items.map((item, at) => ({
        ...item,
        revision: at === 2 ? 'rev_else' : champion,
        ...(at === 1 && { error: 'no' }),
      })),
    }
  }
  await withCanary(bench)

  assert.deepEqual(bench.rehearsal.replays, [
    undefined,
    { rows: [{ inputs: { wind: 1 }, outputs: { p: 0.5 }, truth: 1 }], rules: { rows: 50, psi: 0.25 } },
  ])
})

test('a challenger is asked what the champion was asked, and may cost so much more, also where nothing is declared', async t => {
  const bench = await applied(t, { deployments: { rain: { model: 'rain', rehearsal: { requests: 2, cost: 3 } } } })
  const arrive = bench.serving.predictions
  bench.serving.predictions = async query => {
    const { items } = await arrive(query)
    const champion = bench.serving.revisions.find(({ state }) => state === 'live')!.id
    return { items: items.map(item => ({ ...item, revision: champion })), next: 'more' }
  }
  bench.serving.logged = [1, 2, 3].map(wind => ({ id: `prd_${wind}`, features: { wind }, outputs: {} }) as never)
  await withCanary(bench)

  assert.deepEqual(bench.rehearsal.programmes, [
    { requests: 2, rows: { recorded: [], known: [{ wind: 1.5 }, { wind: -2 }] }, cost: undefined },
    {
      requests: 2,
      rows: { recorded: [{ wind: 1 }, { wind: 2 }], known: [] },
      cost: { champion: bench.serving.revisions.find(({ state }) => state === 'live')!.bundle, most: 3 },
    },
  ])
})
