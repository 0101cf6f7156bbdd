import { seededRandom, sobol } from '#statistics'
import { placeAt } from './axis.ts'
import { walk, type Places, type Plane } from './plane.ts'

/** Every trial by itself, evenly over each range. */
export function randomPlaces(plane: Plane, { number, seed }: { number: number; seed: number }): Places {
  const random = seededRandom(seed * 1_000_003 + number)
  return walk(plane, axis => placeAt(axis, random()))
}

/** Trials that together fill the ranges more evenly than chance: points of a scrambled Sobol sequence. */
export const sobolPlaces = (plane: Plane, { number, seed }: { number: number; seed: number }): Places =>
  walk(plane, (axis, index) => placeAt(axis, sobol(number, index, seed)))
