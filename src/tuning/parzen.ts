import { truncatedNormals } from '#statistics'
import { cellAt, placeAt, unitOf, type Axis, type Place } from './axis.ts'
import { walk, type Places, type Plane } from './plane.ts'

/**
 * A density over a search space: a mixture with one kernel for each trial and one for the prior. A kernel is a product
 * over the parameters: a normal cut to the range, or a choice with the trial's own more likely. Of a parameter that
 * the trial did not have its kernel knows nothing and is the prior, so that spaces with conditions need no splitting.
 */
export interface Parzen {
  draw(random: () => number): Places
  /** The logarithm of the density of what exists at these places. */
  log(places: Places): number
}

export interface Kernel {
  readonly places: Places
  readonly weight: number
}

interface Column {
  draw(kernel: number, random: () => number): Place
  /** Adds the logarithm of each kernel's density at a place. */
  addLogs(place: Place, logs: Float64Array): void
}

const priorWeight = 1

export function parzen(plane: Plane, kernels: readonly Kernel[], floor: number): Parzen {
  const weights = [...kernels.map(({ weight }) => weight), priorWeight]
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const logWeights = Float64Array.from(weights, weight => Math.log(weight / sum))
  const columns = plane.axes.map((axis, index) =>
    columnOf(axis, [...kernels.map(({ places }) => places[index]!), Number.NaN], floor),
  )
  const logs = new Float64Array(weights.length)
  return {
    draw(random) {
      const kernel = chosen(weights, random() * sum)
      return walk(plane, (_, index) => columns[index]!.draw(kernel, random))
    },
    log(places) {
      logs.set(logWeights)
      for (const [index, column] of columns.entries()) {
        const place = places[index]!
        if (!Number.isNaN(place)) column.addLogs(place, logs)
      }
      return logSum(logs)
    },
  }
}

function chosen(weights: readonly number[], at: number): number {
  let left = at
  const index = weights.findIndex(weight => (left -= weight) < 0)
  return index === -1 ? weights.length - 1 : index
}

function logSum(logs: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY
  for (const log of logs) if (log > most) most = log
  let sum = 0
  for (const log of logs) sum += Math.exp(log - most)
  return most + Math.log(sum)
}

/** One parameter of all kernels; NaN is the prior's. */
function columnOf(axis: Axis, places: readonly Place[], floor: number): Column {
  if (axis.kind === 'choices') return choiceColumn(axis.choices.length, places)
  const centres = Float64Array.from(places, place => (Number.isNaN(place) ? 0.5 : unitOf(axis, place)))
  const normals = truncatedNormals(centres, widths(centres, places, floor))
  return {
    draw: (kernel, random) => placeAt(axis, normals.quantile(kernel, random())),
    addLogs:
      axis.kind === 'line'
        ? normals.addLogDensities
        : (place, logs) => normals.addLogMasses(...cellAt(axis, place), logs),
  }
}

/**
 * How wide each kernel is: as far as the farther of its neighbours [Bergstra et al. 2011], but not below `floor` or half
 * of the n-th part of the range, nor wider than it.
 */
function widths(centres: Float64Array, places: readonly Place[], floor: number): Float64Array {
  const own = places.flatMap((place, kernel) => (Number.isNaN(place) ? [] : [kernel]))
  own.sort((a, b) => centres[a]! - centres[b]!)
  const least = Math.max(floor, 0.5 / (own.length + 2))
  const result = new Float64Array(centres.length).fill(1)
  for (const [at, kernel] of own.entries()) {
    const centre = centres[kernel]!
    const before = at === 0 ? 0 : centre - centres[own[at - 1]!]!
    const after = at === own.length - 1 ? 0 : centres[own[at + 1]!]! - centre
    const reach = own.length === 1 ? Math.max(centre, 1 - centre) : Math.max(before, after)
    result[kernel] = Math.min(1, Math.max(least, reach))
  }
  return result
}

/** Each choice has an n-th part of the prior, and the trial's own one more. */
function choiceColumn(count: number, places: readonly Place[]): Column {
  const part = priorWeight / places.length
  const all = 1 + part * count
  const [own, other, none] = [(1 + part) / all, part / all, 1 / count]
  const [logOwn, logOther, logNone] = [Math.log(own), Math.log(other), Math.log(none)]
  return {
    draw(kernel, random) {
      const place = places[kernel]!
      const unit = random()
      if (Number.isNaN(place)) return Math.min(count - 1, Math.floor(unit * count))
      if (unit < own - other) return place
      return Math.min(count - 1, Math.floor((unit - own + other) / other))
    },
    addLogs(place, logs) {
      for (let kernel = 0; kernel < logs.length; kernel++) {
        const known = places[kernel]!
        logs[kernel]! += Number.isNaN(known) ? logNone : known === place ? logOwn : logOther
      }
    },
  }
}
