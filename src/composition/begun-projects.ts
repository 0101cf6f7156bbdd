import type { Composition } from './composition.ts'

const perPage = 500

/** Projects that have begun, with a repository or an import, and have no project file yet; the first to begin first. */
export async function begunProjects({
  repositories,
  projects,
}: {
  repositories: Pick<Composition['repositories'], 'projects'>
  projects: Pick<Composition['projects'], 'list'>
}): Promise<readonly string[]> {
  const begun: string[] = []
  let after: string | undefined
  do {
    const { items, next } = await repositories.projects({ limit: perPage, after })
    const declared = new Set((await projects.list({ limit: perPage }, items)).items.map(({ name }) => name))
    begun.push(...items.filter(name => !declared.has(name)))
    after = next
  } while (after !== undefined)
  return begun
}
