import type { Clock, Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Db } from '#storage'
import type { RunTask, Workflow } from '#workflow'
import { cutWindows } from './cut.ts'
import { windowName } from './evidence.ts'
import { countDays } from './log.ts'
import { truthsMissing, type KeptWindow, type Monitor } from './monitor.ts'
import type { Declarations, PredictionLog } from './ports.ts'
import { watchRule } from './rule.ts'
import { dayMs } from './season.ts'
import type { MonitorStore } from './store.ts'

/** The task that judges a window; the platform's pipeline `monitor` is this one task. */
export const evaluateTask = 'monitoring.evaluate'
const pipeline = 'monitor'

/** Windows: cut from the prediction log when they are full, and handed to runs that judge them. */
export interface Windows {
  /** Cuts what is full and starts a run for every window that has not been judged. Throws `not_found`. */
  evaluateDue(deployment: string): Promise<void>
  /** Starts runs for windows that would be judged otherwise with the truth that has come in since. */
  judgeAgain(deployment: string): Promise<void>
  /** Starts runs for windows that predictions have come late for. */
  judgeLate(deployment: string, late: { from: number; event: number }): Promise<void>
}

export interface WindowParts {
  readonly db: Db
  readonly monitors: MonitorStore
  readonly serving: PredictionLog
  readonly projects: Declarations
  readonly workflow: Pick<Workflow, 'start'>
  readonly clock: Clock
}

const unjudgedMax = 100
/** So many windows wait for their truth at a time; older ones wait no longer. */
const openWindowsMax = 60
const lateWindowsMax = 3

export function createWindows(parts: WindowParts): Windows {
  const { monitors, projects, workflow } = parts

  const required = async (deployment: string): Promise<Monitor> => {
    const monitor = await monitors.findMonitor(deployment)
    if (!monitor) throw notFound('deployment', deployment)
    return monitor
  }

  /** One run for each window and state of what is known about it: the same key is the same run. */
  async function start({ deployment, project, ...window }: KeptWindow, version: string, reason: string): Promise<void> {
    const params = { deployment, from: window.from }
    const evaluate: RunTask = { uses: evaluateTask, inputs: {}, outputs: [], params, after: [], retries: 3 }
    const cause = { kind: 'platform', reason, ref: window.id } as const
    const key = `monitor/${deployment}/${window.from}/${version}`
    await workflow.start({ project, pipeline, tasks: { evaluate }, cause, key })
  }

  return {
    async evaluateDue(deployment) {
      await cut(parts, await required(deployment))
      for (const window of await monitors.unjudged(deployment, unjudgedMax))
        await start(window, 'first', `${windowName(window)} is full.`)
    },

    async judgeAgain(deployment) {
      const monitor = await required(deployment)
      const { labelMaturity } = await watchRule(projects, monitor)
      for (const window of await monitors.awaitingTruth(deployment, openWindowsMax)) {
        if (monitor.labelled - window.truthSeen < truthsMissing(window, labelMaturity)) continue
        await start(window, `truth-${monitor.labelled}`, `More of the truth about ${windowName(window)} is known.`)
      }
    },

    async judgeLate(deployment, { from, event }) {
      const { items } = await monitors.windows(deployment, { limit: lateWindowsMax })
      for (const window of items) {
        if (window.to > from) await start(window, `late-${event}`, `Predictions came late for ${windowName(window)}.`)
      }
    },
  }
}

/** Cuts the windows that are full. Of two that cut at the same time one finds that the other has, and changes nothing. */
async function cut({ db, clock, monitors, serving, projects }: WindowParts, monitor: Monitor): Promise<void> {
  const { deployment, project, watermark, openFrom, pending } = monitor
  const { windowRows } = await watchRule(projects, monitor)
  if (watermark === undefined || pending < windowRows || (openFrom !== undefined && watermark < openFrom + dayMs))
    return
  const newest = Math.min(watermark, clock.now() + dayMs)
  const days = await countDays(serving, deployment, { from: openFrom ?? 0, to: newest + 1 })
  const found = cutWindows(days, { openFrom, watermark: newest, windowRows })
  await db.transaction().execute(async tx => {
    const now = await monitors.lockMonitor(tx, deployment)
    if (!now || now.openFrom !== openFrom) return
    for (const span of found.windows) {
      const [from, to] = [span.from as Millis, span.to as Millis]
      await monitors.addWindow(tx, {
        id: newId<'window'>('win'),
        deployment,
        project,
        revision: now.revision,
        from,
        to,
      })
    }
    // Rows that came in while the log was read are counted on top.
    const waiting = found.pending + now.pending - pending
    await monitors.setOpen(tx, deployment, { openFrom: found.openFrom, pending: waiting })
  })
  crashPoint('monitoring.cut')
}
