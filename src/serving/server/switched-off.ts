import { join } from 'node:path'
import { z } from 'zod'
import { readJsonFile, replaceFile, type DeploymentRoute } from '../routes-file.ts'

/**
 * `unloaded.json`: the deployments that somebody has unloaded in this server, each with the route that it had then. A new
 * revision or another division of its traffic makes the route another one, and the deployment answers again.
 */
const UnloadedFile = z.record(z.string(), z.string())

export interface SwitchedOff {
  has(route: DeploymentRoute): boolean
  /** Survives the end of this process when it resolves. */
  set(route: DeploymentRoute, isOff: boolean): Promise<void>
  /** Reads the file again, which another process on this folder may have written; answers whether it says something new. */
  read(): Promise<boolean>
}

export const unloadedFile = (folder: string): string => join(folder, 'unloaded.json')

export function openSwitchedOff(folder: string): SwitchedOff {
  const path = unloadedFile(folder)
  let off: Record<string, string> = {}
  return {
    has: route => off[route.name] === markOf(route),
    async set(route, isOff) {
      const { [route.name]: _, ...others } = off
      const next = isOff ? { ...others, [route.name]: markOf(route) } : others
      await replaceFile(path, JSON.stringify(next))
      off = next
    },
    async read() {
      const found = (await readJsonFile(path, UnloadedFile)) ?? {}
      const isNews = JSON.stringify(found) !== JSON.stringify(off)
      off = found
      return isNews
    },
  }
}

const markOf = ({ revisions }: DeploymentRoute): string =>
  revisions.map(({ id, bundle, weight }) => `${id} ${bundle} ${weight}`).join()
