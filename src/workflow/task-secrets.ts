import { formsOf } from '#kernel/mask.ts'
import { secretsOf } from '#project'
import type { Secrets } from '#secrets'
import type { Run } from './run.ts'
import type { Claim } from './claim.ts'
import type { Attempt } from './task.ts'

/** What one attempt may know and nobody may read. Throws `invalid` with the names that nobody has set. */
export async function openSecrets(
  secrets: Pick<Secrets, 'use'>,
  { claim: { name, number, spec }, run: { id, project, pipeline } }: { claim: Claim; run: Run },
): Promise<Attempt['secrets']> {
  const named = Object.entries(secretsOf(spec))
  if (named.length === 0) return { variables: {}, mask: [] }
  const names = named.map(([, secret]) => secret)
  const values = await secrets.use({ project, names, by: `${pipeline}.${name}, attempt ${number}`, run: id })
  return {
    variables: Object.fromEntries(named.map(([variable, secret]) => [variable, values[secret]!])),
    mask: formsOf(Object.values(values)),
  }
}
