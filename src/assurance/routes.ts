import { z } from 'zod'
import { roleIn } from '#access'
import type { App } from '#http'
import type { Registry } from '#registry'
import { RunWire } from '#workflow/wire.ts'
import type { Assurance } from './assurance.ts'
import { reproduce, type ReproductionParts } from './reproduction.ts'
import { ApprovalBody, ApprovalStateWire, CardBody, CardWire, ScanWire, SignatureCheckWire } from './wire.ts'

const tags = ['assurance']
const params = z.object({ id: z.string().max(200) })
const version = '/api/v1/model-versions/:id'

export function assuranceRoutes(app: App, parts: ReproductionParts & { readonly assurance: Assurance }): void {
  const { assurance, registry } = parts
  fileRoutes(app, assurance)
  approvalRoutes(app, assurance, registry)
  cardRoutes(app, assurance)
  app.post(
    `${version}/reproductions`,
    {
      schema: {
        summary: 'Train a version again from its record, and compare',
        tags,
        params,
        response: { 200: RunWire },
      },
    },
    async request => reproduce(parts, request.params.id, request.actor) as never,
  )
}

function fileRoutes(app: App, assurance: Assurance): void {
  app.get(
    `${version}/scan`,
    {
      schema: {
        summary: 'What the files of a version would do when loaded',
        tags,
        params,
        response: { 200: ScanWire },
      },
    },
    async request => assurance.examine(request.params.id),
  )

  app.get(
    `${version}/signature`,
    {
      schema: {
        summary: 'The signature of a version, checked now [OpenSSF Model Signing]',
        tags,
        params,
        response: { 200: SignatureCheckWire },
      },
    },
    async request => assurance.signature(request.params.id),
  )
}

function approvalRoutes(app: App, assurance: Assurance, registry: Pick<Registry, 'version'>): void {
  app.get(
    `${version}/approvals`,
    {
      schema: {
        summary: 'Who approved a version, and what is missing',
        tags,
        params,
        response: { 200: ApprovalStateWire },
      },
    },
    async request => assurance.approvals(request.params.id),
  )

  app.post(
    `${version}/approvals`,
    {
      schema: {
        summary: 'Approve or reject the files of a version',
        tags,
        params,
        body: ApprovalBody,
        response: { 200: ApprovalStateWire },
      },
    },
    async ({ params: { id }, body, actor, caller }) => {
      const { project } = await registry.version(id)
      return assurance.judge(id, { ...body, actor, role: roleIn(caller, project) ?? 'none' })
    },
  )
}

function cardRoutes(app: App, assurance: Assurance): void {
  app.get(
    `${version}/card`,
    { schema: { summary: 'The model card of a version', tags, params, response: { 200: CardWire } } },
    async request => assurance.card(request.params.id),
  )

  app.patch(
    `${version}/card`,
    {
      schema: {
        summary: 'Write what only people know about a version',
        tags,
        params,
        body: CardBody,
        response: { 200: CardWire },
      },
    },
    async ({ params: { id }, body, actor }) => assurance.writeCard(id, body.opinions, actor),
  )
}
