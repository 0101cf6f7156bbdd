import type { Command } from 'commander'
import { invalid } from '#kernel/error.ts'
import type { Client } from './client.ts'

/** `--project`: which project is meant; it may be left out while the platform has only one. */
export const projectOption = (command: Command): Command =>
  command.option('-p, --project <name>', 'the project, when there are several')

/** What there is: projects by their project files, and those that have begun without one. */
export interface ProjectNames {
  readonly items: readonly { readonly name: string }[]
  readonly begun?: readonly string[]
}

/**
 * The project that was named, or the only one that is declared, or, while none is, the only one that has begun. Throws
 * `invalid` when that is not clear.
 */
export async function chosenProject(client: Client, named: string | undefined): Promise<string> {
  if (named !== undefined) return encodeURIComponent(named)
  const { items, begun = [] } = await client.get<ProjectNames>('/api/v1/projects')
  const declared = items.map(({ name }) => name)
  const [only, ...more] = declared.length > 0 ? declared : begun
  if (only !== undefined && more.length === 0) return encodeURIComponent(only)
  const allowed =
    only === undefined
      ? 'a project; there is none yet, make one with: trainyard init <folder>'
      : [...declared, ...begun].join(', ')
  throw invalid('Which project is meant?', [{ field: '--project', allowed }])
}
