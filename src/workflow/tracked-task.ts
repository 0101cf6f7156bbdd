import type { Tracking } from '#tracking'
import type { TaskRecord } from './record.ts'
import type { Artifacts } from './run.ts'

/** What the platform knows of a task, in the words of MLflow's clients. */

type Opened = Parameters<Tracking['runs']['begin']>[1]
type Tags = NonNullable<Opened['tags']>

/** Where its code came from. `trainyard.code` is the digest of all its files, the same for the same code. */
export const sourceTags = ({ code, command }: TaskRecord): Tags =>
  tagsOf({
    'mlflow.source.type': 'JOB',
    'mlflow.source.name': command,
    'mlflow.source.git.commit': code?.commit,
    'trainyard.code': code?.tree,
    'trainyard.code.diff': code?.diff,
  })

/** The packages and the interpreter that it ran with, which are known once it has run. */
export const environmentTags = ({ environments = [] }: TaskRecord): Tags =>
  tagsOf(
    Object.fromEntries(
      environments.map(({ kind, runtime, lock, digest }) => [
        `trainyard.environment.${kind}`,
        `${runtime}, ${lock}, ${digest}`,
      ]),
    ),
  )

/** The data among its inputs: bytes, and dataset versions, features and training sets; a model is none. */
export const datasetsOf = (inputs: Artifacts): NonNullable<Opened['datasets']> =>
  Object.entries(inputs).flatMap(([name, { ref, digest, size }]) => {
    const own = digest ?? ref
    if (own === undefined || (ref !== undefined && !/^(?:dsv|ftv|trs)_/.test(ref))) return []
    const source = JSON.stringify({ ref, digest, size })
    const dataset = { name, digest: own.replaceAll('-', '').slice(0, digestMax), sourceType: 'trainyard', source }
    return [{ dataset, tags: [] }]
  })

/** As many characters of a dataset's digest as MLflow's clients take. */
const digestMax = 36

const tagsOf = (texts: Readonly<Record<string, string | undefined>>): Tags =>
  Object.entries(texts).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]))
