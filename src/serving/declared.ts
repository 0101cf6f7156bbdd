import { durationMs } from '#kernel/duration.ts'
import { Canary, Slo, type DeploymentSpec, type Projects } from '#project'
import type { GuardFacts } from './guard-facts.ts'
import { wholeLog, type RouteLimits, type RouteLog, type RouteSticky } from './routes-file.ts'

/** What the project file says of a deployment, as the model server and the API have it. */
export interface Declared {
  readonly limits: RouteLimits
  readonly sticky?: RouteSticky
  readonly log: RouteLog
  /** How long predictions are kept, in milliseconds, where that is said. */
  readonly retentionMs?: number
}

/** What is declared of deployments by their project's present file; nothing of one that it does not name. */
export async function declaredOf<Row extends { readonly name: string; readonly project: string }>(
  projects: Pick<Projects, 'find'>,
  deployments: readonly Row[],
): Promise<ReadonlyMap<string, Declared>> {
  const specs = await specsOf(projects, deployments)
  return new Map(deployments.map(({ name }) => [name, declaredIn(specs.get(name))] as const))
}

const { slow: usualSlow } = Canary.parse({})
const usualSlo = Slo.parse({})

/** What answers of each deployment are judged by. */
export async function judgedBy(
  projects: Pick<Projects, 'find'>,
  deployments: readonly { readonly name: string; readonly project: string }[],
): Promise<ReadonlyMap<string, Pick<GuardFacts, 'slowMs' | 'promise'>>> {
  const specs = await specsOf(projects, deployments)
  return new Map(
    deployments.map(({ name }) => {
      const { canary, slo = usualSlo } = specs.get(name) ?? {}
      const promise = { availability: slo.availability, latencyMs: durationMs(slo.latency) }
      return [name, { slowMs: durationMs(canary?.slow ?? usualSlow), promise }] as const
    }),
  )
}

async function specsOf(
  projects: Pick<Projects, 'find'>,
  deployments: readonly { readonly name: string; readonly project: string }[],
): Promise<ReadonlyMap<string, DeploymentSpec | undefined>> {
  const names = [...new Set(deployments.map(({ project }) => project))]
  const files = new Map(await Promise.all(names.map(async name => [name, (await projects.find(name))?.spec] as const)))
  return new Map(deployments.map(({ name, project }) => [name, files.get(project)?.deployments[name]] as const))
}

const declaredIn = (spec: DeploymentSpec | undefined): Declared => {
  const { deadline, queueRows, clientRate } = spec?.limits ?? {}
  return {
    ...(spec?.sticky && { sticky: spec.sticky }),
    ...logOf(spec?.log),
    limits: {
      ...(deadline !== undefined && { deadlineMs: durationMs(deadline) }),
      ...(queueRows !== undefined && { queueRows }),
      ...(clientRate !== undefined && { clientRate }),
    },
  }
}

function logOf(log: DeploymentSpec['log']): Pick<Declared, 'log' | 'retentionMs'> {
  if (!log) return { log: wholeLog }
  const { retention, ...rest } = log
  return { log: rest, ...(retention !== undefined && { retentionMs: durationMs(retention) }) }
}
