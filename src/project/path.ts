/** Where something stands in the project file. */
export type Path = readonly (string | number)[]

/** `pipelines.train.triggers[0].cron`; a key that would not read well is quoted: `columns["wind speed"]`. */
export function showPath(path: Path): string {
  const parts = path.map((part, index) => {
    if (typeof part === 'number') return `[${part}]`
    if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`
    return index === 0 ? part : `.${part}`
  })
  return parts.join('')
}

/** What stands there, or undefined. */
export function valueAt(value: unknown, path: Path): unknown {
  let found = value
  for (const part of path) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, part)) return undefined
    found = (found as Record<string | number, unknown>)[part]
  }
  return found
}
