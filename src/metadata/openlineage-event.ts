import type { Json } from '#kernel/json.ts'
import type { Edge, Lineage, Node } from './node.ts'

/** Our own runs, tasks, datasets and models as events of OpenLineage [specification 2-0-2]. */

const producer = 'https://github.com/trainyard/trainyard'
const spec = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs'
const facetSpec = 'https://openlineage.io/spec/facets'

export type OpenLineageState = 'START' | 'COMPLETE' | 'FAIL' | 'ABORT'

type Facet = Readonly<Record<string, Json>>
interface DatasetOut {
  readonly namespace: string
  readonly name: string
  readonly facets: Readonly<Record<string, Facet>>
}

export interface OpenLineageOut {
  readonly eventTime: string
  readonly producer: string
  readonly schemaURL: string
  readonly [field: string]: unknown
}

const facet = (schema: string, fields: Readonly<Record<string, Json>>): Facet => ({
  _producer: producer,
  _schemaURL: schema,
  ...fields,
})

/** Namespaces of ours: what comes back under them belongs to the project again. */
const namespaceOf = (project: string): string => `trainyard/${project}`
/** OpenLineage wants UUIDs for runs; ours have one behind their prefix. */
const uuidOf = (id: string): string => id.slice(id.indexOf('_') + 1)
const timeOf = (at: number): string => new Date(at).toISOString()

export interface RunOut {
  readonly state: OpenLineageState
  readonly at: number
  readonly project: string
  /** Id of the run or task. */
  readonly id: string
  /** `pipeline`, or `pipeline.task`. */
  readonly job: string
  readonly parent?: { readonly id: string; readonly job: string } | undefined
  readonly error?: string | undefined
  readonly commit?: string | undefined
  readonly inputs?: readonly Node[]
  readonly outputs?: readonly Node[]
}

export function runEvent({
  state,
  at,
  project,
  id,
  job,
  parent,
  error,
  commit,
  inputs = [],
  outputs = [],
}: RunOut): OpenLineageOut {
  const namespace = namespaceOf(project)
  const runFacets = {
    trainyard: facet(`${producer}#run`, { id }),
    ...(parent && {
      parent: facet(`${facetSpec}/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet`, {
        run: { runId: uuidOf(parent.id) },
        job: { namespace, name: parent.job },
      }),
    }),
    ...(error !== undefined && {
      errorMessage: facet(`${facetSpec}/1-0-0/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet`, {
        message: error,
        programmingLanguage: 'unknown',
      }),
    }),
  }
  const jobFacets = {
    jobType: facet(`${facetSpec}/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet`, {
      processingType: 'BATCH',
      integration: 'TRAINYARD',
      jobType: parent ? 'TASK' : 'PIPELINE',
    }),
    ...(commit !== undefined && {
      sourceCodeLocation: facet(
        `${facetSpec}/1-0-1/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet`,
        {
          type: 'git',
          url: `urn:trainyard:${project}`,
          version: commit,
        },
      ),
    }),
  }
  return {
    eventType: state,
    eventTime: timeOf(at),
    run: { runId: uuidOf(id), facets: runFacets },
    job: { namespace, name: job, facets: jobFacets },
    inputs: inputs.map(datasetOf),
    outputs: outputs.map(datasetOf),
    producer,
    schemaURL: `${spec}/RunEvent`,
  }
}

/** A dataset or model version that has come to be. */
export const datasetEvent = (node: Node): OpenLineageOut => ({
  eventTime: timeOf(node.at),
  dataset: datasetOf(node),
  producer,
  schemaURL: `${spec}/DatasetEvent`,
})

/** The name is the id, so that who sends it back means the same thing; the version is the digest of its bytes. */
function datasetOf({ id, kind, label, project, facts }: Node): DatasetOut {
  const { digest } = facts
  return {
    namespace: namespaceOf(project),
    name: id,
    facets: {
      trainyard: facet(`${producer}#dataset`, { id, kind, label }),
      ...(typeof digest === 'string' && {
        version: facet(`${facetSpec}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet`, {
          datasetVersion: digest,
        }),
      }),
    },
  }
}

/** What a task read, and what it made: its neighbours in the ledger. */
export function givenAndMade(
  task: string,
  { nodes, edges }: Pick<Lineage, 'nodes' | 'edges'>,
): { inputs: Node[]; outputs: Node[] } {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const ends = (wanted: (edge: Edge) => string | undefined): Node[] =>
    edges.flatMap(edge => byId.get(wanted(edge) ?? '') ?? [])
  return {
    inputs: ends(edge => (edge.from === task && edge.relation === 'read' ? edge.to : undefined)),
    outputs: ends(edge => (edge.to === task && edge.relation === 'made_by' ? edge.from : undefined)),
  }
}
