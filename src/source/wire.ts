import { z } from 'zod'
import { Instant, Name } from '#kernel/wire.ts'

export const RepositoryWire = z
  .object({
    project: Name,
    /** Clone and push here. */
    url: z.string(),
    /** Commit at the head of main, absent while the repository is empty. */
    head: z.string().optional(),
    createdAt: Instant,
  })
  .meta({ title: 'Repository' })

export const CommitWire = z
  .object({ commit: z.string(), author: z.string(), at: Instant, subject: z.string() })
  .meta({ title: 'Commit' })
export const CommitList = z.object({ items: z.array(CommitWire) })
