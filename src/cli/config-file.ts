import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { invalid, messageOf } from '#kernel/error.ts'

const name = 'trainyard.config.json'

/** The settings in `trainyard.config.json` of a folder, or none. Throws `invalid` when it is not a JSON object. */
export function readConfigFile(folder: string): Readonly<Record<string, unknown>> {
  const path = join(folder, name)
  if (!existsSync(path)) return {}
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
    throw new SyntaxError('it holds no object')
  } catch (error) {
    throw invalid('The settings file cannot be read.', [{ field: path, allowed: `a JSON object: ${messageOf(error)}` }])
  }
}
