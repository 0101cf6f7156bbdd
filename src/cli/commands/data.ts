import { openAsBlob } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { counted } from '#kernel/counted.ts'
import { invalid, messageOf } from '#kernel/error.ts'
import { verb, type Context } from '../command.ts'
import { chosenProject, projectOption } from '../project-option.ts'

async function readable(path: string, named: string): Promise<Blob> {
  try {
    return await openAsBlob(path)
  } catch (error) {
    throw invalid('The file cannot be read.', [{ field: 'file', value: named, allowed: messageOf(error) }])
  }
}

export const pushDataVerb = verb(
  'push-data <source> <file>',
  'Upload the data of a source; pipelines that wait for it start.',
  command => projectOption(command),
  async ({ client, output, folder }, options, [source, file]) => {
    const project = await chosenProject(client, options['project'])
    const arrival = await pushData({ client, folder }, { project, source: source!, file: file! })
    output.result(arrival, () => [
      `Arrived at ${source}: ${counted(arrival.bytes, 'byte')} (${arrival.digest.slice(0, 12)}).`,
    ])
  },
)

interface Arrival {
  readonly digest: string
  readonly bytes: number
}

export const pushData = async (
  { client, folder }: Pick<Context, 'client' | 'folder'>,
  { project, source, file }: { project: string; source: string; file: string },
): Promise<Arrival> =>
  client.upload(
    `/api/v1/projects/${project}/sources/${encodeURIComponent(source)}/data`,
    await readable(resolve(folder, file), file),
  )

export const truthVerb = verb(
  'truth <deployment> [prediction=value...]',
  'Say what really happened to predictions.',
  command => command.option('--file <path>', 'JSON lines of {"prediction": …, "value": …}'),
  async ({ client, output, folder }, { file }, [deployment, ...pairs]) => {
    const given = pairs.flat().map(parsePair)
    const read = file ? (await readFile(resolve(folder, file), 'utf8')).split('\n').filter(Boolean).map(parseLine) : []
    if (given.length + read.length === 0)
      throw invalid('Nothing is said.', [{ field: 'prediction=value', allowed: 'at least one, or --file' }])
    const answer = await client.send<{ recorded: number; unchanged: number }>(
      'POST',
      `/api/v1/deployments/${encodeURIComponent(deployment!)}/truth`,
      { items: [...given, ...read] },
    )
    output.result(answer, () => [`${answer.recorded} recorded, ${answer.unchanged} known already.`])
  },
)

function parsePair(pair: string): { prediction: string; value: number } {
  const [prediction = '', text = ''] = pair.split('=')
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value))
    throw invalid('This is no truth.', [{ field: 'prediction=value', value: pair, allowed: 'prd_…=1, with a number' }])
  return { prediction, value }
}

function parseLine(line: string, index: number): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw invalid('The file is not JSON lines.', [
      { field: `line ${index + 1}`, value: line, allowed: '{"prediction": "prd_…", "value": 1}' },
    ])
  }
}
