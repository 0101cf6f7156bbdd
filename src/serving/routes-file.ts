import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Digest } from '#kernel/wire.ts'

/** What a deployment takes on before it refuses; what is absent is as the server has it. */
const RouteLimits = z.object({
  /** How long a request may take, in milliseconds. */
  deadlineMs: z.number().optional(),
  /** Rows that may wait for the model. */
  queueRows: z.int().optional(),
  /** Requests a second of one client. */
  clientRate: z.number().optional(),
})
export type RouteLimits = z.output<typeof RouteLimits>

/** By what the requests are told apart of which each meets the same revision. */
const RouteSticky = z.union([z.literal('entity'), z.object({ header: z.string() })])
export type RouteSticky = z.output<typeof RouteSticky>

/** What is written down of requests. */
const RouteLog = z.object({
  /** One in so many, by lot, and all that fail. */
  oneIn: z.int(),
  /** Inputs whose values are left out. */
  leaveOut: z.array(z.string()),
  /** Inputs of which a keyed hash stands in their place. */
  redact: z.array(z.string()),
})
export type RouteLog = z.output<typeof RouteLog>

export const wholeLog: RouteLog = { oneIn: 1, leaveOut: [], redact: [] }

/** `routes.json`: what the control plane tells the model server. Written whole, read whole. */
export const RoutesFile = z.object({
  /** Grows with each change; the model server reports the one that is in force. */
  version: z.int(),
  deployments: z.array(
    z.object({
      name: z.string(),
      project: z.string(),
      limits: RouteLimits.default({}),
      sticky: RouteSticky.optional(),
      log: RouteLog.default(wholeLog),
      /** It asks other deployments, which write down what they answer; of itself nothing is. */
      isGraph: z.boolean().default(false),
      revisions: z.array(
        z.object({
          id: z.string(),
          number: z.int(),
          /** Id of the model version. */
          version: z.string(),
          bundle: Digest,
          /** Percent of requests; a revision without weight answers only those who name it. */
          weight: z.number(),
          /** Percent of the requests of which it gets a copy; its answers reach nobody. */
          shadow: z.number().default(0),
        }),
      ),
      /** Revisions that answer here no more: copies of them elsewhere may still tell what they have answered. */
      former: z.array(z.object({ id: z.string(), version: z.string() })).default([]),
    }),
  ),
  /** Bundles to be loaded before any route names them. */
  preload: z.array(Digest),
})
export type RoutesFile = z.output<typeof RoutesFile>
export type DeploymentRoute = RoutesFile['deployments'][number]

/** `server.json`: which process serves, and where. For its owner's eyes. */
export const ServerFile = z.object({
  pid: z.int(),
  /** Start of the process in kernel ticks, 0 where the system does not tell: with the pid, it names one process. */
  ticks: z.number(),
  host: z.string(),
  port: z.int(),
  /** Where it answers gRPC; absent: nowhere. */
  grpcPort: z.int().optional(),
  startedAt: z.int(),
  /** Digest of what it was told at its start. */
  settings: z.string(),
  /** Sent as a token by the control plane: what only that may ask. */
  secret: z.string().default(''),
})
export type ServerFile = z.output<typeof ServerFile>

/** Answer of the model server's `/v2/trainyard/status`. */
export const ServerStatus = z.object({
  pid: z.int(),
  /** Version of the routes in force; −1 before the first. */
  version: z.int(),
  /** Each bundle that is wanted: `ready`, or why it cannot be loaded. */
  bundles: z.record(z.string(), z.string()),
})
export type ServerStatus = z.output<typeof ServerStatus>

export const routesFile = (folder: string): string => join(folder, 'routes.json')
export const serverFile = (folder: string): string => join(folder, 'server.json')
export const bundlesFolder = (folder: string): string => join(folder, 'bundles')
export const bundleFolder = (folder: string, bundle: string): string => join(bundlesFolder(folder), bundle)
export const accessLogFile = (folder: string): string => join(folder, 'access', 'access.ndjson')
/** The key of the hashes that stand in the log for what is redacted: for its owner's eyes, and never changed. */
export const redactionKeyFile = (folder: string): string => join(folder, 'redaction.key')
export const logFolder = (folder: string): string => join(folder, 'log')

export const statusPath = '/v2/trainyard/status'
/** Closes the open segment of the prediction log. */
export const rotatePath = '/v2/trainyard/rotate'

/** Replaces a small file in one step: a reader sees the old text or the new. */
export async function replaceFile(path: string, text: string, mode = 0o644): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  await writeFile(beside, text, { flush: true, mode })
  await rename(beside, path)
}

/** The file's content, or undefined when there is none or it is not understood. */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
