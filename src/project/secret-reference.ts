import { z } from 'zod'
import { SecretName } from '#secrets/wire.ts'

/** Where a secret is named in the place of a value. */
export const SecretReference = z.strictObject({ secret: SecretName })

/** Variables that the platform sets itself, or that decide which programs run. */
const taken = /^(?!(PATH|HOME|TMPDIR|LANG|PYTHONUNBUFFERED)$|TRAINYARD_|LD_)[A-Za-z_]\w{0,99}$/
const Variable = z
  .string()
  .regex(
    taken,
    'the name of an environment variable; not PATH, HOME, TMPDIR, LANG, PYTHONUNBUFFERED, TRAINYARD_… or LD_…',
  )

export const TaskSecrets = z
  .union([z.array(Variable), z.record(Variable, SecretName)])
  .optional()
  .meta({ description: 'Secrets that it gets as environment variables: a list of names, or variable to name.' })

/** Secrets of a task, by variable. */
export const secretsOf = ({
  secrets = {},
}: {
  secrets?: z.output<typeof TaskSecrets>
}): Readonly<Record<string, string>> =>
  Array.isArray(secrets) ? Object.fromEntries(secrets.map(name => [name, name])) : secrets
