import { z } from 'zod'
import { Graph } from './graph-spec.ts'
import { Deployment } from './deployment-spec.ts'
import { InputRule } from './input-rule.ts'
import { Preprocess } from './preprocess-spec.ts'
import { columnTypes } from './column-type.ts'
import { FeatureReference, RequestView } from './request-spec.ts'
import { Name } from '#kernel/wire.ts'
import { fairnessMeasures } from '#statistics'
import { column, duration, paramName, path, text } from './field.ts'
import { SecretReference } from './secret-reference.ts'
import { Notifications } from './notification-spec.ts'
import { port, Task } from './task-spec.ts'
import { Trigger } from './trigger-spec.ts'

/**
 * The project file, `trainyard.ts` or `trainyard.yaml`: everything a project declares, in one schema. What it says is
 * changed nowhere else. Numbers in brackets are the steps of the paper's figure 4.
 */

export const taskTypes = ['binary_classification', 'regression'] as const
export const metrics = ['brier', 'log_loss', 'auc', 'accuracy', 'f1', 'mae', 'rmse'] as const
export type Metric = (typeof metrics)[number]

/** Whether more of a metric is better. */
export const higherIsBetter: Readonly<Record<Metric, boolean>> = {
  brier: false,
  log_loss: false,
  auc: true,
  accuracy: true,
  f1: true,
  mae: false,
  rmse: false,
}

/** (1) to (4): the business goal, the decisions, the machine-learning problem, the data that it needs. */
const Objective = z.strictObject({
  goal: text.meta({ description: '(1) What the business wants.' }),
  kpi: text.meta({ description: '(1) How the business will know.' }),
  task: z.enum(taskTypes).meta({ description: '(3) The machine-learning problem derived from the goal.' }),
  target: text.meta({ description: '(3) What is predicted.' }),
  metric: z.enum(metrics).meta({ description: '(3) How predictions are judged, in evaluation, gates and monitoring.' }),
  threshold: z.number().meta({ description: '(3) The metric value that is good enough to go live.' }),
  owners: z.strictObject({
    business: text.optional(),
    data: text.optional(),
    model: text.optional(),
    operations: text.optional(),
  }),
  decisions: z
    .array(z.strictObject({ title: text, decision: text, because: text }))
    .default([])
    .meta({ description: '(2) Architecture decisions.' }),
  dataRequirements: z
    .array(z.strictObject({ need: text, source: Name.optional() }))
    .default([])
    .meta({ description: '(4) Data that is required, and the source that has it.' }),
})

const sourceCommon = {
  key: z
    .array(column)
    .default([])
    .meta({ description: 'Columns that identify a row; two rows with the same key break the contract.' }),
  eventTime: column.optional().meta({ description: 'Column that says when the row became true.' }),
  columns: z
    .record(column, z.enum(columnTypes))
    .default({})
    .meta({ description: 'Declared column types; the others are inferred once and then kept.' }),
  owner: text.optional(),
}
const location = z
  .string()
  .min(1)
  .max(1_000)
  .meta({ description: 'A path inside the repository or an absolute one on the server. Absent: the data is uploaded.' })

export const databasePattern = /^(sqlite:|(postgres(ql)?|mysql|mariadb):\/\/)/
export const databaseForms = 'sqlite:<file>, postgres://… or mysql://…'

/** (5) Where raw data comes from. */
const Source = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('csv'), path: location.optional(), ...sourceCommon }),
  z.strictObject({ type: z.literal('parquet'), path: location.optional(), ...sourceCommon }),
  z.strictObject({
    type: z.literal('sql'),
    database: z
      .union([z.string().regex(databasePattern, databaseForms), SecretReference])
      .meta({ description: `${databaseForms}; or \`secret\` and its name, when a password is in it.` }),
    query: text,
    ...sourceCommon,
  }),
])

