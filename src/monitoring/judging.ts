import { z } from 'zod'
import { isoInstant } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { scoreOutput } from '#registry'
import type { TaskCall, TaskResult } from '#workflow'
import { windowName } from './evidence.ts'
import { judge } from './judge.ts'
import { readWindow } from './log.ts'
import type { KeptWindow, Monitor } from './monitor.ts'
import { outcomesOf, suspectZ } from './performance.ts'
import type { Declarations, Models, PredictionLog } from './ports.ts'
import { withoutFeatures } from './reference.ts'
import type { References } from './references.ts'
import { watchRule } from './rule.ts'
import { hasExceeded } from './signal.ts'
import type { TruthStore } from './store.ts'
import { pronounce, type VerdictParts } from './verdict.ts'
import { frameOf, revisionOf } from './window-rows.ts'

/** What runs of the pipeline `monitor` do. */
export interface Judging {
  /** The platform task `monitoring.evaluate`: judges one window after those before it. Called twice it judges once. */
  evaluate(call: Pick<TaskCall, 'params' | 'key' | 'log'>): Promise<TaskResult>
}

export interface JudgingParts extends VerdictParts {
  readonly truths: TruthStore
  readonly references: References
  readonly serving: PredictionLog
  readonly registry: Models
  readonly projects: Declarations
}

const EvaluateParams = z.object({ deployment: z.string(), from: z.number() })
const waitMs = 250

export function createJudging(parts: JudgingParts): Judging {
  const { monitors } = parts
  return {
    async evaluate({ params, key, log }) {
      const { deployment, from } = EvaluateParams.parse(params)
      const [monitor, window] = [await monitors.findMonitor(deployment), await monitors.windowFrom(deployment, from)]
      if (!monitor || !window) throw notFound('window', `${deployment} from ${isoInstant(from)}`)
      if (window.judgedBy === key) return {}
      const [first] = await monitors.unjudged(deployment, 1)
      // What counts as lasting depends on the windows before: they come first.
      if (first && first.from < window.from) return { waitMs, waitingFor: `the judgement of ${windowName(first)}` }
      const judged = await judgeOne(parts, { monitor, window, key })
      report(judged, log)
      const z = judged.performance?.z
      return { metrics: { rows: judged.rows, labelled: judged.labelled, ...(z !== undefined && { z }) } }
    },
  }
}

function report(window: KeptWindow, log: (line: string) => void): void {
  const { state, rows, labelled, scored, signals } = window
  log(`${windowName(window)}: ${state}, ${rows} rows, truth of ${labelled} of ${scored} known.`)
  for (const signal of signals.filter(hasExceeded))
    log(
      `${signal.state}: ${signal.kind} ${signal.name} ${signal.score.toFixed(3)}, threshold ${signal.threshold.toFixed(3)}`,
    )
}

const isSuspect = ({ performance }: KeptWindow): boolean => (performance?.z ?? 0) >= suspectZ

interface Job {
  /** As it was before the truth was read: what comes in meanwhile is looked at again. */
  readonly monitor: Monitor
  readonly window: KeptWindow
  readonly key: string
}

async function judgeOne(parts: JudgingParts, { monitor, window, key }: Job): Promise<KeptWindow> {
  const { monitors, truths, references, serving, registry, projects } = parts
  const { deployment, project } = window
  const { metric, labelMaturity, hidden } = await watchRule(projects, monitor)
  const logged = await readWindow(serving, deployment, window)
  const kept = await monitors.findReference(window.revision)
  const revision = revisionOf({ id: window.revision, version: kept?.version ?? monitor.version }, logged)
  const version = await registry.evaluated(revision.version)
  const reference = withoutFeatures(await references.of({ ...revision, deployment, project }), hidden)
  const frame = frameOf(logged.answered, {
    revision: revision.id,
    features: reference ? Object.keys(reference.frame.features) : version.signature.inputs.map(input => input.name),
    scoreKey: scoreOutput(version.signature).key,
    truths: await truths.truths(logged.answered.map(prediction => prediction.id)),
  })
  const place = { deployment, revision: revision.id, from: window.from }
  const [before, after] = [await monitors.beside(place, 'before', 2), await monitors.beside(place, 'after', 1)]
  const neighbours = {
    before: before.map(other => other.signals),
    z: [before[0]?.performance?.z, after[0]?.performance?.z],
  }
  const rows = { span: window, frame, rows: logged.rows, errors: logged.errors }
  return pronounce(parts, {
    former: window,
    judgement: await judge(rows, reference, { metric, labelMaturity }, neighbours),
    revision: revision.id,
    judgedBy: key,
    rows: logged.rows,
    scored: frame.score.filter(score => score !== null).length,
    labelled: outcomesOf(frame).label.length,
    truthSeen: monitor.labelled,
    suspects: [before[0], after[0]].filter(other => other !== undefined).filter(isSuspect),
  })
}
