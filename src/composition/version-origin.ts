import { trainerOf, type Origin } from '#assurance'
import type { Ledger } from '#metadata'
import type { ModelVersion } from '#registry'
import type { Workflow } from '#workflow'

interface Parts {
  readonly ledger: Pick<Ledger, 'ancestors'>
  readonly workflow: Pick<Workflow, 'run' | 'tasks'>
}

const dataKinds: ReadonlySet<string> = new Set(['raw_data', 'dataset_version', 'training_set'])

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
    const { nodes } = await ledger.ancestors(version.id)
    const labels = nodes
      .filter(({ kind }) => dataKinds.has(kind))
      .map(({ kind, label }) => `${kind.replace('_', ' ')} ${label}`)
    const data = [...new Set(labels)].toSorted()
    const trainer = version.run === undefined ? undefined : trainerOf(await workflow.tasks(version.run), version)
    const params = Object.entries(trainer?.params ?? {}).map(([name, value]) => [name, String(value)] as const)
    return { data, params: Object.fromEntries(params) }
  },
})
