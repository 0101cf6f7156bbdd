import type { z } from 'zod'
import type { FeedbackItemWire, IncidentWire } from './wire.ts'

/** Something that a person must know of: one for each onset, with its evidence. */
export type Incident = z.output<typeof IncidentWire>
export type IncidentKind = Incident['kind']

/** (27) What monitoring tells a stage upstream. */
export type FeedbackItem = z.output<typeof FeedbackItemWire>
export type Receiver = FeedbackItem['receiver']

/** So many clean windows in a row end an incident, and a drift. */
export const cleanWindowsMin = 3

/** An incident as it is kept: what it is about, and how near its end it is. */
export interface KeptIncident extends Incident {
  /** The revision under which it opened. */
  readonly revision: string | undefined
  /** The dataset version that broke its contract. */
  readonly version: string | undefined
  /** Clean windows in a row. */
  readonly clean: number
}

/** Who can act on an incident of a kind, and what it is asked to do. A failing service is for people: no stage upstream. */
export const routes: Readonly<Partial<Record<IncidentKind, { readonly receiver: Receiver; readonly action: string }>>> =
  {
    contract: { receiver: 'data_engineering', action: 'repair' },
    drift: { receiver: 'experimentation', action: 'evaluate' },
    performance: { receiver: 'scheduler', action: 'retrain' },
  }

/** While an incident with this key is not resolved, another of its kind and subject is the same one. */
export const openKey = (
  kind: IncidentKind,
  subject: { deployment?: string | undefined; source?: string | undefined; project: string },
): string =>
  `${subject.project}/${kind}/${subject.deployment === undefined ? `source/${subject.source}` : `deployment/${subject.deployment}`}`

/** Only the subjects that it has: events and rows have no empty fields. */
export const subjectOf = ({
  deployment,
  source,
}: {
  deployment?: string | undefined
  source?: string | undefined
}) => ({
  ...(deployment !== undefined && { deployment }),
  ...(source !== undefined && { source }),
})
