import { seededRandom } from '#statistics'
import type { Cell } from './frame.ts'
import { dayMs, type Span } from './season.ts'
import { dayOf, type DayCounts } from './cut.ts'
import type { Prediction, PredictionLog } from './ports.ts'

const pageRows = 5_000
/** At most so many answered predictions of a window are compared; all of them are counted. */
export const windowSampleMax = 20_000

export interface LoggedWindow {
  /** A sample of the predictions that were answered, by event time. */
  readonly answered: readonly Prediction[]
  readonly rows: number
  readonly errors: number
}

/** Clocks differ by less than this: an event time further ahead of its arrival is a mistake of the sender. */
const aheadMaxMs = dayMs

const isPlausible = ({ eventTime, receivedAt }: Prediction): boolean => eventTime <= receivedAt + aheadMaxMs

/** Rows for each day of event time in a span; event times from the future are left out. */
export async function countDays(log: PredictionLog, deployment: string, span: Span): Promise<DayCounts> {
  const days = new Map<number, number>()
  for await (const prediction of predictionsOf(log, deployment, span)) {
    const day = dayOf(prediction.eventTime)
    days.set(day, (days.get(day) ?? 0) + 1)
  }
  return days
}

/** The predictions of a window. Of more than 20 000, each has the same chance to be kept [Vitter 1985, algorithm R]. */
export async function readWindow(log: PredictionLog, deployment: string, span: Span): Promise<LoggedWindow> {
  const random = seededRandom(span.from)
  const answered: Prediction[] = []
  let [seen, rows, errors] = [0, 0, 0]
  for await (const prediction of predictionsOf(log, deployment, span)) {
    if (prediction.error !== undefined) {
      errors++
      rows++
      continue
    }
    rows += Math.round(1 / (prediction.inclusion ?? 1))
    const position = seen++
    const place = position < windowSampleMax ? position : Math.floor(random() * (position + 1))
    if (place < windowSampleMax) answered[place] = prediction
  }
  const equal = equallyLikely(answered, random)
  equal.sort((a, b) => a.eventTime - b.eventTime || (a.id < b.id ? -1 : 1))
  return { answered: equal, rows, errors }
}

/** Predictions that all had the same chance to be here, the least of theirs: of those that had more some are let go. */
function equallyLikely(predictions: readonly Prediction[], random: () => number): Prediction[] {
  const least = predictions.reduce((chance, { inclusion = 1 }) => Math.min(chance, inclusion), 1)
  return predictions.filter(({ inclusion = 1 }) => inclusion === least || random() * inclusion < least)
}

async function* predictionsOf(log: PredictionLog, deployment: string, { from, to }: Span): AsyncGenerator<Prediction> {
  const range = {
    deployment,
    from: from as Prediction['eventTime'],
    to: to as Prediction['eventTime'],
    limit: pageRows,
  }
  let after: string | undefined
  do {
    const page = await log.predictions(after === undefined ? range : { ...range, after })
    yield* page.items.filter(isPlausible)
    after = page.next
  } while (after !== undefined)
}

/** The values of one feature over the predictions of a window. */
export const featureOf = (predictions: readonly Prediction[], name: string): readonly Cell[] =>
  predictions.map(prediction => prediction.features[name] ?? null)
