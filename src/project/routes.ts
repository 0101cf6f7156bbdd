import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '#http'
import type { Digest } from '#kernel/digest.ts'
import { invalid } from '#kernel/error.ts'
import { Name, pageOf, PageQuery } from '#kernel/wire.ts'
import type { Blobs } from '#storage'
import { requireSent, senderOf, type BlobUploads } from './blob-uploads.ts'
import type { Projects } from './projects.ts'
import { ApplyAnswer, ApplyBody, PlanAnswer, ProjectPage, RevisionWire } from './wire.ts'

const tags = ['project']
const params = z.object({ project: Name })

export interface ProjectRouteParts {
  readonly projects: Projects
  readonly blobs: Blobs
  readonly uploads: BlobUploads
  /** Projects that have no project file yet. */
  begun(): Promise<readonly string[]>
}

/** What projects there are. */
function listRoute(app: App, { projects, begun }: Pick<ProjectRouteParts, 'projects' | 'begun'>): void {
  app.get(
    '/api/v1/projects',
    {
      schema: { summary: 'Projects, last applied first', tags, querystring: PageQuery, response: { 200: ProjectPage } },
    },
    async ({ query, readable }) => {
      const page = await projects.list(query, readable === 'all' ? undefined : readable)
      if (query.after !== undefined) return open(page)
      const hidden = (name: string): boolean => readable !== 'all' && !readable.includes(name)
      return { ...open(page), begun: (await begun()).filter(name => !hidden(name)) }
    },
  )
}

export function projectRoutes(app: App, { projects, blobs, uploads, begun }: ProjectRouteParts): void {
  listRoute(app, { projects, begun })

  /** Who may not read everything gets no bytes by naming them. */
  const requireOwn = async (
    { caller, readable }: Pick<FastifyRequest, 'caller' | 'readable'>,
    { project, body }: { project: string; body: z.output<typeof ApplyBody> },
  ): Promise<void> => {
    if (readable === 'all') return
    const named = { project, code: body.code as Digest | undefined, diff: body.base?.diff as Digest | undefined }
    await requireSent({ projects, blobs, uploads }, named, senderOf(caller))
  }

  app.get(
    '/api/v1/projects/:project',
    { schema: { summary: 'What a project declares now', tags, params, response: { 200: RevisionWire } } },
    async request => projects.current(request.params.project),
  )

  app.get(
    '/api/v1/projects/:project/revisions',
    {
      schema: {
        summary: 'What a project declared, newest first',
        tags,
        params,
        querystring: PageQuery,
        response: { 200: pageOf(RevisionWire) },
      },
    },
    async request => open(await projects.history(request.params.project, request.query)),
  )

  app.post(
    '/api/v1/projects/:project/plan',
    {
      schema: {
        summary: 'What applying a project file would change',
        tags,
        params,
        body: ApplyBody,
        response: { 200: PlanAnswer },
      },
    },
    async request => {
      const { project } = request.params
      const { spec, code } = sameName(project, request.body)
      await requireOwn(request, { project, body: request.body })
      return { changes: [...(await projects.plan(spec, code))], warnings: [...(await projects.warnings(spec))] }
    },
  )

  app.put(
    '/api/v1/projects/:project',
    { schema: { summary: 'Apply a project file', tags, params, body: ApplyBody, response: { 200: ApplyAnswer } } },
    async request => {
      const { project } = request.params
      const body = sameName(project, request.body)
      await requireOwn(request, { project, body })
      const { revision, changes } = await projects.apply({
        ...body,
        actor: request.actor,
      })
      return { revision, changes: [...changes], warnings: [...(await projects.warnings(revision.spec))] }
    },
  )
}

/** The address says which project is meant; a file of another one is a slip, not a wish. */
function sameName<Body extends z.output<typeof ApplyBody>>(project: string, body: Body): Body {
  const { name } = body.spec
  if (name !== undefined && name !== project)
    throw invalid('The project file is of another project.', [
      { field: 'name', value: name, allowed: `${project}, the project of the address` },
    ])
  return body
}

const open = <Row>({
  items,
  ...rest
}: {
  readonly items: readonly Row[]
  readonly next?: string
}): { items: Row[]; next?: string } => ({ items: [...items], ...rest })
