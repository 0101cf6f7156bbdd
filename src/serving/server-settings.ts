import { join } from 'node:path'
import { z } from 'zod'
import { digestOfJson } from '#kernel/digest.ts'

/** How the model server is reached beside the addresses that its protocols give it. */
export const DoorSettings = z.object({
  /** Which deployment is asked where the address names none; empty: the only one, or the one that a header names. */
  deployment: z.string(),
  /** Where Vertex AI asks for predictions and for health; empty: nowhere. */
  predict: z.string(),
  health: z.string(),
  /** Before every path, which is there without it too; empty: nothing. */
  prefix: z.string().default(''),
  /** Whoever reaches it may ask it: somebody before it asks who they are. */
  isOpen: z.boolean(),
  /** Where gRPC is answered; 0 takes a free port and keeps it, null is nowhere. */
  grpcPort: z.int().nullable(),
})
export type DoorSettings = z.output<typeof DoorSettings>

/** Of a server that nobody has told more. */
export const ownDoors: DoorSettings = {
  deployment: '',
  predict: '',
  health: '',
  prefix: '',
  isOpen: false,
  grpcPort: null,
}

/** How long requests, and the end of the server, may take. */
export const TimeSettings = z.object({
  /** Of a request to a deployment that says nothing else, in milliseconds. */
  deadlineMs: z.number(),
  /** How long it still takes connections after it is told to end. */
  drainMs: z.number(),
})
export type TimeSettings = z.output<typeof TimeSettings>

/** Of a server that nobody has told more. */
export const ownTimes: TimeSettings = { deadlineMs: 30_000, drainMs: 0 }

/** How much of the machine's memory models may take, and for how long. */
export const MemorySettings = z.object({
  /** Of all models of a process together, workers included; 0 is no limit. */
  budgetBytes: z.int(),
  /** How long a model stays that nobody asks, in milliseconds; 0 is for ever. */
  idleMs: z.number(),
})
export type MemorySettings = z.output<typeof MemorySettings>

/** Of a server that nobody has told more. */
export const ownMemory: MemorySettings = { budgetBytes: 0, idleMs: 0 }

/** Who is told of requests, beside the prediction log. */
export const TellSettings = z.object({
  /** Where a line for each request goes. */
  accessLog: z.enum(['none', 'file', 'stdout']),
  /** Base of the address of an OpenTelemetry collector; empty: none. */
  otlpUrl: z.string(),
  /** Share of the requests that are traced, where the client has not decided. */
  traceShare: z.number(),
})
export type TellSettings = z.output<typeof TellSettings>

/** Of a server that nobody has told more. */
export const ownTelling: TellSettings = { accessLog: 'none', otlpUrl: '', traceShare: 0 }

/** `settings.json`: what the control plane tells a model server before it starts. */
export const ServerSettings = z.object({
  host: z.string(),
  port: z.int(),
  /** Where features are looked up; empty: nowhere. */
  online: z.string(),
  /** Of the platform. */
  version: z.string(),
  /** The program of the model server: a successor runs this one, not its forerunner's. */
  main: z.string(),
  /** How many processes answer. */
  processes: z.int().positive().default(1),
  /** Predictions are written down; only benchmarks go without. */
  isLogged: z.boolean(),
  /** Where its segments are sent, where no control plane collects them; the token is in TRAINYARD_TELEMETRY_TOKEN. */
  forwarding: z.object({ url: z.string(), bytesMax: z.int() }).optional(),
  doors: DoorSettings.default(ownDoors),
  times: TimeSettings.default(ownTimes),
  telling: TellSettings.default(ownTelling),
  memory: MemorySettings.default(ownMemory),
  /** The process that it ends with; left out, it lives on without anybody. */
  until: z.object({ pid: z.int(), ticks: z.number() }).optional(),
  /** How Python workers are kept from the machine. */
  workers: z.object({
    isolation: z.enum(['none', 'bubblewrap', 'auto']),
    /** Folders of the platform that no worker may see. */
    hidden: z.array(z.string()),
    /** Of each worker's heap; 0 is no limit. */
    memoryBytes: z.int(),
  }),
})
export type ServerSettings = z.input<typeof ServerSettings>
export type WorkerSettings = ServerSettings['workers']

/** In the server's folder, for its owner's eyes: a database URL may hold a password. */
export const settingsFile = (folder: string): string => join(folder, 'settings.json')

/** Names what a running server was told: one that was told something else is replaced. */
export const settingsDigest = ({ port: _, ...told }: ServerSettings): string =>
  digestOfJson({ processes: 1, doors: ownDoors, times: ownTimes, telling: ownTelling, memory: ownMemory, ...told })
