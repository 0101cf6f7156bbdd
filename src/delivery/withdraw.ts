import type { ModelVersion } from '#registry'
import type { DeliveryParts } from './parts.ts'

/**
 * Takes a version that did not stand the test out of production, and puts the version that still answers back. Harmless
 * when repeated, and when somebody else has moved another version to production meanwhile.
 */
export async function withdraw(
  { registry }: Pick<DeliveryParts, 'registry'>,
  { version, former, reason }: { version: ModelVersion; former: string | undefined; reason: string },
): Promise<void> {
  const { id, project, model, version: number } = version
  if ((await registry.version(id)).stage === 'production')
    await registry.transition(id, { to: 'archived', actor: 'trainyard', reason })
  if (former === undefined || former === id || (await registry.champion(project, model))) return
  if ((await registry.version(former)).stage !== 'archived') return
  await registry.transition(former, {
    to: 'production',
    actor: 'trainyard',
    reason: `Version ${number} was rolled back. ${reason}`,
  })
}
