import { durationMs } from '#kernel/duration.ts'
import type { Projects } from '#project'
import type { Secrets } from '#secrets'
import { deferralsFile, type DeferralRule, type DeferralsFile } from './deferrals-file.ts'
import type { ServingStore } from './store.ts'
import type { Supervisor } from './supervisor.ts'
import { toldFile } from './told-file.ts'

export interface DeferralParts {
  /** The model server's folder. */
  readonly folder: string
  readonly store: Pick<ServingStore, 'deployments'>
  readonly projects: Pick<Projects, 'find'>
  readonly secrets: Pick<Secrets, 'use'>
  readonly webhookTargets: DeferralsFile['targets']
  readonly warn: (facts: object, message: string) => void
}

/** Keeps the file that says which deployments answer later. Answers what writes it as is declared now, with keys as they are. */
export function createDeferralKeeper(parts: DeferralParts, supervisor: Pick<Supervisor, 'tell'>): () => Promise<void> {
  const write = toldFile(deferralsFile(parts.folder), supervisor)
  return async () => {
    const names = new Set((await parts.store.deployments()).map(({ project }) => project))
    const rules = await Promise.all([...names].map(project => rulesOf(parts, project)))
    await write({ targets: parts.webhookTargets, deployments: rules.flat() } satisfies DeferralsFile)
  }
}

async function rulesOf({ projects, secrets, warn }: DeferralParts, project: string): Promise<readonly DeferralRule[]> {
  const declared = Object.entries((await projects.find(project))?.spec.deployments ?? {})
  const rules = await Promise.all(
    declared.map(async ([deployment, { async: rule }]): Promise<DeferralRule | undefined> => {
      if (!rule) return undefined
      const { deadline, waiting, keep, webhook } = rule
      const key = webhook?.key.secret
      const values =
        key === undefined
          ? {}
          : await secrets.use({ project, names: [key], by: `webhook of ${deployment}` }).catch((error: unknown) => {
              warn({ err: error, deployment }, 'a webhook has no key: nobody is told of answers')
              return {} as Record<string, string>
            })
      const known = webhook && key !== undefined && values[key] !== undefined
      return {
        deployment,
        deadlineMs: durationMs(deadline),
        waiting,
        keepMs: durationMs(keep),
        ...(known && { webhook: { url: webhook.url, key: values[key]!.trim() } }),
      }
    }),
  )
  return rules.filter(rule => rule !== undefined)
}
