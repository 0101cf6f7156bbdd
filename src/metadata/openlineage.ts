import { z } from 'zod'
import { digestOf } from '#kernel/digest.ts'
import type { Json } from '#kernel/json.ts'
import type { Edge, NodeKind } from './node.ts'

/**
 * Events of OpenLineage [specification 2-0-2], as other tools send them: what is needed of them is checked, what is not
 * known is passed over.
 */

const namesMax = 2_000
const many = 5_000
// PostgreSQL has no NUL in text.
const Text = z
  .string()
  .min(1)
  .max(namesMax)
  .regex(/^[^\0]*$/, 'text without NUL')
const Facets = z.record(z.string(), z.unknown()).nullish()
const Instant = z.string().refine(text => Number.isFinite(Date.parse(text)), 'a date and time [ISO 8601]')

const Job = z.looseObject({ namespace: Text, name: Text, facets: Facets })
const Dataset = z.looseObject({ namespace: Text, name: Text, facets: Facets })
const Datasets = z.array(Dataset).max(many).nullish()
const common = { eventTime: Instant, producer: z.string().max(namesMax).optional() }

export const runStates = ['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER'] as const
const RunEvent = z.looseObject({
  ...common,
  eventType: z.enum(runStates, `one of ${runStates.join(', ')}`).default('OTHER'),
  run: z.looseObject({ runId: z.guid('a UUID'), facets: Facets }),
  job: Job,
  inputs: Datasets,
  outputs: Datasets,
})
// An event is of the one kind whose field it has: what is wrong as one is not taken for another.
const none = z.undefined('nothing in an event of this kind').optional()
const DatasetEvent = z.looseObject({ ...common, run: none, dataset: Dataset })
const JobEvent = z.looseObject({ ...common, run: none, dataset: none, job: Job, inputs: Datasets, outputs: Datasets })

export const OpenLineageEvent = z.union([RunEvent, DatasetEvent, JobEvent])
export type OpenLineageEvent = z.output<typeof OpenLineageEvent>
type Dataset = z.output<typeof Dataset>

/** A node that an event tells of. */
interface Told {
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  readonly facts: Readonly<Record<string, Json>>
}

/** What an event says, in the words of the ledger. */
export interface Telling {
  /** The same for each repeat of an event. */
  readonly key: string
  readonly at: number
  readonly nodes: readonly Told[]
  readonly edges: readonly Edge[]
  /** Nodes that may be things of this platform: the ids and digests by which to look for them, best first. */
  readonly references: Readonly<Record<string, readonly string[]>>
}

const hash = (...parts: readonly string[]): string => digestOf(JSON.stringify(parts)).slice(0, 32)

/** Ids by name, within a project: what one project is told must not change what another one knows. */
export const jobId = (project: string, namespace: string, name: string): string =>
  `job_${hash(project, namespace, name)}`
export const datasetId = (project: string, namespace: string, ...nameAndVersion: readonly string[]): string =>
  `dst_${hash(project, namespace, ...nameAndVersion)}`
export const jobRunId = (project: string, run: string): string => `jrn_${hash(project, run)}`

/** The namespace of the job or dataset that an event is about. */
export const namespaceOf = (event: OpenLineageEvent): string =>
  'dataset' in event ? (event.dataset as Dataset).namespace : (event as z.output<typeof JobEvent>).job.namespace

/** Kinds whose ids are UUIDs behind a prefix: a run of ours that comes back, or that has started something elsewhere. */
const ownRuns = ['tsk', 'run'] as const

export function tellingOf(event: OpenLineageEvent, project: string): Telling {
  const at = Date.parse(event.eventTime)
  const told = createTold(project)
  if ('dataset' in event) {
    const { namespace, name } = event.dataset as Dataset
    told.dataset(event.dataset as Dataset)
    return { ...told.answer(), key: hash('dataset', project, namespace, name, event.eventTime), at }
  }
  const { job } = event as z.output<typeof JobEvent>
  const jobNode = told.node({
    id: jobId(project, job.namespace, job.name),
    kind: 'job',
    label: job.name,
    facts: factsOf(job),
  })
  const run = 'run' in event ? (event as z.output<typeof RunEvent>) : undefined
  const doer = run ? told.run(run, jobNode, at) : jobNode
  const { inputs, outputs } = event as z.output<typeof JobEvent>
  for (const input of inputs ?? []) told.edge(doer, told.dataset(input), 'read')
  for (const output of outputs ?? []) told.edge(told.dataset(output), doer, 'made_by')
  const key = run
    ? hash('run', project, run.run.runId, run.eventType, event.eventTime)
    : hash('job', project, job.namespace, job.name, event.eventTime)
  return { ...told.answer(), key, at }
}

