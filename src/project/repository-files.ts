import type { Problem } from '#kernel/error.ts'
import type { Tree } from '#storage'
import { nearest } from '#kernel/nearest.ts'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import { allTasks } from './task-edges.ts'
import type { TaskSpec } from './task-spec.ts'

/** Files that a project file names and its repository does not have. */
export function missingFiles(file: ProjectFile, tree: Tree): Problem[] {
  const known = Object.keys(tree)
  return [...namedFiles(file)]
    .filter(
      ({ name, isPlace }) =>
        !Object.hasOwn(tree, name) && !(isPlace && known.some(file => file.startsWith(`${name}/`))),
    )
    .map(({ path, name }) => {
      const meant = nearest(name, known)
      return {
        field: showPath(path),
        value: name,
        allowed: `a file of the repository${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      }
    })
}

interface Named {
  readonly path: Path
  readonly name: string
  /** Whether it may be a folder as well. */
  readonly isPlace?: boolean
}

function* namedFiles(file: ProjectFile): Generator<Named> {
  for (const [view, { transform, engineer }] of Object.entries(file.features)) {
    yield { path: ['features', view, 'transform'], name: clean(transform) }
    yield { path: ['features', view, 'engineer'], name: clean(engineer) }
  }
  for (const [view, { compute }] of Object.entries(file.requestFeatures ?? {}))
    yield { path: ['requestFeatures', view, 'compute'], name: clean(compute) }
  for (const [label, { sql }] of Object.entries(file.labels)) yield { path: ['labels', label, 'sql'], name: clean(sql) }
  for (const [model, { serving }] of Object.entries(file.models))
    if (serving) yield { path: ['models', model, 'serving'], name: clean(serving) }
  for (const [graph, { nodes }] of Object.entries(file.graphs ?? {}))
    for (const [node, spec] of Object.entries(nodes))
      if ('code' in spec) yield { path: ['graphs', graph, 'nodes', node, 'code'], name: clean(spec.code) }
  for (const [name, pipeline] of Object.entries(file.pipelines)) {
    for (const [task, spec] of Object.entries(allTasks(pipeline)))
      yield* filesOfTask(['pipelines', name, task in pipeline.tasks ? 'tasks' : 'finally', task], spec)
  }
}

function* filesOfTask(path: Path, { function: code, environment, cache }: TaskSpec): Generator<Named> {
  if (code) yield { path: [...path, 'function'], name: clean(code.split('#')[0]!) }
  const files = typeof cache === 'object' ? (cache.files ?? []) : []
  for (const [index, file] of files.entries())
    yield { path: [...path, 'cache', 'files', index], name: clean(file).replace(/\/$/, ''), isPlace: true }
  for (const [kind, lock] of Object.entries(environment ?? {})) {
    if (lock) yield { path: [...path, 'environment', kind], name: clean(lock) }
  }
}

/** `./a.sql` and `a.sql` are the same file. */
export const clean = (path: string): string => path.replace(/^(?:\.\/)+/, '')
