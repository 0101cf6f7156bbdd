import { z } from 'zod'
import { Instant } from '#kernel/wire.ts'

/** The ledger as JSON. */

export const nodeKinds = [
  'commit',
  'revision',
  'raw_data',
  'dataset_version',
  'rules',
  'feature_version',
  'training_set',
  'run',
  'task',
  'tracking_run',
  'logged_model',
  'artifact',
  'evaluation',
  'model_version',
  'promotion',
  'bundle',
  'deployment_revision',
  'prediction',
  'window',
  'incident',
  'feedback_item',
  'dataset',
  'job',
  'job_run',
] as const

export const NodeWire = z
  .object({
    id: z.string(),
    kind: z.enum(nodeKinds),
    label: z.string(),
    project: z.string(),
    at: Instant,
    facts: z.record(z.string(), z.unknown()),
  })
  .meta({ title: 'LineageNode' })

/** `from` was made from, or because of, `to`: an edge points upstream. */
export const EdgeWire = z
  .object({ from: z.string(), to: z.string(), relation: z.string() })
  .meta({ title: 'LineageEdge' })

export const LineageWire = z
  .object({ root: z.string(), nodes: z.array(NodeWire), edges: z.array(EdgeWire), truncated: z.boolean() })
  .meta({ title: 'Lineage' })