function createTold(project: string) {
  const nodes = new Map<string, Told>()
  const edges: Edge[] = []
  const references: Record<string, readonly string[]> = {}
  const node = (told: Told): string => {
    nodes.set(told.id, told)
    return told.id
  }
  const edge = (from: string, to: string, relation: string): void => void edges.push({ from, to, relation })

  return {
    node,
    edge,
    answer: () => ({ nodes: [...nodes.values()], edges, references }),

    /** A dataset; or one version of it, when the event names that. */
    dataset(dataset: Dataset): string {
      const { namespace, name } = dataset
      const base = node({
        id: datasetId(project, namespace, name),
        kind: 'dataset',
        label: name,
        facts: factsOf(dataset),
      })
      const version = textAt(dataset.facets, 'version', 'datasetVersion')
      const keys = referencesOf(dataset, version)
      if (keys.length > 0) references[base] = keys
      if (version === undefined) return base
      const id = datasetId(project, namespace, name, version)
      node({ id, kind: 'dataset', label: `${name}@${version}`, facts: { namespace, name, version } })
      if (keys.length > 0) references[id] = keys
      edge(id, base, 'version_of')
      return id
    },

    run({ run, eventType, job }: z.output<typeof RunEvent>, jobNode: string, at: number): string {
      const facts = {
        ...factsOf({ namespace: job.namespace, name: job.name, facets: run.facets }),
        ...endOf(eventType, at),
      }
      const id = node({ id: jobRunId(project, run.runId), kind: 'job_run', label: job.name, facts })
      references[id] = ownRuns.map(prefix => `${prefix}_${run.runId}`)
      edge(id, jobNode, 'part_of')
      const parent = textAt(run.facets, 'parent', 'run', 'runId') ?? textAt(run.facets, 'parentRun', 'run', 'runId')
      if (parent !== undefined && parent !== run.runId) {
        const starter = jobRunId(project, parent)
        references[starter] = ownRuns.map(prefix => `${prefix}_${parent}`)
        edge(id, starter, 'started_by')
      }
      return id
    },
  }
}

const ends = { COMPLETE: 'succeeded', FAIL: 'failed', ABORT: 'cancelled' } as const

/** Only an end says how it ended: events come in any order, and a late START must not open a run again. */
function endOf(type: (typeof runStates)[number], at: number): Record<string, Json> {
  if (type === 'START') return { startedAt: at }
  return type in ends ? { state: ends[type as keyof typeof ends], endedAt: at } : {}
}

const facetBytesMax = 16 * 1024

/** Facets are kept as they are, unless they are too long for a fact. */
function factsOf({
  namespace,
  name,
  facets,
}: {
  namespace: string
  name: string
  facets?: unknown
}): Record<string, Json> {
  const kept = Object.entries((facets ?? {}) as Record<string, Json>).filter(
    ([, facet]) => JSON.stringify(facet).length <= facetBytesMax,
  )
  return { namespace, name, ...(kept.length > 0 && { facets: Object.fromEntries(kept) }) }
}

/** By our own facet, by a name that is an id, by version or digest. */
function referencesOf({ name, facets }: Dataset, version: string | undefined): readonly string[] {
  const keys = [
    textAt(facets, 'trainyard', 'id'),
    textAt(facets, 'trainyard', 'digest'),
    isId(name) ? name : undefined,
    version !== undefined && (isId(version) || isDigest(version)) ? version : undefined,
  ]
  return keys.filter(key => key !== undefined)
}

const isId = (text: string): boolean => /^[a-z]{2,5}_[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text)
export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let at = value
  for (const name of path)
    at = at !== null && typeof at === 'object' ? (at as Record<string, unknown>)[name] : undefined
  return typeof at === 'string' && at !== '' && at.length <= namesMax && !at.includes('\0') ? at : undefined
}
