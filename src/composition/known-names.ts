import type { App } from '#http'
import { defaultProject } from '#kernel/default-project.ts'
import { notFound } from '#kernel/error.ts'
import type { Page } from '#kernel/page.ts'
import type { Projects } from '#project'
import type { Composition } from './composition.ts'

/** The kinds of things that lists are asked for by a name in the address. */
const kinds = ['source', 'view', 'model'] as const
type Kind = (typeof kinds)[number]

type Lists = Readonly<Record<Kind, (project: string, name: string) => Promise<Page<unknown>>>>

const one = { limit: 1 }

/**
 * A list of a thing that does not exist is not empty: it is not there, and a slip in a name is seen at once. One check
 * for all components, as only the declarations and the history together know which names there are.
 */
export function requireKnownNames(
  app: App,
  { projects, isProject, data, features, registry }: Pick<Composition, 'projects' | 'isProject' | Components>,
): void {
  const lists: Lists = {
    source: (project, name) => data.versions(project, name, one),
    view: (project, name) => features.versions(project, name, one),
    model: (project, name) => registry.versions(project, name, one),
  }
  app.addHook('preHandler', async ({ method, params, routeOptions }) => {
    const { project, ...names } = params as Readonly<Record<string, string | undefined>>
    if (project === undefined || method !== 'GET' || routeOptions.url?.endsWith('/repository')) return
    const revision = await projects.find(project)
    // A project begins with its repository; its first push declares it.
    if (!revision && project !== defaultProject && !(await isProject(project))) throw notFound('project', project)
    for (const kind of kinds) {
      const name = names[kind]
      if (name === undefined || isDeclared(revision, kind, name)) continue
      if ((await lists[kind](project, name)).items.length === 0) throw notFound(kind, `${project}/${name}`)
    }
  })
}

type Components = 'data' | 'features' | 'registry'

function isDeclared(revision: Awaited<ReturnType<Projects['find']>>, kind: Kind, name: string): boolean {
  if (!revision) return false
  const { sources, features, models } = revision.spec
  return Object.hasOwn({ source: sources, view: features, model: models }[kind], name)
}
