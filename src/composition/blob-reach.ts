import { TrainyardError } from '#kernel/error.ts'
import type { BlobReach } from '#project'
import type { Composition } from './composition.ts'

type Parts = Pick<Composition, 'ledger' | 'registry' | 'workflow'>

/**
 * Whose bytes are, for those who may not read every project: a node of the lineage that is these bytes, or a thing that
 * names them (a task in its record and outputs, a model version in its files). Two looks by an index, and one at the
 * thing that the caller says.
 */
export const blobReach =
  ({ ledger, registry, workflow }: Parts): BlobReach =>
  async (digest, of) => {
    const holders = await ledger.projectsOf(digest)
    const named = of === undefined ? undefined : await orNothing(namer(of))
    return named?.digests.includes(digest) ? [...holders, named.project] : holders

    async function namer(id: string): Promise<{ project: string; digests: string } | undefined> {
      const prefix = id.slice(0, id.indexOf('_'))
      if (prefix === 'mdv') {
        const project = (await ledger.node(id))?.project
        return project === undefined ? undefined : { project, digests: JSON.stringify(await registry.files(id)) }
      }
      if (prefix !== 'tsk') return undefined
      const run = await workflow.runOfTask(id)
      return { project: run.project, digests: JSON.stringify(await workflow.task(run.id, id)) }
    }
  }

const orNothing = <Result>(work: Promise<Result>): Promise<Result | undefined> =>
  work.catch((error: unknown) => {
    if (error instanceof TrainyardError && error.code === 'not_found') return undefined
    throw error
  })
