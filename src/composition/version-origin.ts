import { trainerOf, type Origin } from '#assurance'
import type { Ledger, Lineage, Node, NodeKind } from '#metadata'
import type { ModelVersion } from '#registry'
import type { Workflow } from '#workflow'

interface Parts {
  readonly ledger: Pick<Ledger, 'ancestors'>
  readonly workflow: Pick<Workflow, 'run' | 'tasks'>
}

const dataKinds: ReadonlySet<NodeKind> = new Set(['raw_data', 'dataset_version', 'training_set'])
const wayKinds: ReadonlySet<NodeKind> = new Set([
  ...dataKinds,
  'feature_version',
  'artifact',
  'dataset',
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
}: Parts): {
  maker(version: ModelVersion): Promise<string>
  origin(version: ModelVersion): Promise<Origin>
} => ({
  maker: async ({ run, user }) => (run === undefined ? user : (await workflow.run(run)).actor),

  async origin(version) {
    const found = dataBehind(await ledger.ancestors(version.id))
    const labels = found.map(({ kind, label }) => `${kind.replace('_', ' ')} ${label}`)
    const data = [...new Set(labels)].toSorted()
    const trainer = version.run === undefined ? undefined : trainerOf(await workflow.tasks(version.run), version)
    const params = Object.entries(trainer?.params ?? {}).map(([name, value]) => [name, String(value)] as const)
    return { data, params: Object.fromEntries(params) }
  },
})
