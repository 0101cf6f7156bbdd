import { z } from 'zod'
import type { Secrets } from '#secrets'
import { SecretName } from '#secrets/wire.ts'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { TaskSpec } from './task-spec.ts'

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
export const secretsOf = ({ secrets = {} }: Pick<TaskSpec, 'secrets'>): Readonly<Record<string, string>> =>
  Array.isArray(secrets) ? Object.fromEntries(secrets.map(name => [name, name])) : secrets

/** A sentence for every secret that a file names and nobody has set. */
export async function missingSecrets(
  file: ProjectFile,
  secrets: Pick<Secrets, 'missing'> | undefined,
): Promise<readonly string[]> {
  const named = secretsNamed(file)
  const missing =
    (await secrets?.missing(
      file.name,
      named.map(({ name }) => name),
    )) ?? []
  return named
    .filter(({ name }) => missing.includes(name))
    .map(({ field, name }) => `${field}: the secret ${name} is not set yet: trainyard secrets set ${name}`)
}

/** Every secret that a project file names, and where. */
const secretsNamed = (file: ProjectFile): readonly { readonly field: string; readonly name: string }[] => [
  ...Object.entries(file.pipelines).flatMap(([pipeline, { tasks, finally: last = {} }]) => [
    ...namedBy(tasks, ['pipelines', pipeline, 'tasks']),
    ...namedBy(last, ['pipelines', pipeline, 'finally']),
  ]),
  ...Object.entries(file.sources).flatMap(([source, spec]) =>
    spec.type === 'sql' && typeof spec.database !== 'string'
      ? [named(['sources', source, 'database'], spec.database.secret)]
      : [],
  ),
  ...Object.entries(file.deployments).flatMap(([deployment, { queues = {} }]) =>
    Object.entries(queues).map(([queue, { broker }]) =>
      named(['deployments', deployment, 'queues', queue, 'broker'], broker.secret),
    ),
  ),
  ...Object.entries(file.notifications?.channels ?? {}).flatMap(([channel, spec]) =>
    Object.entries(spec).flatMap(([field, value]: [string, unknown]) =>
      SecretReference.safeParse(value).success
        ? [named(['notifications', 'channels', channel, field], SecretReference.parse(value).secret)]
        : [],
    ),
  ),
]

const namedBy = (tasks: Readonly<Record<string, TaskSpec>>, path: Path) =>
  Object.entries(tasks).flatMap(([task, spec]) => [
    ...Object.values(secretsOf(spec)).map(name => named([...path, task, 'secrets'], name)),
    ...sinkOf(spec, [...path, task]),
  ])

/** The secret with the address of the database that predictions go to. */
const sinkOf = ({ uses, params }: TaskSpec, path: Path) =>
  uses === 'serving.predict' && typeof params['secret'] === 'string'
    ? [named([...path, 'params', 'secret'], params['secret'])]
    : []

const named = (path: Path, name: string): { field: string; name: string } => ({ field: showPath(path), name })
