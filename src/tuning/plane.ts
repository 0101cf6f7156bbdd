import { allowedOf, inOrder, type ParamValue, type SearchSpace } from '#project'
import { axisOf, placeOf, valueAt, type Axis, type Place } from './axis.ts'

/** What a trial is run with. Parameters whose conditions do not hold are left out. */
export type Assignment = Readonly<Record<string, ParamValue>>

/** A search space made ready for samplers: its axes, such that each comes after those that its conditions name. */
export interface Plane {
  readonly names: readonly string[]
  readonly axes: readonly Axis[]
  /** Whether axis `index` exists, given the places on those before it. */
  exists(index: number, places: Places): boolean
  /** Whether axis `index` exists in every trial. */
  isFree(index: number): boolean
}

/** Places along the axes of a plane; NaN where the parameter does not exist. */
export type Places = Float64Array

export function planeOf(space: SearchSpace): Plane {
  const names = inOrder(space)
  const axes = names.map(name => axisOf(space[name]!))
  const conditions = names.map(name =>
    Object.entries(space[name]!.when ?? {}).map(([other, given]) => ({
      other: names.indexOf(other),
      allowed: new Set<ParamValue>(allowedOf(given)),
    })),
  )
  return {
    names,
    axes,
    isFree: index => conditions[index]!.length === 0,
    exists: (index, places) =>
      conditions[index]!.every(({ other, allowed }) => {
        const place = places[other]!
        return !Number.isNaN(place) && allowed.has(valueAt(axes[other]!, place))
      }),
  }
}

/** Goes along the axes in their order, and asks for a place on each that exists. */
export function walk({ axes, exists }: Plane, placeOn: (axis: Axis, index: number, places: Places) => Place): Places {
  const places = new Float64Array(axes.length).fill(Number.NaN)
  for (const [index, axis] of axes.entries()) if (exists(index, places)) places[index] = placeOn(axis, index, places)
  return places
}

export const assignmentOf = ({ names, axes }: Plane, places: Places): Assignment =>
  Object.fromEntries(
    names.flatMap((name, index) =>
      Number.isNaN(places[index]) ? [] : [[name, valueAt(axes[index]!, places[index]!)]],
    ),
  )

export const placesOf = ({ names, axes }: Plane, assignment: Assignment): Places =>
  Float64Array.from(names, (name, index) => {
    const value = assignment[name]
    return value === undefined ? Number.NaN : placeOf(axes[index]!, value)
  })
