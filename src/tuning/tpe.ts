import { seededRandom } from '#statistics'
import type { Place } from './axis.ts'
import { parzen, type Kernel, type Parzen } from './parzen.ts'
import { placesOf, walk, type Places, type Plane } from './plane.ts'
import { sobolPlaces } from './quasi-random.ts'
import type { History, Question, Seen } from './trial.ts'

export interface TpeOptions {
  /** So many trials are drawn evenly before there is a model. */
  readonly startup: number
  /** Whether parameters are modelled together [Falkner et al. 2018] or each by itself [Bergstra et al. 2011]. */
  readonly multivariate: boolean
}

/** Draws from the density of good trials; of these the one that is likeliest to be no bad one is tried. */
const candidates = 48
/** The model looks at the 25 best trials at most, and at so many others: what it costs does not grow with the study. */
const badMax = 200
/** Kernels are never narrower than this part of the range. */
const floor = 0.01

/**
 * The tree-structured Parzen estimator [Bergstra et al. 2011, 2013]. The tenth of trials that is best makes the density
 * l, the others g; the candidate of l with the greatest l/g is tried. Failed trials are bad, and so are running ones,
 * that workers who ask at the same time look elsewhere [constant liar: Ginsbourger et al. 2010].
 */
export function tpe(plane: Plane, { history, number, seed }: Question, options: TpeOptions): Places {
  if (history.measured < options.startup) return sobolPlaces(plane, { number, seed })
  const random = seededRandom(seed * 1_000_003 + number)
  const { good, bad } = split(history)
  const kernels = (seen: readonly Seen[]): readonly Kernel[] =>
    seen.map((trial, index) => ({ places: placesIn(plane, trial), weight: recency(index, seen.length) }))
  return options.multivariate
    ? best(parzen(plane, kernels(good), floor), parzen(plane, kernels(bad), floor), random)
    : oneByOne(plane, { good: kernels(good), bad: kernels(bad) }, random)
}

/** Trials never change, and are asked about again and again. */
const knownPlaces = new WeakMap<Seen, Places>()

function placesIn(plane: Plane, trial: Seen): Places {
  const before = knownPlaces.get(trial)
  if (before) return before
  const places = placesOf(plane, trial.params)
  knownPlaces.set(trial, places)
  return places
}

function split(history: History): { good: readonly Seen[]; bad: readonly Seen[] } {
  const chosen = new Set(history.leaders.slice(0, Math.ceil(history.measured / 10)))
  const bad = history.newest(badMax).filter(seen => !chosen.has(seen))
  return { good: [...chosen].toSorted((a, b) => a.number - b.number), bad }
}

/** Of more than 25 trials the last 25 count in full, the others the less the older they are. */
function recency(index: number, count: number): number {
  const old = count - 25
  if (index >= old) return 1
  return old === 1 ? 1 / count : 1 / count + (index / (old - 1)) * (1 - 1 / count)
}

function best(good: Parzen, bad: Parzen, random: () => number): Places {
  let found: Places | undefined
  let most = Number.NEGATIVE_INFINITY
  for (let count = 0; count < candidates; count++) {
    const places = good.draw(random)
    const score = good.log(places) - bad.log(places)
    if (found === undefined || score > most) [found, most] = [places, score]
  }
  return found!
}

/** Each parameter by itself, given those before it only by whether it exists. */
function oneByOne(
  plane: Plane,
  { good, bad }: { good: readonly Kernel[]; bad: readonly Kernel[] },
  random: () => number,
): Places {
  return walk(plane, (axis, index): Place => {
    const line: Plane = { names: [plane.names[index]!], axes: [axis], exists: () => true, isFree: () => true }
    const having = (kernels: readonly Kernel[]): readonly Kernel[] =>
      kernels
        .filter(({ places }) => !Number.isNaN(places[index]))
        .map(({ places, weight }) => ({ places: places.subarray(index, index + 1), weight }))
    return best(parzen(line, having(good), floor), parzen(line, having(bad), floor), random)[0]!
  })
}
