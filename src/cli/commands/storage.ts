import { counted } from '#kernel/counted.ts'
import { verb } from '../command.ts'
import { sizeOf, table } from '../output.ts'

interface Amount {
  readonly files: number
  readonly bytes: number
}

interface Usage {
  readonly items: readonly (Amount & { readonly project: string; readonly parts: Readonly<Record<string, Amount>> })[]
  readonly environments?: Amount
}

type Outcome = 'freed' | 'trashed' | 'waiting' | 'kept'
type Sweep = Readonly<Record<Outcome, { readonly blobs: number; readonly bytes: number }>>

export const storageVerb = verb(
  'storage',
  'What projects have in files: runs, models, predictions, data, features, outputs, logs; and what environments take.',
  command =>
    command
      .option('--free', 'what would be freed now of the bytes of deleted files; every hour the platform does so')
      .option('--now', 'with --free: free it'),
  async ({ client, output }, { free, now }) => {
    if (free || now) {
      const sweep = now
        ? await client.send<Sweep>('POST', '/api/v1/storage/sweep')
        : await client.get<Sweep>('/api/v1/storage/sweep')
      return output.result(sweep, () => sweepLines(sweep, now ? done : foreseen))
    }
    const usage = await client.get<Usage>('/api/v1/storage')
    const bySize = usage.items.toSorted((a, b) => b.bytes - a.bytes)
    output.result({ ...usage, items: bySize }, () => [
      ...(bySize.length === 0 ? ['Nothing is stored yet.'] : usageTable(bySize)),
      ...(usage.environments ? ['', `Environments of all projects: ${sizeOf(usage.environments.bytes)}.`] : []),
    ])
  },
)

function usageTable(items: Usage['items']): readonly string[] {
  const kinds = Object.keys(items[0]!.parts)
  return table(
    ['project', 'files', 'size', ...kinds],
    items.map(({ project, files, bytes, parts }) => [
      project,
      String(files),
      sizeOf(bytes),
      ...kinds.map(kind => sizeOf(parts[kind]?.bytes ?? 0)),
    ]),
  )
}

const stays = { waiting: 'wait in the trash', kept: 'stay: something refers to them, or wrote them again' }
const done: Readonly<Record<Outcome, string>> = { freed: 'are freed', trashed: 'went to the trash', ...stays }
const foreseen: Readonly<Record<Outcome, string>> = {
  freed: 'would be freed',
  trashed: 'would go to the trash',
  ...stays,
}

const sweepLines = (sweep: Sweep, words: Readonly<Record<Outcome, string>>): readonly string[] =>
  (['freed', 'trashed', 'waiting', 'kept'] as const).map(
    outcome => `${sizeOf(sweep[outcome].bytes)} (${counted(sweep[outcome].blobs, 'blob')}) ${words[outcome]}.`,
  )
