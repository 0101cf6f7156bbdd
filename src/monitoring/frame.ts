/** A value of one feature. */
export type Cell = number | string | boolean | null

/** Rows by column, all of the same length: what a window and its reference are compared as. Plain JSON. */
export interface Frame {
  /** Event time, in milliseconds; ascending in a reference. */
  readonly at: readonly number[]
  /** Entity key, or null where a prediction had none. */
  readonly key: readonly (string | null)[]
  readonly features: Readonly<Record<string, readonly Cell[]>>
  /** What the model said: a probability, or the predicted value. */
  readonly score: readonly (number | null)[]
  /** What really happened, where it is known. */
  readonly label: readonly (number | null)[]
}

export const rowCount = (frame: Frame): number => frame.at.length

/** The values at these positions. */
export const pick = <Value>(values: readonly Value[], positions: readonly number[]): readonly Value[] =>
  positions.map(position => values[position]!)

/** The rows at these positions, in that order. */
export const take = (frame: Frame, positions: readonly number[]): Frame => ({
  at: pick(frame.at, positions),
  key: pick(frame.key, positions),
  features: Object.fromEntries(Object.entries(frame.features).map(([name, cells]) => [name, pick(cells, positions)])),
  score: pick(frame.score, positions),
  label: pick(frame.label, positions),
})

/** The positions of the rows that satisfy a condition, in order. */
export function positionsWhere(frame: Frame, isWanted: (position: number) => boolean): readonly number[] {
  const found: number[] = []
  for (let position = 0; position < frame.at.length; position++) if (isWanted(position)) found.push(position)
  return found
}

export const isMissing = (cell: Cell | undefined): boolean => cell === null || cell === undefined || Number.isNaN(cell)

/** At most `limit` of the positions, evenly spread: thinning keeps the shape of what is stored by time. */
export function thin(positions: readonly number[], limit: number): readonly number[] {
  if (positions.length <= limit) return positions
  return Array.from({ length: limit }, (_, i) => positions[Math.floor((i * positions.length) / limit)]!)
}
