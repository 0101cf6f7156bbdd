import { envName, flagName, type Config } from '#kernel/config.ts'
import { invalid, messageOf } from '#kernel/error.ts'

/** What the system or PostgreSQL says of an address that leads nowhere, or to somebody who does not let one in. */
const notThere =
  /^(?:E(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|TIMEDOUT|ADDRINUSE|ADDRNOTAVAIL|ACCES)|08\w{3}|28\w{3}|3D000)$/

/** Turns what came of using a setting into an error that names it. Anything else that went wrong goes on as it is. */
export const refusedSetting =
  (
    config: Pick<Config, 'host' | 'port' | 'database'>,
    names: readonly ('host' | 'port' | 'database')[],
    allowed: string,
  ) =>
  (error: unknown): never => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!notThere.test(code)) throw error
    throw invalid(
      'The server cannot start.',
      names.map(name => ({
        field: `${flagName(name)} (${envName(name)})`,
        value: withoutPassword(String(config[name])),
        allowed: `${allowed}: ${messageOf(error) || code}`,
      })),
    )
  }

const withoutPassword = (text: string): string => text.replace(/(?<=:\/\/[^/@]*):[^@/]*(?=@)/, ':•••')
