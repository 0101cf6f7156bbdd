import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where the first program of these names is, by the order of the names, then of the PATH's folders. */
export const findProgram = (names: readonly string[], path = ''): string | undefined =>
  names.flatMap(name => foldersOf(path).map(folder => join(folder, name))).find(isProgram)

const foldersOf = (path: string): readonly string[] => path.split(delimiter).filter(folder => folder !== '')

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
