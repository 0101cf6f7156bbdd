import { TrainyardError } from '#kernel/error.ts'
import type { Client } from './client.ts'

/** How a shadow answered copies of requests. */
export interface ShadowComparison {
  revision: string
  rows: number
  agreed: number
  errors: number
  differenceMean: number
  differenceMax: number
  scorePsi?: number
  latencyP95Ms?: number
  againstP95Ms?: number
}

export interface Deployment {
  project: string
  name: string
  model: string
  url: string
  state: string
  sticky?: 'entity' | { header: string }
  log: { oneIn: number; leaveOut: string[]; redact: string[] }
  limits: { deadlineMs?: number; queueRows?: number; clientRate?: number }
  revisions: {
    id: string
    number: number
    versionNumber: number
    state: string
    weight: number
    shadow: number
    requests: number
    errors: number
    latencyP95Ms?: number
  }[]
}

/** What the project file says of a deployment, which may not be live yet. Throws `not_found` when none declares it. */
export async function declaredDeployment(client: Client, name: string): Promise<{ project: string; model: string }> {
  const { items } = await client.get<{ items: { name: string }[] }>('/api/v1/projects?limit=500')
  for (const { name: project } of items) {
    const { spec } = await client.get<{ spec: { deployments: Record<string, { model: string }> } }>(
      `/api/v1/projects/${project}`,
    )
    const declared = spec.deployments[name]
    if (declared) return { project, model: declared.model }
  }
  throw new TrainyardError('not_found', `No project declares a deployment ${name}.`)
}