const FeatureView = z.strictObject({
  entity: Name,
  source: Name,
  transform: path.meta({ description: '(6) Transformation rules: a SELECT over `source`.' }),
  engineer: path.meta({
    description:
      '(7) Feature-engineering rules: a SELECT over `transformed` with the entity key, `event_time` and the features.',
  }),
  maxAge: duration.optional().meta({ description: 'A feature row older than this is not served and not joined.' }),
  retention: duration
    .default('90d')
    .meta({ description: 'How much history the online store keeps per key, for requests about an earlier instant.' }),
  owner: text.optional(),
})

const Label = z.strictObject({
  source: Name,
  sql: path.meta({ description: 'A SELECT over `source` with the entity key, `event_time`, `label` and `known_at`.' }),
})

const Service = z.strictObject({
  features: z
    .array(FeatureReference)
    .min(1)
    .meta({ description: 'Views under `features` and `requestFeatures`, or single features of them.' }),
})

export const overlapPolicies = ['queue', 'skip', 'cancel-new', 'cancel-running'] as const
export type OverlapPolicy = (typeof overlapPolicies)[number]

const Pipeline = z.strictObject({
  description: text.optional(),
  triggers: z.array(Trigger).default([]),
  instant: paramName.optional().meta({
    description:
      'Parameter of its tasks that gets the instant a run is for, as in 2026-03-29T06:00:00.000Z: of a tick, or of a back-fill.',
  }),
  overlap: z.enum(overlapPolicies).optional().meta({
    description:
      'What becomes of a run that is started while `maxActive` others are active: it waits (`queue`), there is none (`skip`), it is `cancel-new`, or they are (`cancel-running`). `queue` when only `maxActive` is given.',
  }),
  maxActive: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Runs at the same time. 1 when only `overlap` is given, else without a limit.' }),
  priority: z.int().min(-100).max(100).optional().meta({ description: 'Of tasks that say none.' }),
  timeout: duration.optional().meta({
    description: 'How long a run may take from the begin of its first task on; then it is ended, and has failed.',
  }),
  deadline: duration.optional().meta({
    description: 'How long after it was started a run is late that has not ended. It goes on; somebody is told.',
  }),
  freshness: duration.optional().meta({
    description: 'How old its last success may be: then what it makes is stale, and somebody is told.',
  }),
  tasks: z.record(Name, Task),
  finally: z.record(Name, Task).optional().meta({
    description: 'Tasks that run when everything else has ended, whatever became of it.',
  }),
  outputs: z
    .record(Name, port)
    .optional()
    .meta({ description: 'What it gives to a pipeline that runs it: outputs of its tasks.' }),
})

const rowsMin = z.int().min(1).default(30).meta({ description: 'Values with fewer rows are passed over.' })

const Gate = z.strictObject({
  metric: z.enum(metrics),
  threshold: z.number(),
  notWorseThanChampion: z.boolean().default(true),
  margin: z
    .number()
    .min(0)
    .default(0)
    .meta({ description: 'By how much the challenger may be worse than the champion on the same rows.' }),
  metrics: z
    .partialRecord(z.enum(metrics), z.number())
    .optional()
    .meta({ description: 'Further metrics, each with the value that is good enough.' }),
  slices: z
    .array(z.strictObject({ column, threshold: z.number().optional(), rowsMin }))
    .optional()
    .meta({
      description:
        'Columns of the test rows whose every value must reach the threshold by itself, and be no worse than the champion there.',
    }),
  fairness: z
    .array(z.strictObject({ column, measure: z.enum(fairnessMeasures), max: z.number().min(0).max(1), rowsMin }))
    .optional()
    .meta({ description: 'How far apart the groups of a column may be.' }),
  latency: z.number().positive().optional().meta({ description: 'Milliseconds for one row, 99th percentile.' }),
  size: z.number().positive().optional().meta({ description: 'Size of the model file in MiB.' }),
  compatible: z
    .boolean()
    .optional()
    .meta({ description: "Whether the champion's callers must be able to go on: no new inputs, no lost outputs." }),
})

