import { cpus } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, replaceFile } from '../routes-file.ts'
import { apart, placementOf, type Placement } from './placement.ts'

/** What a row of a model took, on which machine, and whether it may turn; a bundle never changes. */
const Cost = z.object({ rowMs: z.number().positive(), mayTurn: z.boolean(), machine: z.string() })

/** How what is not known of a model yet is found out. */
export interface Weighing {
  weigh(): Promise<Placement>
  /** Whether a request may make it compute without end. */
  mayTurn(): Promise<boolean>
}

/** Beside a bundle's files. */
const costFile = (folder: string): string => join(folder, '.cost.json')

const machine = `${cpus()[0]?.model} ${process.version}`

/** What a row of the model in the folder takes, in milliseconds, as this machine has measured it; undefined when it has not. */
export async function keptRowMs(folder: string): Promise<number | undefined> {
  const kept = await readJsonFile(costFile(folder), Cost)
  return kept?.machine === machine ? kept.rowMs : undefined
}

/**
 * Where a model computes, by what it cost when this machine measured it: a server that starts again has its place at once.
 * Where the folder can't be written it is measured each time.
 */
export async function keptPlacement(folder: string, weighing: Weighing): Promise<Placement> {
  const kept = await readJsonFile(costFile(folder), Cost)
  if (kept?.machine === machine) return placed(placementOf(kept.rowMs), kept.mayTurn)
  const measured = await weighing.weigh()
  const mayTurn = await weighing.mayTurn()
  const { rowMs } = measured
  if (rowMs !== undefined) {
    const text = JSON.stringify({ rowMs, mayTurn, machine })
    await replaceFile(costFile(folder), text).catch(() => {})
  }
  return placed(measured, mayTurn)
}

const placed = (measured: Placement, mayTurn: boolean): Placement => (mayTurn ? apart(measured) : measured)
