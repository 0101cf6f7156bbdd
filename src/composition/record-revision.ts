import type { Ledger } from '#metadata'
import type { Revision } from '#project'
import type { AnyTx } from '#storage'

/** Notes a project's revision in the ledger, and the commit that it came with. */
export const recordRevision =
  (ledger: Pick<Ledger, 'record' | 'link'>) =>
  async (tx: AnyTx, { id, project, number, commit, code, actor }: Revision): Promise<void> => {
    await ledger.record(tx, {
      id,
      kind: 'revision',
      label: `${project} revision ${number}`,
      project,
      facts: { number, code, actor },
    })
    if (commit === undefined) return
    await ledger.record(tx, { id: commit, kind: 'commit', label: commit.slice(0, 12), project })
    await ledger.link(tx, { from: id, to: commit, relation: 'committed_as' })
  }
