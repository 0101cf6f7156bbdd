import type { ParamSpec, ParamValue } from '#project'

/**
 * One parameter as the samplers see it: numbers lie on the unit interval, in logarithms if so declared, and values that
 * come in steps are cells of it, of equal width or, in logarithms, of the width between the halves. Choices have no order.
 */
export type Axis =
  | { readonly kind: 'line'; readonly low: number; readonly high: number; readonly log: boolean }
  | {
      readonly kind: 'cells'
      readonly count: number
      readonly low: number
      readonly step: number
      readonly log: boolean
      readonly whole: boolean
    }
  | { readonly kind: 'choices'; readonly choices: readonly ParamValue[] }

/** A place on an axis: on a line a number in [0, 1], else the index of the cell or choice. */
export type Place = number

export function axisOf(param: ParamSpec): Axis {
  if (param.type === 'categorical') return { kind: 'choices', choices: param.choices }
  const { low, high, step, log } = param
  if (step === undefined) return { kind: 'line', low, high, log }
  const count = Math.floor((high - low) / step + 1e-9) + 1
  return { kind: 'cells', count, low, step, log, whole: param.type === 'int' }
}

/** How many places there are; undefined on a line. */
export const sizeOf = (axis: Axis): number | undefined =>
  axis.kind === 'line' ? undefined : axis.kind === 'cells' ? axis.count : axis.choices.length

export function valueAt(axis: Axis, place: Place): ParamValue {
  switch (axis.kind) {
    case 'choices':
      return axis.choices[place]!
    case 'cells': {
      const value = axis.low + place * axis.step
      // 0.1 + 2 · 0.1 is meant to be 0.3.
      return axis.whole ? value : Number(value.toPrecision(12))
    }
    case 'line': {
      const { low, high, log } = axis
      const value = log ? Math.exp(Math.log(low) + place * Math.log(high / low)) : low + place * (high - low)
      return Math.min(high, Math.max(low, value))
    }
  }
}

export function placeOf(axis: Axis, value: ParamValue): Place {
  switch (axis.kind) {
    case 'choices':
      return axis.choices.indexOf(value)
    case 'cells':
      return Math.min(axis.count - 1, Math.max(0, Math.round(((value as number) - axis.low) / axis.step)))
    case 'line': {
      const { low, high, log } = axis
      if (high === low) return 0.5
      const along = log
        ? Math.log((value as number) / low) / Math.log(high / low)
        : ((value as number) - low) / (high - low)
      return Math.min(1, Math.max(0, along))
    }
  }
}

/** The part of the unit interval that a cell is. */
export function cellAt(
  { count, low, log }: Axis & { kind: 'cells' },
  index: Place,
): readonly [from: number, to: number] {
  if (!log) return [index / count, (index + 1) / count]
  const all = Math.log((low + count - 0.5) / (low - 0.5))
  const edge = (at: number): number => Math.log((low + at - 0.5) / (low - 0.5)) / all
  return [edge(index), edge(index + 1)]
}

/** The place that a number of the unit interval falls into. */
export function placeAt(axis: Axis, unit: number): Place {
  if (axis.kind === 'line') return unit
  const count = axis.kind === 'cells' ? axis.count : axis.choices.length
  if (axis.kind === 'choices' || !axis.log) return Math.min(count - 1, Math.floor(unit * count))
  const value = (axis.low - 0.5) * ((axis.low + count - 0.5) / (axis.low - 0.5)) ** unit
  return Math.min(count - 1, Math.max(0, Math.round(value - axis.low)))
}

/** Where a place is on the unit interval: the middle of a cell or choice. */
export function unitOf(axis: Axis, place: Place): number {
  if (axis.kind === 'line') return place
  if (axis.kind === 'choices') return (place + 0.5) / axis.choices.length
  const [from, to] = cellAt(axis, place)
  return (from + to) / 2
}
