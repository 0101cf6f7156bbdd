import { cpus } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, replaceFile } from '../routes-file.ts'
import { placementOf, type Placement } from './placement.ts'

/** What a row of a model took, and on which machine; a bundle never changes. */
const Cost = z.object({ rowMs: z.number().positive(), machine: z.string() })

/** Beside a bundle's files. */
const costFile = (folder: string): string => join(folder, '.cost.json')

const machine = `${cpus()[0]?.model} ${process.version}`

/**
 * Where a model computes, by what it cost when this machine measured it: a server that starts again has its place at once.
 * Where the folder can't be written it is measured each time.
 */
export async function keptPlacement(folder: string, measure: () => Promise<Placement>): Promise<Placement> {
  const kept = await readJsonFile(costFile(folder), Cost)
  if (kept?.machine === machine) return placementOf(kept.rowMs)
  const placement = await measure()
  const { rowMs } = placement
  if (rowMs !== undefined) await replaceFile(costFile(folder), JSON.stringify({ rowMs, machine })).catch(() => {})
  return placement
}
