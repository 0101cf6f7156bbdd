import { z } from 'zod'
import { Digest, idOf, Instant, Name, pageOf } from '#kernel/wire.ts'
import { ProjectFile } from './project-file.ts'

export { overlapPolicies } from './project-file.ts'
export { environmentKinds } from './task-spec.ts'

/** Projects as JSON. */

/** One difference between what is declared and what a new project file says. */
export const ChangeWire = z
  .object({
    action: z.enum(['add', 'change', 'remove']),
    /** `pipelines.training.tasks.train.params` */
    path: z.string(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
  })
  .meta({ title: 'Change' })

/** The commit that a working tree was applied from, and how it differed. */
export const Base = z.object({
  commit: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'a commit in hexadecimal'),
  /** Blob: a unified diff from the commit to the code, files that git does not know included. Absent: there was none. */
  diff: Digest.optional(),
})

export const RevisionWire = z
  .object({
    id: idOf<'revision'>('prv'),
    project: Name,
    /** 1, 2, 3 … within the project. */
    number: z.int().positive(),
    spec: ProjectFile,
    /** The tree of the repository that the file came with. */
    code: Digest,
    /** The git commit, when it came by a push. */
    commit: z.string().optional(),
    base: Base.optional(),
    actor: z.string(),
    at: Instant,
  })
  .meta({ title: 'Revision' })

export const ProjectSummaryWire = z
  .object({
    name: Name,
    goal: z.string(),
    revision: idOf<'revision'>('prv'),
    number: z.int(),
    commit: z.string().optional(),
    at: Instant,
  })
  .meta({ title: 'ProjectSummary' })

export const ProjectPage = pageOf(ProjectSummaryWire).extend({
  /** On the first page: projects that have begun, with a repository or an import, and have no project file yet. */
  begun: z.array(z.string()).optional(),
})
/** `spec` is the parsed file as JSON; it is checked here again, whoever sent it. */
export const ApplyBody = z.object({
  spec: z.record(z.string(), z.unknown()),
  code: Digest.optional(),
  base: Base.optional(),
})
/** What the file takes for granted and is not there. */
const warnings = z.array(z.string())
export const PlanAnswer = z.object({ changes: z.array(ChangeWire), warnings })
export const ApplyAnswer = z.object({ revision: RevisionWire, changes: z.array(ChangeWire), warnings })