const Model = z
  .strictObject({
    pipeline: Name.meta({ description: '(20) The pipeline that trains it; the loop starts this one.' }),
    service: Name,
    label: Name,
    serving: path.optional().meta({
      description:
        '(24) Serving code: a module that exports `postprocess`, `preprocess` where that is declared, or both of them.',
    }),
    preprocess: Preprocess.optional().meta({
      description: 'Inputs that `preprocess` of the serving code makes of what requests send.',
    }),
    inputs: z.record(z.string(), InputRule).optional().meta({
      description: 'What requests may send for an input, by its name, and what becomes of values that are missing.',
    }),
    lookupMs: z.int().min(1).max(60_000).optional().meta({
      description:
        'How long features are looked up for a request, in milliseconds; those that have not come are missing. Absent: as long as it takes.',
    }),
    gate: Gate,
    promotion: z
      .enum(['automatic', 'approval'])
      .default('approval')
      .meta({ description: 'Who moves a version that passed its gate to production.' }),
    guardedAliases: z.array(z.string().min(1).max(255)).optional().meta({
      description:
        'Aliases that stand for production, beside `production`, `prod` and `champion`: only versions that passed the gate get one.',
    }),
    approvals: z
      .strictObject({
        count: z.int().min(1).max(10).default(1),
        roles: z
          .array(z.enum(['editor', 'admin']))
          .min(1)
          .default(['editor', 'admin']),
        fourEyes: z
          .boolean()
          .default(true)
          .meta({ description: 'Whether the word of who made the version counts for nothing.' }),
      })
      .optional()
      .meta({ description: 'Approvals of its very files that a version needs before production.' }),
  })
  .refine(({ serving, preprocess }) => preprocess === undefined || serving !== undefined, {
    message: '`serving`, the module that exports it',
    path: ['preprocess'],
  })

/** Everything has a default: a deployment is monitored without being named here. */
const Monitor = z.strictObject({
  deployment: Name,
  windowRows: z
    .int()
    .min(20)
    .max(1_000_000)
    .default(60)
    .meta({ description: 'A window closes when it is a day long and has this many predictions.' }),
  labelMaturity: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.8)
    .meta({ description: 'Share of a window that must have its truth before performance is judged.' }),
})

export const ProjectFile = z
  .strictObject({
    name: Name,
    objective: Objective,
    sources: z.record(Name, Source).default({}),
    entities: z.record(Name, z.strictObject({ key: column })).default({}),
    features: z.record(Name, FeatureView).default({}),
    requestFeatures: z.record(Name, RequestView).optional().meta({
      description: 'Features that are computed when a request comes, by the code that made them for the training.',
    }),
    labels: z.record(Name, Label).default({}),
    services: z.record(Name, Service).default({}),
    pools: z
      .record(Name, z.int().min(1).max(10_000))
      .optional()
      .meta({ description: 'Slots that tasks share: how many of each there are.' }),
    pipelines: z.record(Name, Pipeline).default({}),
    models: z.record(Name, Model).default({}),
    deployments: z.record(Name, Deployment).default({}),
    graphs: z
      .record(Name, Graph)
      .optional()
      .meta({ description: 'Deployments and code that are asked as one, by the name of the graph.' }),
    monitors: z.record(Name, Monitor).default({}),
    notifications: Notifications.optional(),
    tests: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .meta({ description: 'The command that tests this repository; a push runs it.' }),
  })
  .meta({ title: 'ProjectFile' })

/** What a person writes: defaults may be left out. */
export type ProjectFileInput = z.input<typeof ProjectFile>
/** What the platform works with: every default filled in. */
export type ProjectFile = z.output<typeof ProjectFile>

export type SourceSpec = z.output<typeof Source>
export type FeatureViewSpec = z.output<typeof FeatureView>
export type RequestViewSpec = z.output<typeof RequestView>
export type LabelSpec = z.output<typeof Label>
export type ServiceSpec = z.output<typeof Service>
export type PipelineSpec = z.output<typeof Pipeline>
export type GateSpec = z.output<typeof Gate>
export type ModelSpec = z.output<typeof Model>
export type MonitorSpec = z.output<typeof Monitor>
export type ObjectiveSpec = z.output<typeof Objective>
