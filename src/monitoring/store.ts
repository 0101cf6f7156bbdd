import type { Millis } from '#kernel/clock.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { FeedbackItem, Incident, KeptIncident, Receiver } from './incident.ts'
import type { KeptWindow, Monitor } from './monitor.ts'

/** Where monitors and their windows are kept. Writes take the caller's transaction. */
export interface MonitorStore {
  /** Makes the monitor of a deployment; an existing one stays as it is. */
  createMonitor(
    tx: AnyTx,
    monitor: Pick<Monitor, 'deployment' | 'project' | 'model' | 'revision' | 'version'>,
    at: Millis,
  ): Promise<void>
  findMonitor(deployment: string): Promise<Monitor | undefined>
  /** The monitor, its row locked until the transaction ends. */
  lockMonitor(tx: AnyTx, deployment: string): Promise<Monitor | undefined>
  /** By deployment. */
  monitors(project: string): Promise<readonly Monitor[]>
  setLive(tx: AnyTx, deployment: string, live: { revision: string; version: string }): Promise<void>
  /** Counts predictions of one event. A repeat of the event, or an earlier one, changes nothing. */
  countPredictions(
    tx: AnyTx,
    deployment: string,
    seen: { event: number; count: number; watermark: number },
  ): Promise<void>
  setOpen(tx: AnyTx, deployment: string, open: { openFrom: number | undefined; pending: number }): Promise<void>
  setDrift(tx: AnyTx, deployment: string, drift: { window: string | undefined; clean: number }): Promise<void>

  /** Keeps the reference of a revision; the first one stays. */
  putReference(tx: AnyTx, reference: KeptReference, at: Millis): Promise<void>
  findReference(revision: string): Promise<KeptReference | undefined>

  /** Adds a window that is full. A repeat of deployment and start changes nothing. */
  addWindow(
    tx: AnyTx,
    window: Pick<KeptWindow, 'id' | 'deployment' | 'project' | 'revision' | 'from' | 'to'>,
  ): Promise<void>
  findWindow(id: string): Promise<KeptWindow | undefined>
  windowFrom(deployment: string, from: number): Promise<KeptWindow | undefined>
  /** Full windows that no run has judged yet, oldest first. */
  unjudged(deployment: string, limit: number): Promise<readonly KeptWindow[]>
  /** Judged windows of one revision next to an instant: newest first before it, oldest first from it on. */
  beside(
    window: { deployment: string; revision: string; from: number },
    side: 'before' | 'after',
    limit: number,
  ): Promise<readonly KeptWindow[]>
  /** Writes a judgement; false when another run has judged the window since it was read. */
  saveJudgement(
    tx: AnyTx,
    window: Omit<KeptWindow, 'deployment' | 'project' | 'from' | 'to' | 'isJudged'>,
    formerlyBy: string | undefined,
  ): Promise<boolean>
  /** Judged windows with predictions whose truth is not known: the newest `limit`, oldest first. */
  awaitingTruth(deployment: string, limit: number): Promise<readonly KeptWindow[]>
  /** Judged windows, newest first. */
  windows(deployment: string, page: PageRequest): Promise<Page<KeptWindow>>
}

/** The reference of a revision: a blob, or the reason why there is none. */
export interface KeptReference {
  readonly revision: string
  readonly deployment: string
  readonly version: string
  readonly digest: string | undefined
  readonly text: string
}

/** Where ground truth is kept. Nothing is overwritten: a different value is a further record, and the newest counts. */
export interface TruthStore {
  /** Records what is new, and counts the predictions that had no truth before on the deployment's monitor. */
  record(
    tx: AnyTx,
    deployment: string,
    items: readonly Truth[],
    at: Millis,
  ): Promise<{ recorded: number; unchanged: number }>
  /** The newest truth of each prediction that has one. */
  truths(predictions: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** The newest truth about each of a deployment's predictions with an id in a half-open range; the first so many ids. */
  since(
    deployment: string,
    range: { from: string; to: string | undefined },
    limit: number,
  ): Promise<ReadonlyMap<string, number>>
}

export interface Truth {
  readonly prediction: string
  readonly value: number
  readonly at?: Millis | undefined
}

/** Where incidents and feedback items are kept. */
export interface IncidentStore {
  /** Opens an incident; false when one of the same kind and subject is not resolved yet. */
  open(tx: AnyTx, incident: KeptIncident): Promise<boolean>
  /** As the transaction sees it, when there is one. */
  find(id: string, tx?: AnyTx): Promise<KeptIncident | undefined>
  /** The unresolved incident of a kind and subject. */
  findOpen(tx: AnyTx, key: string): Promise<KeptIncident | undefined>
  /** Writes what may change of an incident: state, evidence, windows, clean, resolution. */
  update(tx: AnyTx, incident: KeptIncident): Promise<void>
  /** Newest first. */
  list(filter: { project: string; state?: Incident['state'] | undefined }, page: PageRequest): Promise<Page<Incident>>
  /** An unresolved incident of a kind in a project: the newest. */
  unresolved(project: string, kind: Incident['kind']): Promise<Incident | undefined>
  /** How many incidents of a deployment are unresolved. */
  unresolvedCount(deployment: string, project: string): Promise<number>

  /** Adds an item; the item that its subject and receiver have already, when there is one. */
  addItem(tx: AnyTx, item: FeedbackItem & { subject: string }): Promise<{ item: FeedbackItem; isNew: boolean }>
  /** Newest first. */
  items(project: string, page: PageRequest): Promise<Page<FeedbackItem>>
  /** Open items of a receiver that have led to no run yet, oldest first. */
  waitingItems(project: string, receiver: Receiver, limit: number): Promise<readonly FeedbackItem[]>
  /** Notes the run that an item led to; false for an unknown item. */
  attachRun(tx: AnyTx, item: string, run: string): Promise<boolean>
  /** Ends the open items that led to a run. */
  endItemsOfRun(tx: AnyTx, run: string): Promise<void>
  /** Ends the open items about an incident or window. */
  endItemsAbout(tx: AnyTx, subject: string): Promise<void>
}
