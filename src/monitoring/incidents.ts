import type { Clock, Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { Ledger } from '#metadata'
import type { AnyTx, Outbox } from '#storage'
import type { Violation } from './contract.ts'
import { incidentOpened, incidentResolved } from './events.ts'
import type { Feedback } from './feedback.ts'
import {
  openKey,
  routes,
  subjectOf,
  type FeedbackItem,
  type Incident,
  type IncidentKind,
  type KeptIncident,
} from './incident.ts'
import type { IncidentStore } from './store.ts'

/** Incidents: opened once for each onset, grouped, ended; each step in one transaction with its event and lineage. */
export interface Incidents {
  /** Opens an incident and routes it; the unresolved one of the same kind and subject, when there is one. */
  open(tx: AnyTx, draft: Draft): Promise<{ incident: KeptIncident; item: FeedbackItem | undefined; isNew: boolean }>
  /** Adds what a further window has shown. */
  extend(
    tx: AnyTx,
    incident: KeptIncident,
    found: { window?: string; evidence?: readonly string[]; clean: number },
  ): Promise<void>
  resolve(tx: AnyTx, incident: KeptIncident, resolution: string, actor?: string): Promise<void>
}

export interface Draft {
  readonly project: string
  readonly deployment?: string | undefined
  readonly model?: string | undefined
  readonly source?: string | undefined
  readonly kind: IncidentKind
  readonly title: string
  readonly evidence: readonly string[]
  readonly causes?: Incident['causes']
  readonly violations?: readonly Violation[]
  readonly windows?: readonly string[]
  readonly revision?: string | undefined
  readonly version?: string | undefined
}

/** An incident keeps so many sentences and windows; it is not a log. */
export const evidenceMax = 30
const windowsMax = 50

export interface IncidentParts {
  readonly store: IncidentStore
  readonly feedback: Pick<Feedback, 'route'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly clock: Clock
}

export function createIncidents({ store, feedback, outbox, ledger, clock }: IncidentParts): Incidents {
  async function announce(
    tx: AnyTx,
    incident: KeptIncident,
    model: string | undefined,
  ): Promise<FeedbackItem | undefined> {
    const { id, project, kind, title, severity, deployment, source } = incident
    await ledger.record(tx, {
      id,
      kind: 'incident',
      label: title,
      project,
      facts: { kind, severity, openedAt: incident.openedAt },
    })
    for (const window of incident.windows) await ledger.link(tx, { from: id, to: window, relation: 'seen_in' })
    if (incident.version !== undefined) await ledger.link(tx, { from: id, to: incident.version, relation: 'seen_in' })
    await outbox.emit(tx, incidentOpened, {
      project,
      data: { incident: id, kind, title, severity, ...subjectOf(incident) },
    })
    if (!routes[kind]) return undefined
    return (await feedback.route(tx, { project, kind, title, subject: id, incident: id, deployment, source, model }))
      .item
  }

  return {
    async open(tx, draft) {
      const known = await store.findOpen(tx, openKey(draft.kind, draft))
      if (known) return { incident: known, item: undefined, isNew: false }
      const incident = incidentOf(draft, clock.now())
      if (await store.open(tx, incident))
        return { incident, item: await announce(tx, incident, draft.model), isNew: true }
      return { incident: (await store.findOpen(tx, openKey(draft.kind, draft)))!, item: undefined, isNew: false }
    },

    async extend(tx, incident, { window, evidence = [], clean }) {
      const isKnown = window === undefined || incident.windows.includes(window)
      const windows = isKnown ? incident.windows : [...incident.windows, window].slice(-windowsMax)
      const added = isKnown ? incident.evidence : [...incident.evidence, ...evidence].slice(0, evidenceMax)
      await store.update(tx, { ...incident, windows, evidence: added, clean })
      if (!isKnown) await ledger.link(tx, { from: incident.id, to: window, relation: 'seen_in' })
    },

    async resolve(tx, incident, resolution, actor = 'trainyard') {
      await store.update(tx, { ...incident, state: 'resolved', resolution, resolvedAt: clock.now() })
      await store.endItemsAbout(tx, incident.id)
      const { id, kind, project } = incident
      await ledger.record(tx, {
        id,
        kind: 'incident',
        label: incident.title,
        project,
        facts: { resolution, resolvedAt: clock.now() },
      })
      await outbox.emit(tx, incidentResolved, {
        project,
        actor,
        data: { incident: id, kind, resolution, ...subjectOf(incident) },
      })
    },
  }
}

const incidentOf = (draft: Draft, at: Millis): KeptIncident => ({
  id: newId<'incident'>('inc'),
  project: draft.project,
  ...subjectOf(draft),
  kind: draft.kind,
  severity: 'page',
  state: 'open',
  title: draft.title,
  evidence: draft.evidence.slice(0, evidenceMax),
  causes: [...(draft.causes ?? [])],
  violations: [...(draft.violations ?? [])],
  windows: [...(draft.windows ?? [])],
  openedAt: at,
  revision: draft.revision,
  version: draft.version,
  clean: 0,
})
