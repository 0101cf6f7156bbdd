import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { invalid, type Problem } from '#kernel/error.ts'
import { Name } from '#kernel/wire.ts'
import { imageForm, imagePattern, type ExecutorAbility, type ExecutorsAt } from '#project'
import { localExecutorName } from '#workflow'
import { containerEngine } from './container.ts'
import type { Engine } from './engine.ts'
import { kubernetesEngine } from './kubernetes.ts'
import { rayEngine } from './ray.ts'
import { slurmRestEngine } from './slurm-rest.ts'
import { slurmEngine } from './slurm.ts'

/** The setting `executors`: where tasks can run beside this machine, each under the name by which they choose it. */

const text = z.string().min(1).max(500)
const url = z.url({ protocol: /^https?$/ })

const Ray = z.strictObject({ kind: z.literal('ray'), url, tokenFile: text.optional() })
const Slurm = z.strictObject({
  kind: z.literal('slurm'),
  partition: text.optional(),
  account: text.optional(),
  qos: text.optional(),
  logFolder: text.optional(),
  rest: z.strictObject({ url, user: text, tokenFile: text }).optional(),
})
const Kubernetes = z.strictObject({
  kind: z.literal('kubernetes'),
  namespace: text.default('default'),
  kubeconfig: text.optional(),
  context: text.optional(),
  image: z.string().regex(imagePattern, imageForm).optional(),
  serviceAccount: text.optional(),
  queue: text.optional(),
  nodeSelector: z.record(z.string(), z.string()).optional(),
  gpuResource: text.optional(),
  runAsUser: z.int().min(1).optional(),
})
const ExecutorSpec = z.discriminatedUnion('kind', [Ray, Slurm, Kubernetes])
type ExecutorSpec = z.output<typeof ExecutorSpec>
export type ExecutorSpecs = Readonly<Record<string, ExecutorSpec>>

/** Throws `invalid` with every problem of the two settings. */
export function readExecutors(
  executors: unknown,
  fallback: string,
  /** Where programs are found on this machine. */
  path?: string,
): { specs: ExecutorSpecs; at: ExecutorsAt } {
  const result = z.safeParse(z.record(Name, ExecutorSpec), executors)
  const problems: Problem[] = result.success
    ? []
    : result.error.issues.map(({ path, message }) => ({ field: ['executors', ...path].join('.'), allowed: message }))
  const specs = result.success ? result.data : {}
  if (Object.hasOwn(specs, localExecutorName))
    problems.push({ field: `executors.${localExecutorName}`, allowed: 'another name: this one is this machine' })
  const known = { [localExecutorName]: hereWith(path), ...mapValues(specs, abilityOf) }
  if (problems.length === 0 && !Object.hasOwn(known, fallback))
    problems.push({ field: 'executor', value: fallback, allowed: `one of ${Object.keys(known).join(', ')}` })
  if (problems.length > 0) throw invalid('Bad settings of executors.', problems)
  return { specs, at: { known, fallback } }
}

const hereWith = (path: string | undefined): ExecutorAbility => ({
  isLocal: true,
  distributes: false,
  containers: containerEngine(path) === undefined ? false : 'named',
})

const abilityOf = (spec: ExecutorSpec): ExecutorAbility => ({
  isLocal: false,
  // Ray distributes inside a task, which asks it for what it needs by itself.
  distributes: spec.kind !== 'ray',
  containers: spec.kind === 'kubernetes' ? { image: spec.image } : false,
})

export function engineOf(spec: ExecutorSpec, env: Readonly<Record<string, string | undefined>>): Engine {
  switch (spec.kind) {
    case 'ray':
      return rayEngine({ url: spec.url, ...(spec.tokenFile !== undefined && { token: tokenIn(spec.tokenFile) }) })
    case 'slurm': {
      const { rest, ...place } = spec
      if (!rest) return slurmEngine({ env, ...place })
      return slurmRestEngine({ ...place, url: rest.url, user: rest.user, token: tokenIn(rest.tokenFile) })
    }
    case 'kubernetes':
      return kubernetesEngine({ ...spec, now: Date.now })
  }
}

const tokenIn = (path: string) => async (): Promise<string> => (await readFile(path, 'utf8')).trim()

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
