import type { z } from 'zod'
import { canonicalJson } from '#kernel/json.ts'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { ChangeWire } from './wire.ts'

export type Change = z.output<typeof ChangeWire>

/** What a new file does to what is declared: each difference once, at the deepest path that names all of it. */
export function changesBetween(before: ProjectFile | undefined, after: ProjectFile): Change[] {
  return [...differences(before ?? emptySections, after, [])]
}

/** A new project is read section by section, not as one addition. */
const emptySections = {
  sources: {},
  entities: {},
  features: {},
  labels: {},
  services: {},
  pipelines: {},
  models: {},
  deployments: {},
  monitors: {},
}

function* differences(before: unknown, after: unknown, path: Path): Generator<Change> {
  if (!isObject(before) || !isObject(after)) {
    if (canonicalJson(before) !== canonicalJson(after)) yield { action: 'change', path: showPath(path), before, after }
    return
  }
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()) {
    const [was, is] = [before[key], after[key]]
    const below = [...path, key]
    if (was === undefined && is !== undefined) yield { action: 'add', path: showPath(below), after: is }
    else if (was !== undefined && is === undefined) yield { action: 'remove', path: showPath(below), before: was }
    else yield* differences(was, is, below)
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
