import type { Frame } from './frame.ts'
import { featureOf, type LoggedWindow } from './log.ts'
import type { Prediction } from './ports.ts'

/** How to read the logged predictions of a window. */
export interface FrameRule {
  /** The revision whose scores count: the answers of another model are not compared with this one's reference. */
  readonly revision: string
  readonly features: readonly string[]
  /** Name of the output that is the model's answer. */
  readonly scoreKey: string
  readonly truths: ReadonlyMap<string, number>
}

/** Logged predictions by column. Scores and truth are those of the window's revision; inputs are everybody's. */
export function frameOf(
  predictions: readonly Prediction[],
  { revision, features, scoreKey, truths }: FrameRule,
): Frame {
  const isOwn = (prediction: Prediction): boolean => prediction.revision === revision
  return {
    at: predictions.map(prediction => prediction.eventTime),
    key: predictions.map(prediction => prediction.key ?? null),
    features: Object.fromEntries(features.map(name => [name, featureOf(predictions, name)])),
    score: predictions.map(prediction => (isOwn(prediction) ? scoreOf(prediction, scoreKey) : null)),
    label: predictions.map(prediction => (isOwn(prediction) ? (truths.get(prediction.id) ?? null) : null)),
  }
}

/** The model's answer, by the name of its output. */
export function scoreOf(prediction: Prediction, scoreKey: string): number | null {
  const value = prediction.outputs[scoreKey] ?? onlyNumber(prediction)
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** Serving code may have renamed the model's answer: it is then the one number among the outputs. */
function onlyNumber({ outputs }: Prediction): number | undefined {
  const numbers = Object.values(outputs).filter(value => typeof value === 'number')
  return numbers.length === 1 ? numbers[0] : undefined
}

/** The live revision when it answered anything in the window, else the one that answered most. */
export function revisionOf(
  live: { id: string; version: string },
  { answered }: LoggedWindow,
): { id: string; version: string } {
  const counts = new Map<string, { version: string; rows: number }>()
  for (const { revision, version } of answered)
    counts.set(revision, { version, rows: (counts.get(revision)?.rows ?? 0) + 1 })
  if (counts.size === 0) return live
  const own = counts.get(live.id)
  if (own) return { id: live.id, version: own.version }
  const [id, { version }] = [...counts].reduce((most, entry) => (entry[1].rows > most[1].rows ? entry : most))
  return { id, version }
}
