import type { AnyTx } from '#storage'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { GuardMinute } from './guard-facts.ts'
import type { Revision, RevisionState, Share, TrafficChange } from './deployment.ts'
import type { ShadowLine } from './shadow-line.ts'
import type { predictionOrders } from './wire.ts'

export interface DeploymentRow {
  readonly name: string
  readonly project: string
  readonly model: string
  readonly createdAt: number
}

/** A revision with what its share needs to know. */
export type RevisionRow = Omit<Revision, 'latencyP50Ms' | 'latencyP95Ms'> & Share & { readonly errorStreak: number }

export type NewRevision = Pick<
  RevisionRow,
  'id' | 'deployment' | 'version' | 'versionNumber' | 'bundle' | 'createdAt'
> & { readonly key: string | undefined }

/** By the instant that predictions are about, or in the order in which they came. */
export type PredictionOrder = (typeof predictionOrders)[number]

/** A Parquet file of the prediction log, and what lies in it: ranges of event time and id, for pruning. */
export interface SegmentRow {
  readonly deployment: string
  /** Relative to the folder of the log. */
  readonly file: string
  readonly rows: number
  readonly eventFrom: number
  readonly eventTo: number
  readonly idFrom: string
  readonly idTo: string
  readonly receivedTo: number
}

/** What a batch of logged requests adds to the counters. */
export interface MinuteCounts {
  readonly deployment: string
  readonly revision: string
  readonly minute: number
  readonly requests: number
  readonly errors: number
  readonly splitRequests: number
  readonly splitErrors: number
  /** Of these failures those because an output was no number. */
  readonly splitInvalid: number
  /** Of these answers those that were slow, while there is a canary. */
  readonly splitSlow: number
  /** And those that took three times as long as is promised. */
  readonly splitLate: number
}

/** Answers that took about as long, in one hour. */
export interface HourLatency {
  readonly hour: number
  readonly bucket: number
  readonly requests: number
}

export interface RevisionCounts {
  readonly revision: string
  readonly requests: number
  readonly errors: number
  /** Failures since the last success among these; `hasSuccess` false adds them to the streak before. */
  readonly trailingErrors: number
  readonly hasSuccess: boolean
  /** Requests by bucket of latency. */
  readonly latency: ReadonlyMap<number, number>
  /** Answers to requests that did not name the revision. */
  readonly recent: readonly HourLatency[]
}

/** A shadow's answers beside those of one other revision. */
export interface ShadowCounts extends Omit<
  ShadowLine,
  'shadow' | 'deployment' | 'latency' | 'againstLatency' | 'scores' | 'againstScores'
> {
  readonly revision: string
  /** Requests by bucket of latency. */
  readonly latency: ReadonlyMap<number, number>
  readonly againstLatency: ReadonlyMap<number, number>
  /** Rows by bucket of their score. */
  readonly scores: ReadonlyMap<number, number>
  readonly againstScores: ReadonlyMap<number, number>
}

/** Where deployments, their traffic and the index of the prediction log are kept. Adapters must pass store.contract.ts. */
export interface ServingStore {
  /** Holds the routes until the transaction ends, and answers their next version. */
  nextRoutes(tx: AnyTx): Promise<number>
  routesVersion(): Promise<number>
  /** Keeps a deployment, or gives it another model; one of another project is answered as it is. */
  putDeployment(tx: AnyTx, deployment: DeploymentRow): Promise<DeploymentRow>
  /** Appends a revision without traffic; numbers are dense within the deployment. */
  addRevision(tx: AnyTx, revision: NewRevision): Promise<RevisionRow>
  /** Oldest first; of a long history the last 50 and those that matter to traffic. */
  revisionsIn(tx: AnyTx, deployment: string): Promise<readonly RevisionRow[]>
  /** Writes state and weight; a revision that becomes live remembers when. */
  setShares(
    tx: AnyTx,
    shares: readonly { id: string; state: RevisionState; weight: number; shadow: number }[],
    at: number,
  ): Promise<void>
  addTraffic(tx: AnyTx, deployment: string, change: TrafficChange): Promise<void>

  deployment(name: string): Promise<DeploymentRow | undefined>
  /** By name; of one project when named. */
  deployments(project?: string): Promise<readonly DeploymentRow[]>
  /** Newest first, as far back as `revisionsIn`. */
  revisions(deployments: readonly string[]): Promise<readonly RevisionRow[]>
  revision(id: string): Promise<RevisionRow | undefined>
  revisionByKey(key: string): Promise<RevisionRow | undefined>
  /** Newest first. */
  traffic(deployment: string, limit: number): Promise<readonly TrafficChange[]>
  latencies(revisions: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>>
  perMinute(deployment: string, since: number): Promise<readonly { at: number; requests: number; errors: number }[]>
  /** For each deployment with a canary, what its live revision has answered since an hour, by bucket of latency. */
  recentLatencies(hour: number): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>>
  forgetLatencies(hour: number): Promise<void>
  /** Requests of two revisions by minute since an instant, oldest first, without those that named their revision. */
  guardMinutes(pair: {
    canary: string
    control: string
    since: number
  }): Promise<readonly Omit<GuardMinute, 'weight'>[]>

  /** Notes segments as ingested; false when one of them is already, and nothing was noted. */
  ingest(tx: AnyTx, segments: readonly string[], at: number): Promise<boolean>
  ingested(segments: readonly string[]): Promise<ReadonlySet<string>>
  forgetIngested(before: number): Promise<void>
  addSegment(tx: AnyTx, segment: SegmentRow): Promise<void>
  removeSegments(tx: AnyTx, deployment: string, files: readonly string[]): Promise<void>
  /** Adds what shadows answered since the last time. */
  addShadows(tx: AnyTx, lines: readonly ShadowLine[]): Promise<void>
  /** What these revisions have answered as shadows, all in all; those with the most rows first. */
  shadows(revisions: readonly string[]): Promise<readonly ShadowCounts[]>
  addCounts(tx: AnyTx, minutes: readonly MinuteCounts[], revisions: readonly RevisionCounts[]): Promise<void>
  /** Segments with rows in a half-open range of event time, those with the latest rows first, by event time or arrival. */
  segments(
    filter: { deployment: string; from?: number | undefined; to?: number | undefined; order?: PredictionOrder },
    page: PageRequest,
  ): Promise<Page<SegmentRow>>
  /** Segments that may hold ids in the range. */
  segmentsWithIds(from: string, to: string): Promise<readonly SegmentRow[]>
  /** All files of the log, with the projects of their deployments. */
  logFiles(): Promise<readonly { project: string; file: string }[]>
  /** The oldest segments with fewer rows than `rowsMax`, and how many there are. */
  smallSegments(
    deployment: string,
    rowsMax: number,
    limit: number,
  ): Promise<{ count: number; oldest: readonly SegmentRow[] }>
  /** Segments all of whose predictions were made before an instant; those of one deployment when it is named. */
  expiredSegments(which: { before: number; deployment?: string }, limit: number): Promise<readonly SegmentRow[]>
}
