import { TrainyardError } from '#kernel/error.ts'
import type { TrackingRunWire } from '#tracking/wire.ts'
import type { z } from 'zod'
import type { Client } from './client.ts'

type TrackingRun = z.output<typeof TrackingRunWire>

/** What the run that a version was trained in has on record. */
export interface TrainedIn {
  readonly params: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number | null>>
  /** Digests of datasets, by name and what they were for. */
  readonly data: Readonly<Record<string, string>>
  /** As the client that logged the run has said. */
  readonly commit?: string | undefined
  readonly program?: string | undefined
}

/** Undefined of a version that names no run, or one that is gone or hidden. */
export async function trainedIn(
  client: Client,
  { trackingRun }: { readonly trackingRun?: string | undefined },
): Promise<TrainedIn | undefined> {
  if (trackingRun === undefined) return undefined
  const path = `/api/v1/tracking-runs/${encodeURIComponent(trackingRun)}`
  const run = await client.get<TrackingRun>(path).catch((error: unknown) => {
    if (error instanceof TrainyardError && error.code === 'not_found') return undefined
    throw error
  })
  return run && recordOf(run)
}

const recordOf = ({ params, metrics, datasets, tags }: TrackingRun): TrainedIn => ({
  params,
  metrics: Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value])),
  data: Object.fromEntries(
    datasets.map(({ name, context, digest }) => [context === undefined ? name : `${name} (${context})`, digest]),
  ),
  commit: tags['mlflow.source.git.commit'],
  program: tags['mlflow.source.name'],
})
