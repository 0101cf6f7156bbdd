import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
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

/** A challenger's rehearsal, where the champion has answered these three lately. */
async function afterThree(t: TestContext, declared: object) {
  const bench = await applied(t, { deployments: { rain: { model: 'rain', ...declared } } })
  const arrive = bench.serving.predictions
  bench.serving.predictions = async query => {
    const { items } = await arrive(query)
    const champion = bench.serving.revisions.find(({ state }) => state === 'live')!.id
    return { items: items.map(item => ({ ...item, revision: champion })), next: 'more' }
  }
  bench.serving.logged = [1, 2, 3].map(wind => ({ id: `prd_${wind}`, features: { wind }, outputs: {} }) as never)
  await withCanary(bench)
  return { programmes: bench.rehearsal.programmes, champion: bench.serving.revisions.at(-1)!.bundle }
}

test('a challenger is asked what the champion was asked, and may cost so much more, also where nothing is declared', async t => {
  const { programmes, champion } = await afterThree(t, { rehearsal: { requests: 2, cost: 3 } })

  assert.deepEqual(programmes, [
    { requests: 2, rows: { recorded: [], known: [{ wind: 1.5 }, { wind: -2 }] }, cost: undefined },
    { requests: 2, rows: { recorded: [{ wind: 1 }, { wind: 2 }], known: [] }, cost: { champion, most: 3 } },
  ])
})

test('a hash in place of a value is no value to ask with', async t => {
  const { programmes } = await afterThree(t, { rehearsal: { requests: 1 }, log: { redact: ['wind'] } })

  assert.deepEqual(
    programmes.map(programme => (programme as { rows: unknown }).rows),
    [
      { recorded: [], known: [{ wind: 1.5 }] },
      { recorded: [{}], known: [] },
    ],
  )
})
