/** Whether a path or a branch has this shape: `*` is any text without a slash, `**` any text, `?` one character. */
export function matchesGlob(text: string, glob: string): boolean {
  const pattern = glob.replaceAll(/\*\*\/?|\*|\?|[.+^${}()|[\]\\]/g, part => globParts[part] ?? `\\${part}`)
  return new RegExp(`^${pattern}$`, 's').test(text)
}

const globParts: Readonly<Record<string, string>> = { '**': '.*', '**/': '(?:.*/)?', '*': '[^/]*', '?': '[^/]' }
