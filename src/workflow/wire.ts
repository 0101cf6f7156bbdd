import { z } from 'zod'
import { environmentKinds, overlapPolicies } from '#project/wire.ts'
import { Digest, idOf, Instant, Name, PageQuery, pageOf } from '#kernel/wire.ts'

/** Workflow runs as JSON. */

/** What passes along an edge: bytes by digest, a thing of the ledger by id, a small value, or several of them. */
export const ArtifactWire = z
  .object({
    digest: Digest.optional(),
    /** Bytes. */
    size: z.int().optional(),
    /** How many files it has, when the digest is that of a folder. */
    files: z.int().optional(),
    /** Id of the ledger's node that this is: a dataset version, a model version. */
    ref: z.string().optional(),
    value: z.unknown().optional(),
  })
  .meta({ title: 'Artifact' })

export const causeKinds = ['manual', 'schedule', 'push', 'data', 'event', 'webhook', 'incident', 'platform'] as const

/** Why a run was started. */
export const CauseWire = z
  .object({
    kind: z.enum(causeKinds),
    /** A sentence for people. */
    reason: z.string(),
    /** The event, incident or feedback item behind it. */
    ref: z.string().optional(),
  })
  .meta({ title: 'Cause' })

export const runStates = ['held', 'queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
export const taskStates = [
  'blocked',
  'ready',
  'running',
  'waiting',
  'succeeded',
  'cached',
  'failed',
  'skipped',
  'cancelled',
] as const

export const verdicts = ['approve', 'reject'] as const

export const RunWire = z
  .object({
    id: idOf<'run'>('run'),
    project: Name,
    pipeline: z.string(),
    /** The project revision whose pipeline this is; absent for pipelines of the platform. */
    revision: z.string().optional(),
    /** The tree that its commands and functions run in. */
    code: Digest.optional(),
    commit: z.string().optional(),
    params: z.record(z.string(), z.unknown()),
    cause: CauseWire,
    /** The task of another run that this one is. */
    parentTask: z.string().optional(),
    /** The back-fill that it is part of. */
    backfill: z.string().optional(),
    actor: z.string(),
    /** `held` while it waits for other runs of its pipeline. */
    state: z.enum(runStates),
    /** Of one that is held: the run that it is next to. */
    behind: z.string().optional(),
    error: z.string().optional(),
    /** What it has come to, once only the tasks at its end are left. */
    verdict: z.enum(['succeeded', 'failed', 'cancelled']).optional(),
    /** What went wrong in the tasks at its end, which does not change what became of it. */
    finalError: z.string().optional(),
    /** When it is to have ended, and when it was seen to be late. */
    deadlineAt: Instant.optional(),
    lateAt: Instant.optional(),
    /** When it is ended if it has not ended by then; known once it has begun. */
    endsBy: Instant.optional(),
    createdAt: Instant,
    startedAt: Instant.optional(),
    endedAt: Instant.optional(),
  })
  .meta({ title: 'Run' })
export const RunPage = pageOf(RunWire)

export const TaskRunWire = z
  .object({
    id: idOf<'task'>('tsk'),
    run: z.string(),
    name: z.string(),
    /** `data.ingest`, `run` or `function`. */
    kind: z.string(),
    /** Names of the tasks it waits for. */
    needs: z.array(z.string()),
    state: z.enum(taskStates),
    /** The run of another pipeline that this task is. */
    child: z.string().optional(),
    /** Of a task that is cached: the task whose result it is. */
    producer: z.string().optional(),
    /** Of a task with a call for each item of a list: how many calls are in which state. */
    items: z.partialRecord(z.enum(taskStates), z.int()).optional(),
    /** Which item of the list this call is for, from 0. */
    index: z.int().optional(),
    item: z.unknown().optional(),
    /** What is to be decided here, and by whom. */
    approval: z.object({ message: z.string(), roles: z.array(z.string()) }).optional(),
    /** Whether it runs when all others have ended. */
    final: z.boolean().optional(),
    /** 1 for the first try. */
    attempt: z.int(),
    attemptsMax: z.int(),
    params: z.record(z.string(), z.unknown()),
    inputs: z.record(z.string(), ArtifactWire),
    outputs: z.record(z.string(), ArtifactWire),
    metrics: z.record(z.string(), z.number()),
    error: z.string().optional(),
    /** Why it was skipped. */
    reason: z.string().optional(),
    /** What a waiting task waits for. */
    waitingFor: z.string().optional(),
    startedAt: Instant.optional(),
    endedAt: Instant.optional(),
  })
  .meta({ title: 'TaskRun' })

/** A task in short, for lists of thousands. */
export const TaskLineWire = TaskRunWire.pick({
  id: true,
  name: true,
  kind: true,
  needs: true,
  state: true,
  items: true,
  index: true,
  item: true,
  attempt: true,
  error: true,
  reason: true,
  waitingFor: true,
  startedAt: true,
  endedAt: true,
}).meta({ title: 'TaskLine' })
export const TaskPage = pageOf(TaskLineWire)

/** Points of one attempt, by column: `at` in milliseconds after its start, counters from then on. */
export const ResourceSeriesWire = z
  .object({
    at: z.array(z.int()),
    cpuSeconds: z.array(z.number()),
    rssBytes: z.array(z.int()),
    threads: z.array(z.int()),
    processes: z.array(z.int()),
    readBytes: z.array(z.int()),
    writtenBytes: z.array(z.int()),
    gpuPercent: z.array(z.number()).optional(),
    gpuMemoryBytes: z.array(z.int()).optional(),
  })
  .meta({ title: 'ResourceSeries' })

/** Totals and peaks of all processes of an attempt, as they were seen. */
export const ResourceUseWire = z.object({
  cpuSeconds: z.number(),
  peakRssBytes: z.int(),
  /** What follows is known of what was looked at while it ran. */
  readBytes: z.int().optional(),
  writtenBytes: z.int().optional(),
  peakThreads: z.int().optional(),
  peakProcesses: z.int().optional(),
  peakGpuPercent: z.number().optional(),
  peakGpuMemoryBytes: z.int().optional(),
})

export const TaskResourcesWire = z.object({
  /** `sampled`, or why there is nothing, or no series. */
  measured: z.string(),
  use: ResourceUseWire.optional(),
  series: ResourceSeriesWire.optional(),
})

/** What the platform has noted of an attempt by itself. */
export const TaskRecordWire = z
  .object({
    code: z
      .object({
        tree: Digest.optional(),
        revision: z.string().optional(),
        commit: z.string().optional(),
        /** Blob: what the code had beyond the commit, as a unified diff. */
        diff: Digest.optional(),
      })
      .optional(),
    /** Lock files as blobs, the environments built from them, and their interpreters. */
    environments: z
      .array(
        z.object({
          kind: z.enum(environmentKinds),
          lock: z.string(),
          lockDigest: Digest,
          digest: Digest,
          runtime: z.string(),
        }),
      )
      .optional(),
    command: z.string().optional(),
    host: z
      .object({
        name: z.string(),
        platform: z.string(),
        cpus: z.int(),
        cpuModel: z.string(),
        memoryBytes: z.int(),
        gpus: z.array(z.string()).optional(),
        versions: z.record(z.string(), z.string()),
      })
      .optional(),
    /** The GPUs of the machine that were its alone, as `CUDA_VISIBLE_DEVICES` has them. */
    devices: z.array(z.string()).optional(),
    inputs: z.record(z.string(), ArtifactWire).optional(),
    outputs: z.record(z.string(), ArtifactWire).optional(),
    exit: z
      .object({
        code: z.int().optional(),
        signal: z.string().optional(),
        /** `succeeded`, `exit`, `signal`, `out_of_memory`, `too_many_processes`, `out_of_disk`, `timeout`, `cancelled`, `shutdown`, `lost`, or the error's own. */
        cause: z.string(),
        seconds: z.number().optional(),
      })
      .optional(),
    resources: TaskResourcesWire.optional(),
  })
  .meta({ title: 'TaskRecord' })

export const AttemptWire = z
  .object({
    id: idOf<'attempt'>('att'),
    /** 1 for the first. */
    number: z.int(),
    state: z.string(),
    error: z.string().optional(),
    /** Its tracking run. */
    tracking: z.string().optional(),
    startedAt: Instant,
    endedAt: Instant.optional(),
    record: TaskRecordWire,
  })
  .meta({ title: 'Attempt' })
export const TaskDetail = z.object({ task: TaskRunWire, attempts: z.array(AttemptWire) })

export const RunDetail = z.object({
  run: RunWire,
  tasks: z.array(TaskRunWire),
  /** Where the tasks go on: what to give as `after`. */
  next: z.string().optional(),
})
/** A run that may have very many tasks, at a glance. */
export const RunOverview = z
  .object({
    run: RunWire,
    /** How many of its tasks are in which state. */
    states: z.partialRecord(z.enum(taskStates), z.int()),
    /** The first of them. */
    tasks: TaskPage,
  })
  .meta({ title: 'RunOverview' })
export const StartBody = z.object({
  pipeline: Name,
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  reason: z.string().max(500).default('Started by hand.'),
  key: z.string().max(200).optional(),
})
/** What came of doing a run again. */
export const ReproductionWire = z
  .object({
    of: z.string(),
    run: z.string(),
    state: z.enum(runStates),
    isIdentical: z.boolean(),
    tasks: z.array(
      z.object({
        name: z.string(),
        state: z.enum(taskStates),
        verdict: z.enum(['identical', 'different', 'unknown']),
        /** Outputs that differ. */
        outputs: z.array(z.string()),
        /** Inputs that differed. */
        inputs: z.array(z.string()),
        /** Whether its environment was another one. */
        environment: z.boolean().optional(),
      }),
    ),
  })
  .meta({ title: 'Reproduction' })
export const DecisionBody = z.object({ verdict: z.enum(verdicts), reason: z.string().min(1).max(2_000) })
/** Log text from `offset`; ask again from `next`. `end` when the task has ended and all is read. */
export const LogWire = z.object({ text: z.string(), next: z.int(), end: z.boolean() })
export const LogList = z.object({ items: z.array(z.object({ task: z.string(), size: z.int() })) })
export const PipelineWire = z
  .object({
    name: z.string(),
    description: z.string().optional(),
    tasks: z.array(z.object({ name: z.string(), kind: z.string(), needs: z.array(z.string()) })),
    triggers: z.array(z.record(z.string(), z.unknown())),
    /** What becomes of runs while as many are active as may be. */
    overlap: z.object({ policy: z.enum(overlapPolicies), activeMax: z.int() }).optional(),
    /** How long its runs may take before they are ended, and before they are late. */
    timeout: z.string().optional(),
    deadline: z.string().optional(),
    /** How old its last success may be, until when it is fresh, and since when it is stale. */
    freshness: z.object({ maxAge: z.string(), until: Instant.optional(), staleAt: Instant.optional() }).optional(),
    lastRun: RunWire.optional(),
    nextAt: Instant.optional(),
  })
  .meta({ title: 'Pipeline' })

/** How the last runs of a pipeline went, task by task. */
export const PipelineGridWire = z
  .object({
    /** Oldest first. */
    runs: z.array(
      RunWire.pick({ id: true, state: true, cause: true, createdAt: true, startedAt: true, endedAt: true }),
    ),
    /** One for each task. `cells` has one for each run, null where that run had no such task. */
    rows: z.array(
      z.object({
        task: z.string(),
        cells: z.array(z.object({ state: z.enum(taskStates), tookMs: z.int().optional() }).nullable()),
      }),
    ),
  })
  .meta({ title: 'PipelineGrid' })

export const PipelineList = z.object({ items: z.array(PipelineWire) })

export const ProjectParams = z.object({ project: Name })
export const PipelineParams = ProjectParams.extend({ pipeline: z.string().max(64) })
export const GridQuery = z.object({ limit: z.int().min(1).max(100).default(25) })
export const RunParams = z.object({ run: z.string().max(100) })
/** Few runs have more tasks than a page without a limit. */
export const RunDetailQuery = PageQuery.extend({ limit: PageQuery.shape.limit.unwrap().default(500) })
export const OverviewQuery = PageQuery.pick({ limit: true })
/** A task by its name in the pipeline, or by its id. */
export const RunTaskParams = RunParams.extend({ task: z.string().max(100) })
export const TaskParams = z.object({ task: z.string().max(100) })
export const OutputParams = z.object({ task: z.string().max(100), name: Name })
export const RunQuery = PageQuery.extend({
  pipeline: z.string().max(64).optional(),
  state: z.enum(runStates).optional(),
})
export const TaskQuery = PageQuery.extend({
  /** A task by its id: its calls, rather than the tasks of the pipeline. */
  of: z.string().max(100).optional(),
  state: z.enum(taskStates).optional(),
  /** A task by its id: only itself, what it needs and what needs it. */
  around: z.string().max(100).optional(),
})
/** `offset` in bytes: the `next` of the answer before. */
export const LogQuery = z.object({ offset: z.int().min(0).default(0) })
