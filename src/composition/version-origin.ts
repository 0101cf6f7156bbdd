import { trainerOf, type Origin } from '#assurance'
import { TrainyardError } from '#kernel/error.ts'
import type { Ledger, Lineage, Node, NodeKind } from '#metadata'
import type { ModelVersion } from '#registry'
import { runJson, type Tracking } from '#tracking'
import type { Workflow } from '#workflow'

interface Parts {
  readonly ledger: Pick<Ledger, 'ancestors'>
  readonly workflow: Pick<Workflow, 'run' | 'tasks'>
  readonly tracking: { readonly runs: Pick<Tracking['runs'], 'document'> }
}

const dataKinds: ReadonlySet<NodeKind> = new Set(['raw_data', 'dataset_version', 'training_set', 'dataset'])
const wayKinds: ReadonlySet<NodeKind> = new Set([
  ...dataKinds,
  'feature_version',
  'artifact',
  'task',
  'tracking_run',
  'logged_model',
])

/**
 * The data that a version was made from: of its training set when it has one. Why a run was started (an incident, and the
 * version that answered then) is its cause, and what a champion was made from is the champion's: neither is followed.
 */
export function dataBehind({ root, nodes, edges }: Lineage): readonly Node[] {
  const known = new Map(nodes.filter(({ kind }) => wayKinds.has(kind)).map(node => [node.id, node]))
  const upstream = Map.groupBy(edges, ({ from }) => from)
  const trainedOn = upstream.get(root)?.filter(({ relation }) => relation === 'trained_on') ?? []
  const seen = new Set(trainedOn.length > 0 ? trainedOn.map(({ to }) => to) : [root])
  for (const id of seen) for (const { to } of upstream.get(id) ?? []) if (known.has(to)) seen.add(to)
  return [...seen].flatMap(id => known.get(id) ?? []).filter(({ kind }) => dataKinds.has(kind))
}

/** Where a version comes from, for its card and its approvals: the ledger and the run know it. */
export const versionOrigin = ({
  ledger,
  workflow,
  tracking,
}: Parts): {
  maker(version: ModelVersion): Promise<string>
  origin(version: ModelVersion): Promise<Origin>
} => ({
  maker: async ({ run, user }) => (run === undefined ? user : (await workflow.run(run)).actor),

  async origin(version) {
    const found = dataBehind(await ledger.ancestors(version.id))
    const labels = found.map(({ kind, label }) => `${kind.replace('_', ' ')} ${label}`)
    const data = [...new Set(labels)].toSorted()
    if (version.run === undefined) return { data, ...(await loggedBy(tracking.runs, version)) }
    const trainer = trainerOf(await workflow.tasks(version.run), version)
    const params = Object.entries(trainer?.params ?? {}).map(([name, value]) => [name, String(value)] as const)
    return { data, params: Object.fromEntries(params), metrics: {} }
  },
})

/** What the run has on record that a client named when it registered a version, if it is there and of its project. */
async function loggedBy(
  runs: Pick<Tracking['runs'], 'document'>,
  { trackingRun, project }: Pick<ModelVersion, 'trackingRun' | 'project'>,
): Promise<Omit<Origin, 'data'>> {
  const document = trackingRun === undefined ? undefined : await runs.document(trackingRun).catch(absent)
  if (document?.run.project !== project) return { params: {}, metrics: {} }
  const { params, metrics, tags } = runJson(document)
  return {
    params,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value ?? Number.NaN])),
    commit: tags['mlflow.source.git.commit'],
  }
}

/** A run that was purged leaves its versions behind. */
function absent(error: unknown): undefined {
  if (!(error instanceof TrainyardError) || error.code !== 'not_found') throw error
}
