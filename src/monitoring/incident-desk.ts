import { conflict, notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx, Db } from '#storage'
import type { Violation } from './contract.ts'
import { columnsOf, violationEvidence } from './evidence.ts'
import { publicIncident } from './incident.sql.ts'
import { openKey, type Incident, type KeptIncident } from './incident.ts'
import { evidenceMax, type Incidents } from './incidents.ts'
import type { IncidentStore } from './store.ts'

/** What people and other components do with incidents. */
export interface IncidentDesk {
  /** Data of a source breaks its contract: data engineering repairs, retraining is blocked meanwhile. */
  openContractIncident(broken: BrokenContract): Promise<Incident>
  /** A later version of the source keeps its contract: its incident ends. */
  contractKept(kept: { project: string; source: string; version: string }): Promise<void>
  /** Throws `not_found`. */
  incident(id: string): Promise<Incident>
  /** Newest first. */
  incidents(
    filter: { project: string; state?: Incident['state'] | undefined },
    page: PageRequest,
  ): Promise<Page<Incident>>
  /** Throws `not_found`, or `conflict` when the incident is resolved already. */
  acknowledge(
    id: string,
    change: { state: 'acknowledged' | 'resolved'; resolution?: string | undefined; actor: string },
  ): Promise<Incident>
  /** The unresolved contract incident that forbids to retrain: of a source, or of what a deployment is sent. */
  blocksRetraining(project: string): Promise<Incident | undefined>
}

export interface BrokenContract {
  readonly project: string
  readonly source: string
  readonly version?: string | undefined
  readonly run?: string | undefined
  readonly violations: readonly Violation[]
}

export interface DeskParts {
  readonly db: Db
  readonly store: IncidentStore
  readonly incidents: Incidents
}

export function createIncidentDesk({ db, store, incidents }: DeskParts): IncidentDesk {
  const required = async (id: string, tx?: AnyTx): Promise<KeptIncident> => {
    const found = await store.find(id, tx)
    if (!found) throw notFound('incident', id)
    return found
  }

  return {
    async openContractIncident({ project, source, version, run, violations }) {
      const title = `${source}: the data breaks its contract${violations.length > 0 ? ` in ${columnsOf(violations)}` : ''}`
      const where = [version && `dataset version ${version}`, run && `run ${run}`].filter(Boolean).join(', ')
      const evidence = [...violationEvidence(violations), ...(where ? [`Found in ${where}.`] : [])]
      return db.transaction().execute(async tx => {
        const { incident, isNew } = await incidents.open(tx, {
          project,
          source,
          kind: 'contract',
          title,
          evidence,
          violations,
          version,
        })
        if (!isNew && version !== incident.version)
          await store.update(tx, {
            ...incident,
            evidence: [...incident.evidence, ...evidence].slice(0, evidenceMax),
            violations: [...violations],
            version,
          })
        return publicIncident((await store.findOpen(tx, openKey('contract', { project, source })))!)
      })
    },

    async contractKept({ project, source, version }) {
      await db.transaction().execute(async tx => {
        const open = await store.findOpen(tx, openKey('contract', { project, source }))
        // Identifiers sort by time: a version older than the broken one proves nothing.
        if (!open || (open.version !== undefined && version <= open.version)) return
        await incidents.resolve(tx, open, `Dataset version ${version} of ${source} keeps the contract.`)
      })
    },

    incident: async id => publicIncident(await required(id)),
    incidents: (filter, page) => store.list(filter, page),
    blocksRetraining: project => store.unresolved(project, 'contract'),

    async acknowledge(id, { state, resolution, actor }) {
      return db.transaction().execute(async tx => {
        const incident = await required(id, tx)
        if (incident.state === 'resolved')
          throw conflict(`Incident ${id} is resolved already.`, { id, state: incident.state, allowed: [] })
        if (state === 'resolved') await incidents.resolve(tx, incident, resolution ?? `Resolved by ${actor}.`, actor)
        else await store.update(tx, { ...incident, state, ...(resolution !== undefined && { resolution }) })
        return publicIncident(await required(id, tx))
      })
    },
  }
}
