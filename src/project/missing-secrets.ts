import type { Secrets } from '#secrets'
import { showPath, type Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import { SecretReference, secretsOf } from './secret-reference.ts'
import type { TaskSpec } from './task-spec.ts'

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
export const secretsNamed = (file: ProjectFile): readonly { readonly field: string; readonly name: string }[] => [
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
  ...Object.entries(file.deployments).flatMap(([deployment, { async: rule }]) =>
    rule?.webhook ? [named(['deployments', deployment, 'async', 'webhook', 'key'], rule.webhook.key.secret)] : [],
  ),
  ...Object.entries(file.notifications?.channels ?? {}).flatMap(([channel, spec]) =>
    Object.entries(spec).flatMap(([field, value]: [string, unknown]) =>
      SecretReference.safeParse(value).success
        ? [named(['notifications', 'channels', channel, field], SecretReference.parse(value).secret)]
        : [],
    ),
  ),
]

export const namedBy = (tasks: Readonly<Record<string, TaskSpec>>, path: Path) =>
  Object.entries(tasks).flatMap(([task, spec]) => [
    ...Object.values(secretsOf(spec)).map(name => named([...path, task, 'secrets'], name)),
    ...sinkOf(spec, [...path, task]),
  ])

/** The secret with the address of the database that predictions go to. */
export const sinkOf = ({ uses, params }: TaskSpec, path: Path) =>
  uses === 'serving.predict' && typeof params['secret'] === 'string'
    ? [named([...path, 'params', 'secret'], params['secret'])]
    : []

export const named = (path: Path, name: string): { field: string; name: string } => ({ field: showPath(path), name })
