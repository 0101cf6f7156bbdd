import { useSuspenseQuery } from '@tanstack/react-query'
import { projectOf } from '../api.ts'
import { commandsOf } from '../commands.ts'

/** Commands about a project, as they have to be typed for this server. */
export function useCommands(project: string): ReturnType<typeof commandsOf> {
  const { data } = useSuspenseQuery(projectOf(project))
  return commandsOf({ project, spec: data.spec, server: location.origin })
}
