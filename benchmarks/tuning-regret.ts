/**
 * The best value after 100 trials, by our default sampler and by Optuna's TPE: the median over as many seeds, on test
 * functions and on gradient boosting of scikit-learn's diabetes data. The same Python computes the objective for both.
 *
 *   node benchmarks/tuning-regret.ts [--seeds 20] [--from 0] [objective …]
 */
import { parseArgs } from 'node:util'
import { quantile } from '../src/statistics/index.ts'
import { assignmentOf, planeOf } from '../src/tuning/plane.ts'
import { propose } from '../src/tuning/sampler.ts'
import { parseStudy } from '../src/tuning/study.ts'
import { createHistory } from '../src/tuning/trial.ts'
import { startPeer, type Peer } from './tuning-peer.ts'
import { printTable } from './table.ts'

const cube = (count: number, low: number, high: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, { type: 'float', low, high }]))

const spaces: Readonly<Record<string, object>> = {
  branin: { x0: { type: 'float', low: -5, high: 10 }, x1: { type: 'float', low: 0, high: 15 } },
  hartmann6: cube(6, 0, 1),
  ackley5: cube(5, -32.768, 32.768),
  rosenbrock4: cube(4, -5, 10),
  conditional: {
    kind: { type: 'categorical', choices: ['a', 'b', 'c'] },
    rate: { type: 'float', low: 1e-5, high: 1, log: true },
    count: { type: 'int', low: 1, high: 20 },
    shift: { type: 'float', low: -5, high: 5, when: { kind: 'a' } },
    place: { type: 'float', low: 0, high: 10, when: { kind: 'b' } },
    width: { type: 'int', low: 1, high: 64, log: true, when: { kind: 'b' } },
  },
  boosting: {
    n_estimators: { type: 'int', low: 10, high: 80 },
    learning_rate: { type: 'float', low: 0.005, high: 0.5, log: true },
    max_depth: { type: 'int', low: 1, high: 6 },
    subsample: { type: 'float', low: 0.4, high: 1 },
    min_samples_leaf: { type: 'int', low: 1, high: 40 },
    max_features: { type: 'float', low: 0.1, high: 1 },
  },
}

const trials = 100

async function ours(peer: Peer, name: string, seed: number): Promise<number> {
  const spec = parseStudy({ name, space: spaces[name], metric: 'loss', direction: 'minimise', seed })
  const plane = planeOf(spec.space)
  const history = createHistory()
  let best = Number.POSITIVE_INFINITY
  for (let number = 0; number < trials; number++) {
    const { places, note } = propose(plane, spec.sampler, { history, number, seed })!
    const params = assignmentOf(plane, places)
    const loss = await peer.ask({ name, params })
    best = Math.min(best, loss)
    history.put({ number, state: 'complete', params, loss, step: undefined, note })
  }
  return best
}

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, from: { type: 'string', default: '0' } },
  allowPositionals: true,
})
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.from) + index)
const peer = await startPeer()
const rows: Record<string, string | number>[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(spaces)) {
  const own: number[] = []
  const theirs: number[] = []
  for (const seed of seeds) {
    own.push(await ours(peer, name, seed))
    theirs.push(await peer.ask({ name, space: spaces[name], seed, trials }))
  }
  const shown = (bests: readonly number[], q: number): string => quantile(bests, q).toPrecision(5)
  rows.push({
    objective: name,
    'Trainyard median': shown(own, 0.5),
    'Optuna median': shown(theirs, 0.5),
    'Trainyard quartiles': `${shown(own, 0.25)} … ${shown(own, 0.75)}`,
    'Optuna quartiles': `${shown(theirs, 0.25)} … ${shown(theirs, 0.75)}`,
    'no worse': quantile(own, 0.5) <= quantile(theirs, 0.5) ? 'yes' : 'no',
  })
  console.error(name, JSON.stringify(rows.at(-1)))
}
peer.stop()
printTable(`Best value after ${trials} trials, ${seeds.length} seeds (less is better)`, rows)
