import { z } from 'zod'
import { Digest, idOf, Name } from '#kernel/wire.ts'
import { ShimExit } from './shim.ts'

/** What the platform and the courier on a node say to each other. */

export const AttemptParams = z.object({ attempt: idOf<'attempt'>('att') })
const rank = z.int().min(0).max(9_999).meta({ description: 'Which of the nodes of the attempt this is, from 0.' })
const instance = z
  .string()
  .regex(/^[\w-]{8,64}$/)
  .meta({
    description:
      '8 to 64 letters, digits, - or _ that this process has drawn: whoever comes with others is another process.',
  })

const Text = z.string().max(300)
export const NodeHost = z
  .object({ name: Text, platform: Text, cpus: z.int().min(1), memoryBytes: z.int().min(0), python: Text })
  .meta({ title: 'NodeHost' })
export type NodeHost = z.output<typeof NodeHost>

export const ClaimBody = z.object({ rank, instance, host: NodeHost })

const AssignedInput = z.union([
  z.object({
    name: z.string(),
    digest: Digest,
    size: z.int(),
    /** Of a folder: how many it has; the digest is that of its tree. */
    files: z.int().optional(),
  }),
  z.object({ name: z.string(), value: z.string().meta({ description: 'JSON, to be written to a file.' }) }),
])

/** What a node is told to do. Paths are the node's affair; times are in milliseconds. */
export const Assignment = z
  .object({
    command: z.string(),
    /** The entry of the environment by which the processes of the attempt are found. */
    mark: z.string(),
    inputs: z.array(AssignedInput),
    outputs: z.array(z.string()),
    /** The tree of the code. */
    code: Digest.optional(),
    /** Path of a lock file of Python packages in the code. */
    python: z.string().optional(),
    /** What outlives the attempt: whose, as of which of its attempts, how often it is handed in, and what is there already. */
    checkpoint: z.object({ key: z.string(), attempt: z.int(), everyMs: z.int(), tree: Digest.optional() }).optional(),
    graceMs: z.int(),
    timeoutMs: z.int(),
    memoryBytes: z.int().optional(),
    logMax: z.int(),
    /** How often a node says that it is there. */
    beatMs: z.int(),
    /** How long the task goes on while the platform is not heard of. */
    patienceMs: z.int(),
  })
  .meta({ title: 'Assignment' })
export type Assignment = z.output<typeof Assignment>

/** What no one else may read: the environment, and texts that the log must not show. */
export const AssignedSecrets = z.object({ variables: z.record(z.string(), z.string()), mask: z.array(z.string()) })
export type AssignedSecrets = z.output<typeof AssignedSecrets>

/** A file of a tree: by path, what `GET /blobs` gives. */
const AssignedFile = z.object({ path: z.string(), digest: Digest, executable: z.boolean() })
export type AssignedFile = z.output<typeof AssignedFile>

/** What to do, the files of the code, those of the checkpoint, and those of inputs that are folders, by name. */
export const Claimed = z.object({
  assignment: Assignment.extend(AssignedSecrets.shape),
  files: z.array(AssignedFile),
  checkpoint: z.array(AssignedFile),
  folders: z.record(z.string(), z.array(AssignedFile)),
})
export type Claimed = z.output<typeof Claimed>

const relativePath = z
  .string()
  .min(1)
  .max(4_096)
  .regex(/^(?!\/)(?!(.*\/)?\.\.?(\/|$))[^\0]+$/, 'a path below the folder')
/** What a folder holds: files that were handed in before. */
export const FolderBody = z.object({
  rank,
  instance,
  files: z.array(AssignedFile.extend({ path: relativePath })).max(10_000),
})

export const LogQuery = z.object({ rank, instance, position: z.int().min(0) })
export const LogAnswer = z.object({ next: z.int() })

export const BeatBody = z.object({ rank, instance })
export const BeatAnswer = z.object({ stop: z.string().optional() })

export const NodeQuery = z.object({ rank, instance })
export const OutputParams = AttemptParams.extend({ name: Name })
export const BlobParams = AttemptParams.extend({ digest: Digest })
export const OutputAnswer = z.object({ digest: Digest, size: z.int() })

/** How it ended: the shim's last word, or why no shim was begun. */
export const NodeEnd = z
  .object({
    /** A courier may be of another version, and know more. */
    exit: ShimExit.loose().optional(),
    /** The engine asked the node to end, and not the platform. */
    wasTerminated: z.boolean().default(false),
    /** Why the command was never begun. */
    failure: z
      .object({ cause: z.enum(['environment', 'input', 'output', 'node']), message: z.string().max(4_000) })
      .optional(),
    environment: z.object({ lockDigest: Digest, runtime: Text }).optional(),
  })
  .meta({ title: 'NodeEnd' })
export type NodeEnd = z.output<typeof NodeEnd>
export const EndBody = z.object({ rank, instance, end: NodeEnd })
