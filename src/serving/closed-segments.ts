import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isRunning } from './process-ticks.ts'
import { openSuffix, parseSegmentName } from './segment-name.ts'

/** A segment that nobody writes to any more. */
export interface ClosedSegment {
  /** As it is, or would be, once it is closed. */
  readonly name: string
  readonly path: string
  readonly bytes: number
}

/** The oldest so many in a folder: after a day without anybody there are tens of thousands. */
export async function closedSegments(folder: string, countMax: number): Promise<readonly ClosedSegment[]> {
  const files: string[] = await readdir(folder).catch(() => [])
  const closed: ClosedSegment[] = []
  for (const file of files.toSorted()) {
    if (closed.length === countMax) break
    const owner = parseSegmentName(file)
    if (!owner || (owner.isOpen && isRunning(owner))) continue
    const path = join(folder, file)
    const found = await stat(path).catch(() => undefined)
    if (found) closed.push({ name: owner.isOpen ? file.slice(0, -openSuffix.length) : file, path, bytes: found.size })
  }
  return closed
}
