import { verb } from '../command.ts'
import { sizeOf, table } from '../output.ts'

interface Usage {
  readonly project: string
  readonly files: number
  readonly bytes: number
}

type Outcome = 'freed' | 'trashed' | 'waiting' | 'kept'
type Sweep = Readonly<Record<Outcome, { readonly blobs: number; readonly bytes: number }>>

export const storageVerb = verb(
  'storage',
  'What runs, models and traces have in files, by project.',
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
    const { items } = await client.get<{ items: readonly Usage[] }>('/api/v1/storage')
    const bySize = items.toSorted((a, b) => b.bytes - a.bytes)
    output.result(bySize, () =>
      bySize.length === 0
        ? ['Nothing is stored yet.']
        : table(
            ['project', 'files', 'size'],
            bySize.map(({ project, files, bytes }) => [project, String(files), sizeOf(bytes)]),
          ),
    )
  },
)

const stays = { waiting: 'wait in the trash', kept: 'stay: something refers to them, or wrote them again' }
const done: Readonly<Record<Outcome, string>> = { freed: 'are freed', trashed: 'went to the trash', ...stays }
const foreseen: Readonly<Record<Outcome, string>> = {
  freed: 'would be freed',
  trashed: 'would go to the trash',
  ...stays,
}

const sweepLines = (sweep: Sweep, words: Readonly<Record<Outcome, string>>): readonly string[] =>
  (['freed', 'trashed', 'waiting', 'kept'] as const).map(
    outcome => `${sizeOf(sweep[outcome].bytes)} (${sweep[outcome].blobs} blobs) ${words[outcome]}.`,
  )
