import type { Study, Trial } from './wire.ts'

/** What the page of a study draws, as numbers and places. */

export const isBetter = ({ direction }: Pick<Study, 'direction'>, a: number, b: number): boolean =>
  direction === 'minimise' ? a < b : a > b

export interface Step {
  readonly number: number
  readonly value: number
}

/** Complete trials that were better than all before them, by number. */
export function recordsOf(study: Pick<Study, 'direction'>, trials: readonly Trial[]): readonly Step[] {
  const records: Step[] = []
  for (const { number, state, value } of trials) {
    if (state !== 'complete' || value === undefined) continue
    const last = records.at(-1)
    if (!last || isBetter(study, value, last.value)) records.push({ number, value })
  }
  return records
}

/** From the best value to the worst that is drawn: a few very bad trials do not flatten the others. */
export function rangeOf(
  study: Pick<Study, 'direction'>,
  values: readonly number[],
): readonly [low: number, high: number] {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 1]
  const cut =
    study.direction === 'minimise'
      ? sorted[Math.floor((sorted.length - 1) * 0.9)]!
      : sorted[Math.ceil((sorted.length - 1) * 0.1)]!
  const far = study.direction === 'minimise' ? high - cut > 2 * (cut - low) : cut - low > 2 * (high - cut)
  const [from, to] =
    sorted.length >= 10 && far ? (study.direction === 'minimise' ? [low, cut] : [cut, high]) : [low, high]
  const room = (to - from) * 0.06 || Math.abs(to) * 0.1 || 1
  return [from - room, to + room]
}

/** One parameter, or the metric, as an upright line: 0 is its foot. */
export interface ParallelAxis {
  readonly name: string
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
  /** Undefined where a trial has none. */
  at(trial: Trial): number | undefined
}

interface Range {
  readonly type: string
  readonly low?: number
  readonly high?: number
  readonly log?: boolean
  readonly choices?: readonly unknown[]
}

/** The parameters in the order of the space, and the metric at last. `text` says a number in few characters. */
export function axesOf(
  study: Study,
  trials: readonly Trial[],
  text: (value: number) => string,
): readonly ParallelAxis[] {
  const params = Object.entries(study.space as Readonly<Record<string, Range>>).map(([name, range]) =>
    axisOf(name, range, text),
  )
  const values = trials.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const [low, high] = values.length === 0 ? [0, 1] : rangeOf(study, values)
  const metric = lineAxis(study.metric, { low, high, log: false, text })
  return [...params, { ...metric, at: ({ value }) => (value === undefined ? undefined : cut(metric.place(value))) }]
}

function axisOf(
  name: string,
  { low = 0, high = 1, log = false, choices }: Range,
  text: (value: number) => string,
): ParallelAxis {
  if (choices) {
    const place = (index: number): number => (index + 0.5) / choices.length
    return {
      name,
      ticks: choices.map((choice, index) => ({ at: place(index), text: String(choice) })),
      at: ({ params }) => (Object.hasOwn(params, name) ? place(choices.indexOf(params[name])) : undefined),
    }
  }
  const { place, ...line } = lineAxis(name, { low, high, log, text })
  return { ...line, at: ({ params }) => (typeof params[name] === 'number' ? cut(place(params[name])) : undefined) }
}

interface Line {
  readonly low: number
  readonly high: number
  readonly log: boolean
  readonly text: (value: number) => string
}

function lineAxis(name: string, { low, high, log, text }: Line) {
  const scale = (value: number): number => (log ? Math.log(value) : value)
  const all = scale(high) - scale(low) || 1
  const place = (value: number): number => (scale(value) - scale(low)) / all
  const valueAt = (at: number): number => (log ? Math.exp(scale(low) + at * all) : low + at * all)
  return { name, place, ticks: [0, 0.5, 1].map(at => ({ at, text: text(valueAt(at)) })) }
}

const cut = (place: number): number => Math.min(1, Math.max(0, place))

/** The part of an axis that was chosen, from its foot. */
export type Brushes = ReadonlyMap<string, readonly [from: number, to: number]>

/** Trials that lie inside all brushes. */
export const brushed = (trials: readonly Trial[], axes: readonly ParallelAxis[], brushes: Brushes): readonly Trial[] =>
  trials.filter(trial =>
    axes.every(axis => {
      const brush = brushes.get(axis.name)
      const at = axis.at(trial)
      return !brush || (at !== undefined && at >= brush[0] && at <= brush[1])
    }),
  )

/** Brushes as they stand in an address: `rate:0.2-0.5,depth:0-0.4`. What is no brush is passed over. */
export const brushesText = (brushes: Brushes): string | undefined =>
  [...brushes].map(([name, [from, to]]) => `${name}:${round(from)}-${round(to)}`).join() || undefined

export function brushesOf(text = ''): Brushes {
  const found = text.split(',').flatMap(part => {
    const [, name, from, to] = /^(.+):([\d.]+)-([\d.]+)$/.exec(part) ?? []
    return name === undefined ? [] : [[name, [Number(from), Number(to)]] as const]
  })
  return new Map(found)
}

const round = (place: number): number => Math.round(place * 1_000) / 1_000
