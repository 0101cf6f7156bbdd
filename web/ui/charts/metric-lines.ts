/** One metric of one run as the server reduced it: for each bucket its place, lowest, highest and last value. */
export interface MetricLine {
  readonly id: string
  readonly label: string
  /** A colour token. */
  readonly color: string
  /** Growing: steps, or milliseconds. */
  readonly at: readonly number[]
  /** Null where a value is no number: drawn as a gap. */
  readonly last: readonly (number | null)[]
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
}

type Column = readonly (number | null | undefined)[]

/** All places of some lines on one axis, and the lines' columns along it: last, low, high of the first, of the second, … */
export interface Aligned {
  readonly at: readonly number[]
  readonly columns: readonly Column[]
}

/**
 * Lines that were measured at places of their own, brought to one axis. Undefined where a line was not measured, which
 * is drawn through; null where it was no number, which is a gap.
 */
export function aligned(lines: readonly MetricLine[], isLog: boolean): Aligned {
  const at = [...new Set(lines.flatMap(line => line.at))].toSorted((a, b) => a - b)
  const places = new Map(at.map((place, index) => [place, index]))
  const spread = (line: MetricLine, values: MetricLine['last']): Column => {
    const column = Array<number | null | undefined>(at.length).fill(undefined)
    line.at.forEach((place, index) => (column[places.get(place)!] = drawable(values[index] ?? null, isLog)))
    return column
  }
  return {
    at,
    columns: lines.flatMap(line => [
      spread(line, line.last),
      spread(line, isLog ? raised(line) : line.low),
      spread(line, line.high),
    ]),
  }
}

/** The lower edge of a band that reaches to zero or below is where the line is lowest above it. */
function raised({ last, low, high }: MetricLine): MetricLine['low'] {
  const floor = [...last, ...low, ...high].reduce<number>(
    (least, value) => (value !== null && value > 0 ? Math.min(least, value) : least),
    Number.POSITIVE_INFINITY,
  )
  return low.map((value, index) => (value !== null && value <= 0 && (high[index] ?? 0) > 0 ? floor : value))
}

/** A logarithm has no place for zero and below. */
const drawable = (value: number | null, isLog: boolean): number | null =>
  value === null || (isLog && value <= 0) ? null : value

/** Whether a bucket of the line stands for more than one value: only then is there a band to draw. */
export const hasBand = ({ low, high }: MetricLine): boolean => low.some((value, index) => value !== high[index])

const colours = 10

/** The colour of the n-th line: ten, then again from the first. */
export const colourOf = (index: number): string => `line-${(index % colours) + 1}`
