import { conflict, notFound, TrainyardError } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { ModelVersion, Registry } from '#registry'
import { asRecorded, type PlatformTask, type Run, type RunTask, type TaskRun, type Workflow } from '#workflow'
import { named } from './parts.ts'
import { trainerOf } from './trainer.ts'

export interface ReproductionParts {
  readonly registry: Pick<Registry, 'version'>
  readonly projects: Pick<Projects, 'revision'>
  readonly workflow: Pick<Workflow, 'run' | 'tasks' | 'start'>
}

/**
 * Trains a version again from what the ledger says it was made from: the same code, inputs, parameters, environment and
 * seed. The run fails when what comes out is another model. Throws `conflict` for a version that no pipeline made.
 */
export async function reproduce(parts: ReproductionParts, id: string, actor: string): Promise<Run> {
  const { projects, workflow, registry } = parts
  const version = await registry.version(id)
  if (version.run === undefined)
    throw conflict(`${named(version)} was registered by a client: what it was made from is not on record.`)
  const run = await workflow.run(version.run)
  const tasks = await workflow.tasks(run.id)
  const trainer = trainerOf(tasks, version)
  const evaluator = tasks.find(({ kind }) => kind === 'registry.evaluate')
  if (!trainer || run.revision === undefined) throw notFound('task that trained', named(version))
  const { spec } = await projects.revision(run.revision)
  const declared = spec.pipelines[run.pipeline]!.tasks
  return workflow.start({
    project: version.project,
    pipeline: 'reproduction',
    tasks: reproductionTasks(version, { trainer, evaluator, declared }),
    cause: { kind: 'manual', reason: `Is ${named(version)} what its record says?`, ref: version.id },
    actor,
    ...(run.code !== undefined && { code: run.code }),
    ...(run.commit !== undefined && { commit: run.commit }),
  })
}

interface Made {
  readonly trainer: TaskRun
  readonly evaluator: TaskRun | undefined
  readonly declared: Readonly<Record<string, RunTask>>
}

/** The trainer with its inputs pinned, the evaluation on the same test rows, and the comparison. */
function reproductionTasks(version: ModelVersion, { trainer, evaluator, declared }: Made): Record<string, RunTask> {
  const plain = { inputs: {}, outputs: [], params: {}, after: [], retries: 0 }
  const output = Object.entries(trainer.outputs).find(([, { digest }]) => digest === version.digest)![0]
  const model = `${trainer.name}.${output}`
  const test = evaluator?.inputs['test']
  const pinned = { ...trainer.inputs, ...(test && { 'test-rows': test }) }
  return {
    recorded: asRecorded(pinned),
    [trainer.name]: {
      ...declared[trainer.name]!,
      inputs: Object.fromEntries(Object.keys(trainer.inputs).map(name => [name, `recorded.${name}`])),
      params: trainer.params as RunTask['params'],
      after: [],
    },
    ...(evaluator && {
      evaluate: {
        ...plain,
        uses: 'registry.evaluate',
        params: evaluator.params as RunTask['params'],
        inputs: { model, test: 'recorded.test-rows' },
      },
    }),
    compare: {
      ...plain,
      uses: 'assurance.compare',
      params: { version: version.id },
      inputs: { model, ...(evaluator && { evaluation: 'evaluate.evaluation' }) },
    },
  }
}

/** Relative difference of a metric up to which two trainings count as the same. */
const tolerance = 1e-6

/** The platform's own tasks of a reproduction. */
export const reproductionHandlers = ({
  registry,
}: ReproductionParts): Readonly<Record<'assurance.compare', PlatformTask>> => ({
  async 'assurance.compare'({ params, inputs, log }) {
    const version = await registry.version(params['version'] as string)
    const made = inputs['model']!.digest
    if (made === version.digest) {
      log(`The same bytes: ${made}.`)
      return {}
    }
    log(`Other bytes: ${made} now, ${version.digest} on record.`)
    const again = inputs['evaluation']?.value as ModelVersion['evaluation']
    const differing = differences(version.evaluation?.metrics ?? {}, again?.metrics ?? {})
    if (again && differing.length === 0) {
      log('Every metric on the recorded test rows is the same.')
      return {}
    }
    const what = differing.length > 0 ? differing.join('; ') : 'nothing was measured'
    throw new TrainyardError('gate_failed', `${named(version)} was not reproduced: ${what}.`, { reasons: differing })
  },
})

function differences(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): readonly string[] {
  return Object.entries(before)
    .filter(
      ([name, value]) =>
        !(Math.abs((after[name] ?? Number.NaN) - value) <= tolerance * Math.max(Math.abs(value), 1e-12)),
    )
    .map(([name, value]) => `${name} was ${value} and is ${after[name] ?? 'not measured'}`)
}
