import { z } from 'zod'
import { sizePattern } from '#kernel/size.ts'
import { Name } from '#kernel/wire.ts'
import { duration, paramName, path } from './field.ts'
import { TaskSecrets } from './secret-reference.ts'
import { Tune } from './tune.ts'

/** The task of a pipeline, as the project file declares it. */

/** By digest, as what runs in a tag may change. */
export const imagePattern = /^[\w][\w.:/-]*@sha256:[0-9a-f]{64}$/
export const imageForm = 'an image by digest, such as registry/name@sha256:…'

/** Work that the platform does itself; the component before the dot owns it. */
export const platformTasks = [
  'data.ingest',
  'data.validate',
  'features.compute',
  'features.materialise',
  'features.training-set',
  'features.split',
  'registry.evaluate',
  'registry.register',
  'serving.predict',
] as const
export type PlatformTask = (typeof platformTasks)[number]

/** What a user's task may give: files of a kind, and values that conditions, parameters and fan-outs read. */
export const valueKinds = ['string', 'number', 'integer', 'boolean', 'list', 'object'] as const
export const outputKinds = ['file', 'folder', 'model', 'dataset', ...valueKinds] as const
export type ValueKind = (typeof valueKinds)[number]

const portPattern = /^[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9-]{0,62}$/
export const port = z.string().regex(portPattern, 'task.output')
const at = z
  .string()
  .regex(/^[\w-]{1,64}(\.[\w-]{1,64}){0,7}$/, 'a path such as metrics.auc')
  .exactOptional()
  .meta({ description: 'Where in an object the value stands: `metrics.auc`.' })

/** A value that is known only when the task is called. */
const From = z.strictObject({
  from: z
    .string()
    .regex(
      /^(item|index|[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9-]{0,62})$/,
      'task.output, item, index, run.state or run.error',
    )
    .meta({
      description: 'An output `task.output`; `item` or `index` of a fan-out; `run.state` or `run.error` in `finally`.',
    }),
  at,
})
const Param = z.union([z.string().max(4_000), z.number(), z.boolean(), From])
export type ValueRef = z.output<typeof From>

const Scalar = z.union([z.string().max(1_000), z.number(), z.boolean()])
const test = {
  value: z
    .string()
    .regex(
      /^(item|index|[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9-]{0,62})$/,
      'task.output, item, index, run.state or run.error',
    )
    .optional()
    .meta({ description: 'An output `task.output` that is a value.' }),
  metric: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}\..{1,200}$/, 'task.metric')
    .optional()
    .meta({ description: 'A metric that a task has measured: `train.accuracy`.' }),
  param: paramName.optional().meta({ description: 'A parameter of this task.' }),
  at,
  is: Scalar.optional(),
  isNot: Scalar.optional(),
  in: z.array(Scalar).min(1).max(100).optional(),
  above: z.number().optional(),
  atLeast: z.number().optional(),
  below: z.number().optional(),
  atMost: z.number().optional(),
}
const Test = z.strictObject(test)
export type TestSpec = z.output<typeof Test>

const When = z.strictObject({
  ...test,
  all: z.array(Test).min(1).max(20).optional().meta({ description: 'Every one of these must hold.' }),
  any: z.array(Test).min(1).max(20).optional().meta({ description: 'One of these must hold.' }),
})
export type WhenSpec = z.output<typeof When>

const ForEach = z.strictObject({
  items: port.meta({ description: 'The list: an output of a task.' }),
  parallel: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Items at the same time; no limit of its own when left out.' }),
  minSuccess: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({ description: 'Share of the items that must succeed; all of them when left out.' }),
})

/** Why an attempt has come to nothing. Of the last three nobody but the platform is to blame. */
export const retryCauses = ['exit', 'out_of_memory', 'timeout', 'error', 'environment', 'preempted', 'lost'] as const
export type RetryCause = (typeof retryCauses)[number]

const Retry = z.strictObject({
  pause: duration.optional().meta({ description: 'Before the second try; `1s` when left out.' }),
  factor: z
    .number()
    .min(1)
    .max(10)
    .optional()
    .meta({ description: 'How much longer each pause is than the one before; 2 when left out.' }),
  pauseMax: duration.optional().meta({ description: '`5m` when left out.' }),
  on: z
    .array(z.enum(retryCauses))
    .optional()
    .meta({ description: 'Only after these is it tried again; after all of them when left out.' }),
})
export type RetrySpec = z.output<typeof Retry>

export const environmentKinds = ['node', 'python', 'conda'] as const
export type EnvironmentKind = (typeof environmentKinds)[number]

export const cacheModes = ['off', 'read', 'write', 'refresh'] as const
const Cache = z.strictObject({
  mode: z.enum(cacheModes),
  expires: duration.optional().meta({ description: 'How old a result may be; any age when left out.' }),
  files: z
    .array(path)
    .min(1)
    .optional()
    .meta({ description: 'Files and folders that the result depends on; all of the repository when left out.' }),
})

export const joins = ['all', 'any', 'always'] as const

export const deciders = ['editor', 'admin'] as const

