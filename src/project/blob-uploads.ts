import type { Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { readTree, type Blobs } from '#storage'
import type { Projects } from './projects.ts'

/**
 * Who has sent which bytes. Whoever may not read every project names only bytes that they have sent, or that the code of
 * their project has already: knowing a digest gives nobody the bytes behind it.
 */
export interface BlobUploads {
  note(digest: Digest, sender: string): Promise<void>
  /** Those of the digests that the sender has sent. */
  sent(digests: readonly Digest[], sender: string): Promise<ReadonlySet<Digest>>
}

/** Under which name somebody's uploads are noted. */
export const senderOf = ({ user, name }: { readonly user?: string; readonly name: string }): string =>
  user === undefined ? `token ${name}` : `user ${user}`

interface Parts {
  readonly uploads: BlobUploads
  readonly blobs: Blobs
  readonly projects: Pick<Projects, 'find'>
}

interface Named {
  readonly project: string
  readonly code?: Digest | undefined
  readonly diff?: Digest | undefined
}

/** Throws `invalid` when the code, one of its files or the diff is not the sender's to name. */
export async function requireSent({ uploads, blobs, projects }: Parts, named: Named, sender: string): Promise<void> {
  const { project, code, diff } = named
  const files = code === undefined ? [] : await filesOf(blobs, code)
  const current = (await projects.find(project))?.code as Digest | undefined
  const known = new Set<string>(current === undefined ? [] : [current, ...(await filesOf(blobs, current))])
  const asked = [code, diff, ...files].filter(digest => digest !== undefined && !known.has(digest)) as Digest[]
  const sent = await uploads.sent(asked, sender)
  const missing = asked.filter(digest => !sent.has(digest))
  if (missing.length === 0) return
  throw invalid(
    'Bytes that the code names were not uploaded by you.',
    missing
      .slice(0, 20)
      .map(value => ({ field: 'code', value, allowed: 'the digest of bytes that you uploaded first' })),
  )
}

/** None of what is no tree: that is said when it is applied. */
const filesOf = async (blobs: Blobs, code: Digest): Promise<readonly Digest[]> =>
  readTree(blobs, code).then(
    tree => Object.values(tree).map(({ digest }) => digest),
    () => [],
  )
