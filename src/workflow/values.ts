import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { isFrom, isTaskSource, isValueKind, outputKind, outputNames, type TestSpec, type ValueKind } from '#project'
import type { Blobs } from '#storage'
import { portOf } from './graph.ts'
import type { Artifact, Artifacts, Item, Params, Run, RunTask } from './run.ts'

/** What the tasks before have given, by name. */
export type Producers = Readonly<
  Record<string, { readonly outputs: Artifacts; readonly metrics: Readonly<Record<string, number>> }>
>

/** Where the values that a task reads come from. */
export interface Sources {
  readonly blobs: Pick<Blobs, 'bytes'>
  readonly producers: Producers
  readonly run: Pick<Run, 'verdict' | 'error'>
  readonly params: Params
  /** What the call is for, of a task with a call for each item. */
  readonly item: Item | undefined
}

/** A value up to this length stands in the task's row; a longer one is its bytes alone. */
export const inlineCharactersMax = 4_096
const valueBytesMax = 16 * 1024 * 1024

/** The value that a source names, or undefined when nothing gave it. */
export async function valueOf(sources: Sources, source: string, at: string | undefined): Promise<Json | undefined> {
  const whole = await wholeValue(sources, source)
  return at === undefined || whole === undefined ? whole : within(whole, at)
}

async function wholeValue({ blobs, producers, run, item }: Sources, source: string): Promise<Json | undefined> {
  if (source === 'run.state') return run.verdict
  if (source === 'run.error') return run.error ?? ''
  if (source === 'item') return item?.value
  if (source === 'index') return item?.index
  const { task, output } = portOf(source)
  const artifact = producers[task]?.outputs[output]
  return artifact && wholeOf(blobs, artifact)
}

/** The value of an artifact, from its bytes when it is too long to stand beside them. */
export async function wholeOf(blobs: Pick<Blobs, 'bytes'>, { value, digest }: Artifact): Promise<Json | undefined> {
  if (value !== undefined || digest === undefined) return value as Json | undefined
  return JSON.parse((await blobs.bytes(digest)).toString()) as Json
}

const within = (value: Json, at: string): Json | undefined =>
  at
    .split('.')
    .reduce<Json | undefined>(
      (found, key) =>
        found !== null && typeof found === 'object' && Object.hasOwn(found, key)
          ? (found as Record<string, Json>)[key]
          : undefined,
      value,
    )

/** What a comparison of a condition is about. */
export async function subjectOf(sources: Sources, { value, metric, param, at }: TestSpec): Promise<Json | undefined> {
  if (value !== undefined) return valueOf(sources, value, at)
  if (metric !== undefined) {
    const { task, output } = portOf(metric)
    return sources.producers[task]?.metrics[output]
  }
  return resolve(sources, sources.params[param!])
}

const resolve = async (sources: Sources, param: Json | undefined): Promise<Json | undefined> =>
  isFrom(param) ? valueOf(sources, param.from, param.at) : param

/** Parameters with the values that other tasks gave. Throws `invalid` naming those that nothing gave, unless they may be missing. */
export async function resolvedParams(sources: Sources, mayMiss: boolean): Promise<Params> {
  const found = await Promise.all(
    Object.entries(sources.params).map(async ([name, param]) => [name, await resolve(sources, param)] as const),
  )
  const missing = found.filter(([, value]) => value === undefined).map(([name]) => name)
  if (missing.length > 0 && !mayMiss)
    throw invalid(
      'A parameter was not given.',
      missing.map(name => ({ field: `params.${name}`, value: sources.params[name], allowed: 'a value that is there' })),
    )
  return Object.fromEntries(found.filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

/** Reads the values among the files that a task has made. Throws `task_failed` naming an output that is not what it should be. */
export async function readValues(blobs: Pick<Blobs, 'bytes'>, spec: RunTask, outputs: Artifacts): Promise<Artifacts> {
  const read: Record<string, Artifact> = { ...outputs }
  for (const name of outputNames(spec)) {
    const kind = outputKind(spec, name)
    const { digest, size } = outputs[name] ?? {}
    if (digest === undefined || !isValueKind(kind)) continue
    if (size !== undefined && size > valueBytesMax)
      throw wrong(name, kind, `has ${size} bytes; ${valueBytesMax} at most`)
    const text = (await blobs.bytes(digest)).toString()
    const value = parsed(name, kind, text)
    read[name] = { ...outputs[name], ...(text.length <= inlineCharactersMax && { value }) }
  }
  return read
}

function parsed(name: string, kind: ValueKind, text: string): Json {
  if (kind === 'string') {
    if (text.length > inlineCharactersMax) throw wrong(name, kind, `is longer than ${inlineCharactersMax} characters`)
    return text.replace(/\r?\n$/, '')
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    throw wrong(name, kind, `says ${JSON.stringify(text.slice(0, 60))}`)
  }
  if (!isOf[kind](value)) throw wrong(name, kind, `says ${JSON.stringify(value).slice(0, 60)}`)
  return value
}

const isOf: Readonly<Record<Exclude<ValueKind, 'string'>, (value: Json) => boolean>> = {
  number: value => typeof value === 'number',
  integer: value => Number.isSafeInteger(value),
  boolean: value => typeof value === 'boolean',
  list: value => Array.isArray(value),
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const wrong = (output: string, kind: ValueKind, what: string): TrainyardError =>
  new TrainyardError('task_failed', `Output ${output} is declared as ${kind} and ${what}.`, {
    cause: { kind: 'output', output },
  })

/** Parameters for people: with the values that are known so far, and where the others come from. */
export const shownParams = (params: Params, outputsOf: (task: string) => Artifacts | undefined): Params =>
  Object.fromEntries(
    Object.entries(params).map(([name, param]) => {
      if (!isFrom(param) || !isTaskSource(param.from) || param.at !== undefined) return [name, param]
      const { task, output } = portOf(param.from)
      return [name, (outputsOf(task)?.[output]?.value as Json | undefined) ?? param]
    }),
  )
