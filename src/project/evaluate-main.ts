import { writeSync } from 'node:fs'

/**
 * A process of its own for one module of a project: writes its default export to file descriptor 3, as JSON, or what
 * was thrown. Whatever the module prints goes elsewhere.
 */
export type Evaluated =
  | { readonly value: unknown }
  | { readonly error: { readonly message: string; readonly stack: string } }

const answer = await evaluate(process.argv[2]!)
writeAll(JSON.stringify(answer))
process.exit(0)

async function evaluate(url: string): Promise<Evaluated> {
  try {
    const { default: value } = (await import(url)) as { default?: unknown }
    // Functions and undefined have no JSON: they must not vanish from what a person declared.
    return { value: JSON.parse(JSON.stringify(await value, refuseFunctions) ?? 'null') as unknown }
  } catch (error) {
    return {
      error:
        error instanceof Error
          ? { message: error.message, stack: error.stack ?? '' }
          : { message: String(error), stack: '' },
    }
  }
}

function refuseFunctions(key: string, value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`${key || 'The default export'} is a ${typeof value}; the project file is plain data.`)
  return value
}

function writeAll(text: string): void {
  const bytes = Buffer.from(text)
  for (let offset = 0; offset < bytes.length;) offset += writeSync(3, bytes, offset)
}
