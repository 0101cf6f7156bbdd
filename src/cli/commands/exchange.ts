import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ExportWriter, ImportReport, Source } from '#exchange'
import { counted } from '#kernel/counted.ts'
import { invalid } from '#kernel/error.ts'
import { wallClock } from '#kernel/clock.ts'
import { verb, type Context, type Verb } from '../command.ts'
import { kubernetesVerb } from './kubernetes.ts'
import { table } from '../output.ts'

const describeImport: Parameters<typeof verb>[2] = command =>
  command
    .option('--project <name>', 'the project that it is brought into', 'default')
    .option('--prefix <text>', 'put before the name of every experiment and registered model', '')
    .option('--parallel <runs>', 'runs, or traces, at a time', '4')
    .option('--trust-sizes', 'take a file of the same size for the same, without reading it again')
    .option('--step-multiplier <number>', 'of Neptune only: steps are multiplied by this to become whole', '1')

/** `import mlflow <url or folder>` and `import neptune <folder>`. */
export const importVerb: Verb = verb(
  'import <system> <from>',
  'Bring everything over from MLflow or Neptune; said again, it goes on where it was.',
  describeImport,
  async (context, options, [system, from]) => {
    const { client, output, folder, signal } = context
    // Loaded by those who use it: every other command starts without it.
    const { createProgress, createTarget, importLedger } = await import('#exchange')
    const source = await sourceOf(context, system!, {
      from: from!,
      folder,
      multiplier: options['stepMultiplier'] as string,
    })
    const choices = {
      prefix: options['prefix'] as string,
      trustSizes: options['trustSizes'] === true,
      concurrency: wholeNumber('parallel', options['parallel'] as string),
      signal,
    }
    const target = createTarget(client, options['project'] as string)
    const report = await importLedger(source, target, choices, createProgress(wallClock, overwriting(output.note)))
    output.result(report, () => reportLines(report))
    if (report.differences.length > 0)
      throw new Error(`Not the same on both sides: ${counted(report.differences.length, 'thing')}.`)
  },
)

async function sourceOf(
  { env, signal }: Context,
  system: string,
  { from, folder, multiplier }: { from: string; folder: string; multiplier: string },
): Promise<Source> {
  const { createMlflowClient, createMlflowSource, createMlrunsSource, createNeptuneSource } = await import('#exchange')
  const path = resolve(folder, from)
  if (system === 'mlflow' && /^https?:\/\//.test(from))
    return createMlflowSource(
      createMlflowClient({
        url: from,
        token: env['MLFLOW_TRACKING_TOKEN'],
        user: env['MLFLOW_TRACKING_USERNAME'],
        password: env['MLFLOW_TRACKING_PASSWORD'],
        signal,
      }),
    )
  if (system !== 'mlflow' && system !== 'neptune')
    throw invalid('Nothing is known of this system.', [{ field: 'system', value: system, allowed: 'mlflow, neptune' }])
  if (!(await stat(path).catch(() => undefined))?.isDirectory())
    throw invalid('There is nothing to import.', [
      {
        field: 'from',
        value: from,
        allowed: system === 'mlflow' ? 'http://… or a folder `mlruns`' : 'a folder of neptune-exporter',
      },
    ])
  return system === 'mlflow'
    ? createMlrunsSource(path)
    : createNeptuneSource(path, { stepMultiplier: wholeNumber('step-multiplier', multiplier), signal })
}

/** What the platform's own server says in MLflow's words, so that an export holds what any client can see. */
const exportAllVerb: Verb = verb(
  'export <folder>',
  'Write what is tracked and registered, and the data, into a new folder: Parquet, JSON and the files themselves.',
  command =>
    command.option('--everything', 'every other table and file of the platform too, secrets apart; for administrators'),
  async ({ client, output, folder, env, signal }, { everything }, [to]) => {
    const { createMlflowClient, createMlflowSource, createProgress, exportBlobs, exportLedger, exportPlatform } =
      await import('#exchange')
    const reader = createMlflowClient({ url: client.server, token: env['TRAINYARD_TOKEN'], signal })
    const report = await exportLedger(createMlflowSource(reader), resolve(folder, to!), {
      progress: createProgress(wallClock, overwriting(output.note)),
      ...(everything === true && {
        more: async (place: string, writer: ExportWriter) => {
          await exportBlobs(client, reader.bytes, writer)
          const rows = await exportPlatform(client, join(place, 'platform'))
          return Object.fromEntries(Object.entries(rows).map(([name, count]) => [`platform/${name}`, count]))
        },
      }),
    })
    output.result(report, () => [
      ...table(
        ['table', 'rows'],
        Object.entries(report.rows).map(([name, rows]) => [name, rows.toLocaleString('en')]),
      ),
      '',
      `${counted(report.files, 'file')} of ${counted(report.bytes, 'byte')}. Everything is in ${report.folder}; check it there with: sha256sum --check SHA256SUMS`,
    ])
  },
)

/** `export <folder>`, and `export kubernetes <deployment>`. */
export const exportVerb: Verb = { ...exportAllVerb, verbs: [kubernetesVerb] }

/** On a terminal each line of progress takes the place of the one before. */
function overwriting(note: (line: string) => void): (line: string) => void {
  let isFirst = true
  return line => {
    const { isTTY, columns } = process.stderr
    note(isTTY ? `${isFirst ? '' : '\u001B[1A\u001B[2K'}${line.slice(0, columns - 1)}` : line)
    isFirst = false
  }
}

function reportLines({ counts, differences, left, passedOver, written }: ImportReport): readonly string[] {
  const shown = 50
  return [
    ...table(
      ['', 'there', 'here', ''],
      counts.map(({ kind, there, here }) => [
        kind,
        there.toLocaleString('en'),
        here.toLocaleString('en'),
        there === here ? '' : 'differs',
      ]),
    ),
    '',
    `Runs, models, traces and evaluation datasets: ${written} written, ${passedOver} there already; counts and digests of ${differences.length === 0 ? 'all agree' : 'some differ'}.`,
    ...differences.slice(0, shown).map(({ what, why }) => `  ${what}: ${why}`),
    ...left.slice(0, shown).map(({ what, why }) => `  ${what}: ${why}`),
    ...(differences.length > shown ? [`  … and ${differences.length - shown} more: --json lists all`] : []),
  ]
}

function wholeNumber(field: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 1_000_000_000) return number
  throw invalid('This is no number of its kind.', [{ field, value: text, allowed: 'a whole number from 1' }])
}
