import type { Command } from 'commander'
import { invalid } from '#kernel/error.ts'
import type { Client } from './client.ts'

/** `--project`: which project is meant; it may be left out while the platform has only one. */
export const projectOption = (command: Command): Command =>
  command.option('-p, --project <name>', 'the project, when there are several')

/** The project that was named, or the only one there is. Throws `invalid` when that is not clear. */
export async function chosenProject(client: Client, named: string | undefined): Promise<string> {
  if (named !== undefined) return encodeURIComponent(named)
  const { items } = await client.get<{ items: { name: string }[] }>('/api/v1/projects')
  if (items.length === 1) return items[0]!.name
  throw invalid('Which project is meant?', [
    {
      field: '--project',
      allowed:
        items.length === 0
          ? 'a project; there is none yet, make one with: trainyard init <folder>'
          : items.map(project => project.name).join(', '),
    },
  ])
}
