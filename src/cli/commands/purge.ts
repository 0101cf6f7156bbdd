import { counted } from '#kernel/counted.ts'
import { verb } from '../command.ts'

interface Purged {
  readonly experiments: number
  readonly runs: number
  readonly models: number
}

export const purgeVerb = verb(
  'purge',
  'Throw away for good what has lain in the trash long enough: experiments, runs and their files.',
  command =>
    command
      .option('--project <name>', 'of this project alone')
      .option('--older-than <duration>', 'deleted longer ago than this: 12h, 30d', '30d'),
  async ({ client, output }, { project, olderThan }) => {
    const path = project === undefined ? '/api/v1/purge' : `/api/v1/projects/${encodeURIComponent(project)}/purge`
    const purged = await client.send<Purged>('POST', path, { olderThan })
    output.result(purged, () => [
      `Gone for good: ${counted(purged.experiments, 'experiment')}, ${counted(purged.runs, 'run')}, ${counted(purged.models, 'logged model')}.`,
    ])
  },
)
