import { createHash } from 'node:crypto'
import type { Row } from '#storage'
import { textOf } from './neptune-reader.ts'
import type { CarriedRun, KeyText } from './record.ts'

/** What Neptune itself says of a run lies below this path. */
const system = 'sys/'
/** A longer text is a file: params are cut where they are kept. */
export const textMax = 6_000

export interface Origin {
  readonly project: string
  readonly run: string
}

/** The same 32 hex digits for the same run, whenever it is imported. */
export const idOf = ({ project, run }: Origin): string =>
  createHash('sha256')
    .update(JSON.stringify([project, run]))
    .digest('hex')
    .slice(0, 32)

/** A run of the rows of its attributes: path, type and a value as text. */
export function toRun(origin: Origin, rows: readonly Row[]): CarriedRun {
  const values = new Map(rows.map(row => [textOf(row['path']), textOf(row['value'])]))
  const of = (name: string): string => values.get(`${system}${name}`) ?? ''
  const isTrue = (name: string): boolean => of(name) === 'true'
  const startedAt = Number(of('creation_time')) || 0
  const endedAt = Number(of('modification_time')) || Number(of('ping_time')) || 0
  const isRunning = ['active', 'running'].includes(of('state').toLowerCase())
  const note = of('description')
  const kind = textOf(rows[0]?.['scope'])
  const params: KeyText[] = []
  const tags: KeyText[] = [
    { key: 'mlflow.runName', value: origin.run },
    { key: 'neptune.project', value: origin.project },
    { key: 'neptune.run', value: origin.run },
    ...(kind === '' ? [] : [{ key: 'neptune.kind', value: kind === 'models' ? 'model' : 'model_version' }]),
    ...(note === '' ? [] : [{ key: 'mlflow.note.content', value: note }]),
  ]
  for (const [path, value] of values) {
    if (value.length > textMax) continue
    if (path.startsWith(system)) tags.push({ key: `neptune.${keyOf(path)}`, value })
    else params.push({ key: keyOf(path), value })
  }
  return {
    id: idOf(origin),
    name: origin.run,
    user: of('owner'),
    status: isRunning ? 'RUNNING' : isTrue('failed') ? 'FAILED' : 'FINISHED',
    lifecycle: isTrue('trashed') ? 'deleted' : 'active',
    startedAt,
    ...(endedAt > 0 && !isRunning && { endedAt }),
    params,
    tags,
    datasets: [],
    links: [],
  }
}

/**
 * An attribute's path as a key: letters, digits and `_ - . / : space`, 250 characters, a plain path. What has to be
 * changed gets a mark, so that two never become one.
 */
export function keyOf(path: string): string {
  const plain = path
    .replaceAll(/[^\p{L}\p{N}_\-./: ]/gu, '_')
    .split('/')
    .map(part => (part === '' || part === '.' || part === '..' ? '_' : part))
    .join('/')
  if (plain === path && path.length <= 250) return path
  return `${plain.slice(0, 240)}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`
}
