import { seededRandom } from '#statistics'
import { sizeOf, type Axis } from './axis.ts'
import type { Places, Plane } from './plane.ts'

/** A grid with more points is refused. */
export const gridMax = 100_000

const known = new WeakMap<Plane, { readonly points: number; readonly seed: number; readonly all: readonly Places[] }>()

/**
 * All combinations, in an order that is shuffled by the seed, so that a grid which is not finished has been everywhere.
 * A parameter whose conditions do not hold multiplies nothing.
 *
 * @param points How many values a parameter without steps has, the ends of its range among them.
 * @returns Undefined when there are more than {@link gridMax}.
 */
export function gridOf(
  plane: Plane,
  { points, seed }: { points: number; seed: number },
): readonly Places[] | undefined {
  const before = known.get(plane)
  if (before?.points === points && before.seed === seed) return before.all
  const all: Places[] = []
  if (!combine(plane, points, 0, new Float64Array(plane.axes.length).fill(Number.NaN), all)) return undefined
  shuffle(all, seededRandom(seed))
  known.set(plane, { points, seed, all })
  return all
}

/** Adds what begins with `places` up to `index`. False when there are too many. */
// oxlint-disable-next-line max-params -- the state of a recursion
function combine(plane: Plane, points: number, index: number, places: Places, all: Places[]): boolean {
  const axis = plane.axes[index]
  if (!axis) return all.push(places.slice()) <= gridMax
  if (!plane.exists(index, places)) return combine(plane, points, index + 1, places, all)
  const isDone = placesOn(axis, points).every(place => {
    places[index] = place
    return combine(plane, points, index + 1, places, all)
  })
  places[index] = Number.NaN
  return isDone
}

function placesOn(axis: Axis, points: number): readonly number[] {
  const size = sizeOf(axis)
  if (size !== undefined) return Array.from({ length: Math.min(size, gridMax + 1) }, (_, place) => place)
  return points === 1 ? [0.5] : Array.from({ length: points }, (_, at) => at / (points - 1))
}

/** [Fisher and Yates 1938] */
function shuffle<Item>(items: Item[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[items[last], items[other]] = [items[other]!, items[last]!]
  }
}
