import { invalid, notFound, type Problem } from '#kernel/error.ts'
import { instantOf } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { truthReceived } from './events.ts'
import { createFeedback, type Feedback } from './feedback.ts'
import { createIncidentDesk, type IncidentDesk } from './incident-desk.ts'
import { createIncidents } from './incidents.ts'
import { createJudging, type Judging, type JudgingParts } from './judging.ts'
import type { KeptWindow, Monitor, MonitorState, MonitorSummary } from './monitor.ts'
import { createOutcomes, type OutcomeParts, type Outcomes } from './outcomes.ts'
import { createReferences, type ReferenceParts } from './references.ts'
import type { IncidentStore, MonitorStore, Truth, TruthStore } from './store.ts'
import { createWatch, type Watch } from './watch.ts'
import { createWindows, type WindowParts, type Windows } from './windows.ts'
import type { Window } from './window.ts'

/**
 * The paper's monitoring component (C9): made with every deployment, it compares what is served with what was trained
 * on, judges predictions when their truth is known, and tells the stages upstream what they can act on.
 */
export interface Monitoring extends Watch, Windows, Judging, Outcomes, IncidentDesk, Omit<Feedback, 'route'> {
  /**
   * Ground truth, however late. The same value again is unchanged; another value is a further record and counts from
   * then on. Throws `not_found` for an unknown deployment, `invalid` naming every item that is not accepted.
   */
  recordTruth(deployment: string, items: readonly Truth[]): Promise<{ recorded: number; unchanged: number }>
  monitors(project: string): Promise<readonly MonitorSummary[]>
  /** Newest first. */
  windows(deployment: string, page: PageRequest): Promise<Page<Window>>
  /** Throws `not_found`. */
  window(id: string): Promise<Window>
}

/** What monitoring is made of; `store` is {@link sqlMonitoringStores}. */
export type MonitoringParts = Omit<WindowParts, 'monitors'> &
  Omit<JudgingParts, 'monitors' | 'truths' | 'references' | 'incidents' | 'incidentStore' | 'feedback'> &
  Omit<ReferenceParts, 'store'> &
  Omit<OutcomeParts, 'truths'> & {
    readonly store: { readonly monitors: MonitorStore; readonly truths: TruthStore; readonly incidents: IncidentStore }
  }

export function createMonitoring({ store, ...parts }: MonitoringParts): Monitoring {
  const { db, outbox, clock, projects } = parts
  const { monitors, truths } = store
  const { route, ...feedback } = createFeedback({ ...parts, store: store.incidents })
  const incidents = createIncidents({ ...parts, store: store.incidents, feedback: { route } })
  const desk = createIncidentDesk({ db, store: store.incidents, incidents })
  const references = createReferences({ ...parts, store: monitors })
  const windows = createWindows({ ...parts, monitors })
  const judging = createJudging({
    ...parts,
    monitors,
    truths,
    references,
    incidents,
    incidentStore: store.incidents,
    feedback: { route },
  })

  const required = async (deployment: string): Promise<Monitor> => {
    const monitor = await monitors.findMonitor(deployment)
    if (!monitor) throw notFound('deployment', deployment)
    return monitor
  }

  return {
    ...createWatch({ ...parts, monitors, incidents: store.incidents, references, windows }),
    ...windows,
    ...judging,
    ...createOutcomes({ ...parts, truths }),
    ...desk,
    ...feedback,

    async recordTruth(deployment, items) {
      const { project } = await required(deployment)
      const { spec } = await projects.current(project)
      requireTruths(items, spec.objective.task === 'binary_classification')
      return db.transaction().execute(async tx => {
        const answer = await truths.record(tx, deployment, items, clock.now())
        if (answer.recorded > 0)
          await outbox.emit(tx, truthReceived, { project, data: { deployment, count: answer.recorded } })
        return answer
      })
    },

    async monitors(project) {
      const all = await monitors.monitors(project)
      if (all.length === 0) return []
      const { spec } = await projects.current(project)
      return Promise.all(all.map(monitor => summaryOf(store, monitor, spec.objective.metric)))
    },

    async windows(deployment, page) {
      await required(deployment)
      const { items, ...rest } = await monitors.windows(deployment, page)
      return { ...rest, items: items.map(publicWindow) }
    },

    async window(id) {
      const window = await monitors.findWindow(id)
      if (!window?.isJudged) throw notFound('window', id)
      return publicWindow(window)
    },
  }
}

const problemsMax = 20

/** Items must name a prediction of this platform; of a yes-or-no objective the truth is 0 or 1. */
function requireTruths(items: readonly Truth[], isBinary: boolean): void {
  const problems = items.flatMap(({ prediction, value }, index): Problem[] => {
    if (!prediction.startsWith('prd_') || instantOf(prediction) === undefined)
      return [
        {
          field: `items[${index}].prediction`,
          value: prediction,
          allowed: 'the prediction_id of an answer: prd_ and a UUID of version 7',
        },
      ]
    if (isBinary ? value !== 0 && value !== 1 : !Number.isFinite(value))
      return [
        {
          field: `items[${index}].value`,
          value,
          allowed: isBinary ? '0 or 1: the objective is a yes-or-no question' : 'a finite number',
        },
      ]
    return []
  })
  if (problems.length > 0)
    throw invalid('This truth is not accepted; nothing of it was recorded.', problems.slice(0, problemsMax))
}

async function summaryOf(
  { monitors, incidents }: MonitoringParts['store'],
  monitor: Monitor,
  metric: string,
): Promise<MonitorSummary> {
  const { deployment, project, revision, pending, labelled, predictions } = monitor
  const [last] = (await monitors.windows(deployment, { limit: 1 })).items
  const unresolved = await incidents.unresolvedCount(deployment, project)
  const reference = (await monitors.findReference(revision))?.text ?? 'not made yet'
  const state = stateOf(monitor, last, unresolved)
  return {
    project,
    deployment,
    revision,
    state,
    metric,
    reference,
    pendingRows: pending,
    labelled,
    predictions,
    ...(last && { lastWindow: publicWindow(last) }),
  }
}

function stateOf({ driftWindow }: Monitor, last: KeptWindow | undefined, unresolved: number): MonitorState {
  if (unresolved > 0) return 'alarm'
  if (!last) return 'waiting'
  return driftWindow !== undefined || last.state !== 'ok' ? 'suspect' : 'healthy'
}

const publicWindow = ({
  id,
  deployment,
  revision,
  from,
  to,
  rows,
  signals,
  performance,
  reference,
  evaluatedAt,
}: KeptWindow): Window => ({
  id,
  deployment,
  revision,
  from,
  to,
  rows,
  signals: [...signals],
  ...(performance && { performance }),
  reference,
  evaluatedAt: evaluatedAt!,
})