const Approval = z.strictObject({
  message: z.string().min(1).max(2_000).meta({ description: 'What is to be decided.' }),
  roles: z.array(z.enum(deciders)).min(1).optional().meta({ description: 'Who may decide; both when left out.' }),
  timeout: duration.optional().meta({ description: 'How long the run waits; without a limit when left out.' }),
})
export type ApprovalSpec = z.output<typeof Approval>

const Poll = z.strictObject({
  every: duration.meta({ description: 'From the end of one look to the begin of the next; `1s` or more.' }),
  within: duration.optional().meta({ description: 'How long it looks; without a limit when left out.' }),
  otherwise: z
    .enum(['fail', 'skip'])
    .optional()
    .meta({ description: 'What becomes of the task after that; `fail` when left out.' }),
})
export type PollSpec = z.output<typeof Poll>

export const work = ['uses', 'run', 'function', 'pipeline', 'approval'] as const

export const Task = z
  .strictObject({
    uses: z.enum(platformTasks).optional(),
    run: z
      .string()
      .min(1)
      .max(4_000)
      .optional()
      .meta({ description: 'A shell command in a checkout of the repository.' }),
    function: z
      .string()
      .regex(/^(?!\/)(?!.*\.\.)[^#\0]+\.(ts|js|mjs)#[A-Za-z_$][\w$]*$/, 'file.ts#export')
      .optional(),
    pipeline: Name.optional().meta({ description: 'A run of another pipeline, with these parameters.' }),
    approval: Approval.optional().meta({ description: 'The run waits here until somebody has decided.' }),
    inputs: z.record(Name, port).default({}),
    expects: z
      .record(Name, z.enum(outputKinds))
      .optional()
      .meta({ description: 'What an input must be; checked when the file is planned.' }),
    outputs: z
      .union([z.array(Name), z.record(Name, z.enum(outputKinds))])
      .default([])
      .meta({ description: 'Names of files; or each name with its kind.' }),
    params: z.record(paramName, Param).default({}),
    after: z.array(Name).default([]).meta({ description: 'Tasks to wait for although nothing of theirs is read.' }),
    when: When.optional().meta({ description: 'The task is skipped unless this holds.' }),
    forEach: z
      .union([port, ForEach])
      .optional()
      .meta({ description: 'The task is called once for each item of this list, side by side.' }),
    join: z.enum(joins).optional().meta({
      description:
        'Which of the tasks it waits for must have succeeded: `all` (as when left out), `any` one, or none (`always`).',
    }),
    environment: z
      .strictObject({ node: path.optional(), python: path.optional(), conda: path.optional() })
      .refine(({ python, conda }) => python === undefined || conda === undefined, {
        error: 'one of python and conda: each brings its own interpreter',
      })
      .optional()
      .meta({ description: 'Lock files that its environment is built from.' }),
    cache: z
      .union([z.enum(cacheModes), Cache])
      .optional()
      .meta({
        description:
          'Whether a result of the same content is taken (`read`), also kept (`write`), or made anew and kept (`refresh`); `off` when left out.',
      }),
    secrets: TaskSecrets,
    executor: Name.optional().meta({
      description: 'Where it runs: `local`, or an executor that the server has (`executors` of its settings).',
    }),
    resources: z
      .strictObject({
        cpu: z.number().positive().max(10_000).optional().meta({ description: 'Processors.' }),
        memory: z.string().regex(sizePattern, 'a size such as 512MiB or 1.5GiB').optional(),
        gpu: z.int().min(1).max(1_000).optional(),
      })
      .optional()
      .meta({ description: 'What each of its nodes needs. On `local` it waits until the machine has so much left.' }),
    pools: z
      .record(Name, z.int().min(1).max(10_000))
      .optional()
      .meta({ description: 'Slots of `pools`, of the project or the server, that it holds while it runs.' }),
    priority: z.int().min(-100).max(100).optional().meta({
      description:
        'Who is begun first. Each level is worth a minute of waiting; 0 when neither it nor the pipeline says.',
    }),
    queue: Name.optional().meta({
      description: 'Only servers take it that have seats for this queue (their setting `taskQueues`).',
    }),
    queueTimeout: duration.optional().meta({
      description: 'How long it may be ready and wait for room before it fails; without a limit when left out.',
    }),
    nodes: z.int().min(1).max(1_000).optional().meta({
      description: 'Machines that run the command together, each told RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.',
    }),
    image: z
      .string()
      .max(500)
      .regex(imagePattern, imageForm)
      .optional()
      .meta({ description: 'The container image that it runs in, where the executor runs containers.' }),
    poll: Poll.optional().meta({
      description: 'It is called again and again, and holds nothing in between, until it no longer ends with 75.',
    }),
    checkpoint: z.boolean().optional().meta({
      description: 'Whether what it writes to the folder TRAINYARD_CHECKPOINT is there again at its next attempt.',
    }),
    retries: z.int().min(0).max(20).default(0),
    retry: Retry.optional().meta({ description: 'How it is tried again.' }),
    timeout: duration.optional(),
    tune: Tune.optional(),
  })
  .refine(task => work.filter(kind => task[kind] !== undefined).length === 1, {
    message: `exactly one of ${work.join(', ')}`,
  })

export type TaskSpec = z.output<typeof Task>
