import { unescape } from 'node:querystring'
import { invalid } from '#kernel/error.ts'
import { databaseForms, databasePattern } from '#project'
import type { Secrets } from '#secrets'

export interface SecretDatabase {
  readonly project: string
  /** Name of the secret that has the address. */
  readonly secret: string
  /** Who asks, for people. */
  readonly by: string
  /** What is said when it holds no address. */
  readonly refusal: string
}

/** The address of a database that a secret holds. Throws `invalid` when it is none, or the secret is not set. */
export async function databaseAddress(
  secrets: Pick<Secrets, 'use'>,
  { project, secret, by, refusal }: SecretDatabase,
): Promise<string> {
  const values = await secrets.use({ project, names: [secret], by })
  const address = values[secret]!.trim()
  if (databasePattern.test(address) && !/^sqlite:(?!\/)/.test(address)) return address
  throw invalid(refusal, [{ field: `secret ${secret}`, allowed: `${databaseForms} with an absolute path` }])
}

/** What of an address may be shown nowhere. Drivers may quote the password by itself. */
export const hiddenOf = (address: string): readonly string[] => {
  const password = URL.canParse(address) ? new URL(address).password : ''
  return password === '' ? [address] : [address, password, unescape(password)]
}
