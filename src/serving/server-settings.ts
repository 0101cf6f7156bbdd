import { join } from 'node:path'
import { z } from 'zod'
import { digestOfJson } from '#kernel/digest.ts'

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
  /** Predictions are written down; only benchmarks go without. */
  isLogged: z.boolean(),
})
export type ServerSettings = z.output<typeof ServerSettings>

/** In the server's folder, for its owner's eyes: a database URL may hold a password. */
export const settingsFile = (folder: string): string => join(folder, 'settings.json')

/** Names what a running server was told: one that was told something else is replaced. */
export const settingsDigest = ({ host, online, version, main, isLogged }: ServerSettings): string =>
  digestOfJson({ host, online, version, main, isLogged })
