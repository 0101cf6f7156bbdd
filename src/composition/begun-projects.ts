import type { App } from '#http'
import { defaultProject } from '#kernel/default-project.ts'
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

/** A project that is not here begins with its import, whoever brings it. */
export function beginWithImports(
  app: App,
  { repositories }: { repositories: Pick<Composition['repositories'], 'has' | 'create'> },
): void {
  app.addHook('preHandler', async ({ method, params, routeOptions }) => {
    if (method !== 'PUT' || !routeOptions.url?.startsWith('/api/v1/projects/:project/imports/')) return
    const { project } = params as { readonly project: string }
    if (project !== defaultProject && !(await repositories.has(project))) await repositories.create(project)
  })
}
