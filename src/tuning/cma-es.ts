import { normalQuantile, seededRandom } from '#statistics'
import { placeAt, type Axis } from './axis.ts'
import { drawDirection, firstSize, isSpent, nextGeneration, startCma, type CmaState } from './cma-state.ts'
import { walk, type Places, type Plane } from './plane.ts'
import { tpe } from './tpe.ts'
import type { Question, Seen } from './trial.ts'

/** The place for a trial, and the generation that it belongs to, which is kept with it. */
export interface CmaAnswer {
  readonly places: Places
  readonly generation: number | undefined
}

/** How far the generations of a study have been gone through. */
interface Progress {
  readonly seed: number
  /** How many ended trials were looked at, and the last of them. */
  readonly seen: number
  readonly last: number | undefined
  readonly state: CmaState
  readonly told: readonly Seen[]
}

const known = new WeakMap<Plane, Progress>()

/**
 * The covariance matrix adaptation evolution strategy [Hansen 2016] over the numeric parameters that every trial has;
 * choices and parameters under conditions are drawn by TPE. A generation is complete with the first so many of its
 * trials that have ended; when it is spent the search starts elsewhere with twice as many [IPOP: Auger and Hansen 2005].
 * Its state is what the trials, in the order in which they ended, come to: a restart computes it again.
 */
export function cmaEs(plane: Plane, question: Question): CmaAnswer {
  const chosen = plane.axes.flatMap((axis, index) => (axis.kind !== 'choices' && plane.isFree(index) ? [index] : []))
  const isAll = chosen.length === plane.axes.length
  const rest = isAll ? new Float64Array() : tpe(plane, question, { startup: 10, multivariate: false })
  if (chosen.length === 0) return { places: rest, generation: undefined }
  const axes = chosen.map(index => plane.axes[index]!)
  const { state } = progress(axes, plane, question)
  const units = unitsOf(state, axes, directionOf(state, axes, seedOf(question)))
  const places = walk(plane, (axis, index) => {
    const own = chosen.indexOf(index)
    if (own !== -1) return placeAt(axis, Math.min(1, Math.max(0, units[own]!)))
    // Under numbers that TPE has not seen it may exist here and not there.
    return Number.isNaN(rest[index]) ? placeAt(axis, seededRandom(seedOf(question) + index)()) : rest[index]!
  })
  return { places, generation: state.generation }
}

const seedOf = ({ seed, number }: { seed: number; number: number }): number => seed * 1_000_003 + number

/** The state after all trials that have ended, from where the last question has left it. */
function progress(axes: readonly Axis[], plane: Plane, { history: { ended }, seed }: Question): Progress {
  const before = known.get(plane)
  const isOurs = before?.seed === seed && (before.seen === 0 || ended[before.seen - 1]?.number === before.last)
  let now: Progress = isOurs ? before : startOf(axes.length, seed)
  for (let next = ended[now.seen]; next; next = ended[now.seen]) now = withTrial(now, next, axes)
  known.set(plane, now)
  return now
}

function startOf(dimensions: number, seed: number): Progress {
  const mean = new Float64Array(dimensions).fill(0.5)
  const state = startCma({ dimensions, size: firstSize(dimensions), generation: 0, mean })
  return { seed, seen: 0, last: undefined, state, told: [] }
}

function withTrial({ seed, seen, state, told }: Progress, trial: Seen, axes: readonly Axis[]): Progress {
  const next = { seed, seen: seen + 1, last: trial.number }
  if (trial.note !== state.generation) return { ...next, state, told }
  const all = [...told, trial]
  if (all.length < state.size) return { ...next, state, told: all }
  const ordered = all.toSorted((a, b) => lossOf(a) - lossOf(b) || a.number - b.number)
  const directions = ordered.map(({ number }) => directionOf(state, axes, seedOf({ seed, number })))
  const grown = nextGeneration(state, directions, lossOf(ordered[0]!))
  return { ...next, state: isSpent(grown) ? restarted(grown, seed) : grown, told: [] }
}

/** What was pruned or failed is behind what was completed. */
function lossOf({ state, loss }: Seen): number {
  if (state === 'complete') return loss!
  return state === 'pruned' ? Number.MAX_VALUE : Number.POSITIVE_INFINITY
}

function restarted({ generation, size, mean }: CmaState, seed: number): CmaState {
  const random = seededRandom(seed + generation)
  return startCma({ dimensions: mean.length, size: size * 2, generation, mean: mean.map(() => random()) })
}

const triesMax = 100

/** The direction of a trial: drawn again while it leads out of the ranges, at last cut by who uses it. */
function directionOf(state: CmaState, axes: readonly Axis[], seed: number): Float64Array {
  let drawn = drawDirection(state, seed)
  const isInside = (): boolean => unitsOf(state, axes, drawn).every(unit => unit >= 0 && unit <= 1)
  for (let tries = 1; !isInside() && tries < triesMax; tries++) drawn = drawDirection(state, seed + tries / 128)
  return drawn
}

const unitsOf = (state: CmaState, axes: readonly Axis[], direction: Float64Array): Float64Array =>
  direction.map((value, i) => state.mean[i]! + state.step * wideningOf(state, axes[i]!, i) * value)

/**
 * Of values in steps some share of a generation must fall into other cells, or the strategy stands still: their spread
 * is not let below that [after the margin of Hamano et al. 2022].
 */
function wideningOf({ covariance, step, size }: CmaState, axis: Axis, i: number): number {
  if (axis.kind !== 'cells') return 1
  const deviation = step * Math.sqrt(covariance[i]![i]!)
  const least = 0.5 / axis.count / normalQuantile(1 - 0.5 / (covariance.length * size))
  return Math.max(1, least / deviation)
}
