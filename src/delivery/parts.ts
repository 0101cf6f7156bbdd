import type { z } from 'zod'
import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import type { Features } from '#features'
import type { Ledger } from '#metadata'
import type { Projects } from '#project'
import type { ModelVersion, Registry } from '#registry'
import type { DeploymentWire, RevisionWire, ShadowWire } from '#serving/wire.ts'
import type { Repositories } from '#source'
import type {
  Check,
  ConversionRequest,
  Converted,
  GuardVerdict,
  Probe,
  ProbeRequest,
  Programme,
  Serving,
} from '#serving'
import type { Blobs, Db, Duckdb, Outbox } from '#storage'
import type { Workflow } from '#workflow'
import type { DeliveryStore } from './store.ts'

/** What is tried of a bundle; of its cost, beside which bundle and how many times as much it may be. */
export interface RehearsalProgramme extends Omit<Programme, 'cost'> {
  readonly cost: { readonly champion: Digest; readonly most: number } | undefined
}

/** What delivery is made of: it starts runs, and uses nearly every component in them. */
export interface DeliveryParts {
  readonly db: Db
  readonly store: DeliveryStore
  readonly workflow: Pick<Workflow, 'start' | 'runs' | 'tasks'>
  readonly repositories: Pick<Repositories, 'checkout' | 'commitInfo' | 'contains'>
  readonly projects: Pick<Projects, 'plan' | 'apply' | 'current' | 'find'>
  readonly registry: Pick<Registry, 'version' | 'files' | 'champion' | 'transition' | 'score'>
  readonly features: Pick<Features, 'resolveService'>
  readonly serving: Rollouts
  readonly ledger: Pick<Ledger, 'link'>
  readonly outbox: Outbox
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly clock: Clock
  /** Folder for checkouts that live as long as one step. */
  readonly workFolder: string
  /** What the truth says of the revisions that share a deployment's requests. */
  readonly outcomes: (deployment: string) => Promise<{
    readonly differences: readonly {
      readonly revision: string
      readonly verdict: 'better' | 'worse' | 'open'
      readonly reason: string
    }[]
  }>
  /** How often a canary is looked at; 1 s when left out. */
  readonly lookEveryMs?: number
  /** Starts a model server with nothing but this bundle and tries it, also on requests that the champion has answered. */
  readonly rehearse: (
    bundle: Digest,
    signal: AbortSignal,
    programme: RehearsalProgramme,
  ) => Promise<{ checks: readonly Check[] }>
  /** What became true of these predictions, as far as it is known. */
  readonly truths: (predictions: readonly string[]) => Promise<ReadonlyMap<string, number>>
  /** Every package that a model's requirements lead to, with versions and hashes. Throws `task_failed`. */
  readonly lockRequirements: (order: {
    readonly requirements: string
    readonly signal: AbortSignal
    log(line: string): void
  }) => Promise<string>
  /** Runs a few rows through a Python model, outside of any server. Throws `task_failed`. */
  readonly probe: (request: ProbeRequest) => Promise<Probe>
  /** Writes a Python model as ONNX and compares the two. Throws in words when it cannot. */
  readonly convert: (request: ConversionRequest) => Promise<Converted>
  /** When models are converted. */
  readonly conversions: 'registration' | 'deployment' | 'off'
  /** Digests of the tables that a version was made from, as far as the lineage knows. */
  readonly dataBehind: (version: ModelVersion) => Promise<readonly Digest[]>
}

export type Deployment = z.output<typeof DeploymentWire>
export type DeployedRevision = z.output<typeof RevisionWire>

/** What delivery asks of serving. */
export interface Rollouts extends Pick<
  Serving,
  'deployments' | 'projectOf' | 'deploy' | 'predictions' | 'setShadow' | 'startCanary' | 'finishCanary' | 'follow'
> {
  shadows(
    deployment: string,
  ): Promise<
    readonly Pick<
      z.output<typeof ShadowWire>,
      'revision' | 'rows' | 'agreed' | 'errors' | 'scorePsi' | 'scorePsiByChance'
    >[]
  >
  guard(deployment: string): Promise<GuardVerdict & { since: number }>
}
