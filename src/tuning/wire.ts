import { z } from 'zod'
import { idOf, Instant, Name, PageQuery, pageOf } from '#kernel/wire.ts'

/** Studies and trials as JSON. */

export const trialStates = ['running', 'complete', 'pruned', 'failed'] as const
export const studyStates = ['running', 'ended'] as const
/** Why a study ended: its budget of trials or of time, no better value for long, no place left, or somebody's word. */
export const criteria = ['trials', 'time', 'patience', 'space', 'cancelled'] as const

const Params = z.record(z.string(), z.unknown())
const number = z.int().min(0).max(1_000_000)

export const StudyWire = z
  .object({
    id: idOf<'study'>('std'),
    project: Name,
    name: Name,
    space: z.record(z.string(), z.unknown()),
    metric: z.string(),
    direction: z.enum(['minimise', 'maximise']),
    sampler: z.record(z.string(), z.unknown()),
    pruner: z.record(z.string(), z.unknown()),
    seed: z.int(),
    budget: z.object({ trials: z.int(), time: z.string().optional(), patience: z.int().optional() }),
    state: z.enum(studyStates),
    /** Why it ended. */
    criterion: z.enum(criteria).optional(),
    /** How many trials are in each state. */
    trials: z.object({ running: z.int(), complete: z.int(), pruned: z.int(), failed: z.int() }),
    best: z.object({ number: z.int(), value: z.number(), params: Params }).optional(),
    /** The tracking run that those of the trials are below. */
    tracking: z.string(),
    /** The workflow run whose task it is. */
    run: z.string().optional(),
    actor: z.string(),
    createdAt: Instant,
    endedAt: Instant.optional(),
  })
  .meta({ title: 'Study' })

export const TrialWire = z
  .object({
    /** 0, 1, 2 … in the order of asking. */
    number,
    state: z.enum(trialStates),
    params: Params,
    value: z.number().optional(),
    /** The last step that it reported. */
    step: z.int().optional(),
    /** 2 when who had it first never came back, and so on. */
    attempt: z.int(),
    /** When it goes to somebody else, unless something is heard of it. */
    leaseUntil: Instant.optional(),
    tracking: z.string().optional(),
    error: z.string().optional(),
    startedAt: Instant,
    endedAt: Instant.optional(),
  })
  .meta({ title: 'Trial' })

export const StudyPage = pageOf(StudyWire)
export const TrialPage = pageOf(TrialWire)

/** Checked again as a whole where it is used: the errors of a search space name its parameters. */
export const StudyBody = z.record(z.string(), z.unknown()).meta({ title: 'StudyBody' })

export const AskBody = z.object({
  count: z.int().min(1).max(100).default(1),
  /** The same key is given the same trials. */
  key: z.string().min(1).max(200).optional(),
})
/** `trials` is empty when there is none to give: `study.state` says whether one may come. */
export const AskAnswer = z.object({ study: StudyWire, trials: z.array(TrialWire) })

const attempt = z.int().min(1).optional()
export const ReportBody = z.object({ step: z.int().min(0).max(Number.MAX_SAFE_INTEGER), value: z.number(), attempt })
export const ReportAnswer = z.object({ stop: z.boolean(), reason: z.string().optional() })
export const RenewBody = z.object({ attempt })
export const TellBody = z.object({
  state: z.enum(['complete', 'pruned', 'failed']).default('complete'),
  /** May be left out of a trial that has reported: its last value then counts. */
  value: z.number().optional(),
  error: z.string().max(4_000).optional(),
  attempt,
})
export const TellAnswer = z.object({ study: StudyWire, trial: TrialWire })

export const ReportWire = z.object({ trial: z.int(), step: z.int(), value: z.number() })
export const ReportList = z.object({ items: z.array(ReportWire) })
export const ImportanceAnswer = z.object({
  /** Share of the differences between trials that each parameter explains alone; absent while there are too few. */
  importance: z.record(z.string(), z.number()).optional(),
  trialsMin: z.int(),
})

export const ProjectParams = z.object({ project: Name })
export const StudyParams = ProjectParams.extend({ study: Name })
export const TrialParams = StudyParams.extend({ number: z.string().max(100) })
export const StudyQuery = PageQuery
export const TrialQuery = PageQuery.extend({ limit: z.int().min(1).max(1_000).default(200) })
/** Of the trials from this number on, at most so many trials. */
export const ReportQuery = z.object({ trials: z.int().min(1).max(200).default(50) })
