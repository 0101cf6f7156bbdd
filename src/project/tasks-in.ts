import type { Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { TaskSpec } from './task-spec.ts'

/** Every task that a file declares, and where it stands there. */
export const tasksIn = (
  file: Pick<ProjectFile, 'pipelines'>,
): readonly { readonly task: TaskSpec; readonly path: Path }[] =>
  Object.entries(file.pipelines).flatMap(([pipeline, spec]) =>
    (['tasks', 'finally'] as const).flatMap(section =>
      Object.entries(spec[section] ?? {}).map(([name, task]) => ({
        task,
        path: ['pipelines', pipeline, section, name],
      })),
    ),
  )
