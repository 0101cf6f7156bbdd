import type { Clock } from '#kernel/clock.ts'
import { isEvaluated } from '#registry'
import type { AnyTx, Db } from '#storage'
import type { Models } from './ports.ts'
import type { References } from './references.ts'
import type { IncidentStore, MonitorStore } from './store.ts'
import type { Windows } from './windows.ts'

/** How a monitor comes to be, and what it is told of its deployment. All of it follows from events of serving. */
export interface Watch {
  /** Watches a deployment from a revision on, and makes the revision's reference. A canary leaves the live one in place. */
  create(revision: {
    project: string
    deployment: string
    revision: string
    version: string
    weight: number
  }): Promise<void>
  /** Another revision has most of the traffic. */
  setLive(deployment: string, weights: Readonly<Record<string, number>>): Promise<void>
  /** Counts logged predictions and judges what is full. An event that is told twice counts once. */
  predictionsLogged(logged: {
    deployment: string
    count: number
    from: number
    to: number
    event: number
  }): Promise<void>
}

export interface WatchParts {
  readonly db: Db
  readonly clock: Clock
  readonly monitors: MonitorStore
  readonly incidents: Pick<IncidentStore, 'endItemsAbout'>
  readonly references: References
  readonly registry: Pick<Models, 'version'>
  readonly windows: Windows
}

export function createWatch({ db, clock, monitors, incidents, references, registry, windows }: WatchParts): Watch {
  /** Another revision has another reference: drift from the former one is over. */
  async function changeLive(tx: AnyTx, deployment: string, live: { revision: string; version: string }): Promise<void> {
    const monitor = await monitors.lockMonitor(tx, deployment)
    if (!monitor || monitor.revision === live.revision) return
    await monitors.setLive(tx, deployment, live)
    if (monitor.driftWindow === undefined) return
    await incidents.endItemsAbout(tx, monitor.driftWindow)
    await monitors.setDrift(tx, deployment, { window: undefined, clean: 0 })
  }

  return {
    async create({ project, deployment, revision, version, weight }) {
      const found = await registry.version(version)
      // What a client registered was never evaluated: there is nothing to compare its predictions with.
      if (!isEvaluated(found)) return
      const { model } = found
      const known = await monitors.findMonitor(deployment)
      await db.transaction().execute(async tx => {
        await monitors.createMonitor(tx, { project, deployment, model, revision, version }, clock.now())
        if (weight > 50) await changeLive(tx, deployment, { revision, version })
      })
      await references.of({ id: revision, version, deployment, project })
      if (known) await windows.evaluateDue(deployment)
    },

    async setLive(deployment, weights) {
      const [revision] = Object.entries(weights).sort(([, a], [, b]) => b - a)[0] ?? []
      const reference = revision && (await monitors.findReference(revision))
      if (!reference) return
      const { version } = reference
      await db.transaction().execute(tx => changeLive(tx, deployment, { revision: reference.revision, version }))
    },

    async predictionsLogged({ deployment, count, from, to, event }) {
      const before = await monitors.findMonitor(deployment)
      if (!before) return
      const isLate = event > before.seen && before.openFrom !== undefined && from < before.openFrom
      if (isLate) await windows.judgeLate(deployment, { from, event })
      await db.transaction().execute(tx => monitors.countPredictions(tx, deployment, { event, count, watermark: to }))
      await windows.evaluateDue(deployment)
    },
  }
}
