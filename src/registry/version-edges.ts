import { TrainyardError } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { AnyTx } from '#storage'
import type { ModelVersion } from './model-version.ts'
import type { SourceOwners, SourceRequest } from './sources.ts'

type Named = Pick<ModelVersion, 'trackingRun' | 'loggedModel'>

interface Asked extends Pick<SourceRequest, 'mayRead'> {
  readonly owners: Pick<SourceOwners, 'run' | 'loggedModel'>
}

/**
 * Those of the run and logged model which a version names that get an edge from it. A version may name any, as its own
 * word; an edge is seen from their side too, so whoever makes it must be allowed to read them.
 */
export async function visible({ owners, mayRead }: Asked, { trackingRun, loggedModel }: Named): Promise<Named> {
  const reads = async (look: Promise<{ project: string; experimentId?: string }>): Promise<boolean> => {
    try {
      const { project, experimentId: experiment } = await look
      return await mayRead({ project, ...(experiment !== undefined && { experiment }) })
    } catch (error) {
      if (error instanceof TrainyardError && error.code === 'not_found') return false
      throw error
    }
  }
  return {
    ...(trackingRun !== undefined && (await reads(owners.run(trackingRun))) && { trackingRun }),
    ...(loggedModel !== undefined && (await reads(owners.loggedModel(loggedModel))) && { loggedModel }),
  }
}

export async function linkVersion(
  ledger: Pick<Ledger, 'link'>,
  tx: AnyTx,
  { id, trackingRun, loggedModel }: Named & { id: string },
): Promise<void> {
  if (loggedModel !== undefined) await ledger.link(tx, { from: id, to: loggedModel, relation: 'made_from' })
  if (trackingRun !== undefined) await ledger.link(tx, { from: id, to: trackingRun, relation: 'made_by' })
}
