import type { Ledger } from '#metadata'
import { digestOf } from '#kernel/digest.ts'
import type { AnyTx } from '#storage'
import type { Dataset } from './run-input.ts'

/** A run and the project that it is of. */
interface Reader {
  readonly run: string
  readonly project: string
}

/** What is longer is no address but the data themselves, and stays with the run. */
const sourceMax = 2_000

/** Datasets that clients name are things of the ledger too: one in a project for each name and digest. */
export async function recordDatasets(
  ledger: Pick<Ledger, 'recordAll'>,
  tx: AnyTx,
  { run, project }: Reader,
  datasets: readonly Dataset[],
): Promise<void> {
  if (datasets.length === 0) return
  const nodes = datasets.map(({ name, digest, sourceType, source }) => ({
    id: `tds_${digestOf(JSON.stringify([project, name, digest])).slice(0, 32)}`,
    kind: 'dataset' as const,
    label: `${name} ${digest}`,
    project,
    facts: { name, digest, sourceType, ...(source.length <= sourceMax && { source }) },
  }))
  const edges = nodes.map(({ id }) => ({ from: run, to: id, relation: 'read' }))
  await ledger.recordAll(tx, {
    nodes: [...new Map(nodes.map(node => [node.id, node])).values()],
    edges,
    firstEdges: [],
  })
}
