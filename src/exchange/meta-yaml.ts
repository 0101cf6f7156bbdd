import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { invalid, messageOf } from '#kernel/error.ts'

/** A `meta.yaml` of a file store: written by PyYAML, which is YAML 1.1. Undefined when there is none. */
export async function readMeta(file: string): Promise<Meta | undefined> {
  const text = await readFile(file, 'utf8').catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    const value: unknown = parse(text, { version: '1.1' })
    return createMeta(value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {})
  } catch (error) {
    throw invalid('A file of the store cannot be read.', [{ field: file, allowed: `YAML: ${messageOf(error)}` }])
  }
}

/** Fields of a `meta.yaml`, as what they are wanted as. */
export interface Meta {
  /** As they are. */
  readonly fields: object
  text(field: string): string
  /** 0 if there is none; a double. */
  number(field: string): number
  texts(field: string): readonly { readonly key: string; readonly value: string }[]
}

function createMeta(fields: Readonly<Record<string, unknown>>): Meta {
  const textOf = (value: unknown): string =>
    value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
  return {
    fields,
    text: field => textOf(fields[field]),
    number: field => Number(fields[field] ?? 0) || 0,
    texts(field) {
      const value = fields[field]
      if (value === null || typeof value !== 'object') return []
      return Object.entries(value).map(([key, inner]) => ({ key, value: textOf(inner) }))
    },
  }
}
