import { z } from 'zod'
import { ViolationWire } from '#data/wire.ts'
import { idOf, Instant, Name, pageOf } from '#kernel/wire.ts'

/** Windows, signals, incidents and feedback items as JSON. */

export const BinsWire = z.object({
  labels: z.array(z.string()),
  reference: z.array(z.number()),
  current: z.array(z.number()),
})

export const signalKinds = [
  'contract',
  'performance',
  'prediction_drift',
  'feature_drift',
  'missing',
  'service',
] as const
export const signalStates = ['ok', 'warn', 'alarm', 'insufficient'] as const

/** One thing measured in one window, with what it is compared with. */
export const SignalWire = z
  .object({
    kind: z.enum(signalKinds),
    /** The feature, output or metric. */
    name: z.string(),
    state: z.enum(signalStates),
    score: z.number(),
    /** The score from which on it alarms: the larger of effect, noise floor and the column's own history. */
    threshold: z.number(),
    /** Why the threshold is what it is. */
    because: z.string(),
    /** Importance of the feature to the model, 0 to 1 within the deployment. */
    importance: z.number().optional(),
    bins: BinsWire.optional(),
  })
  .meta({ title: 'Signal' })

export const PerformanceWire = z
  .object({
    metric: z.string(),
    /** Share of the window's predictions whose truth is known. */
    maturity: z.number(),
    rows: z.int(),
    realised: z.number().optional(),
    /** What a calibrated model would have reached with these scores [CBPE]. */
    expected: z.number().optional(),
    /** In the evaluation on which the version was promoted. */
    reference: z.number().optional(),
    /** How many standard errors the realised loss lies above the expected one [Spiegelhalter 1986]. */
    z: z.number().optional(),
  })
  .meta({ title: 'Performance' })

const Bounded = z.object({ value: z.number(), low: z.number(), high: z.number() })

export const OutcomesWire = z
  .object({
    deployment: Name,
    /** What is lost by a wrong answer, by the objective's metric. */
    loss: z.enum(['log_loss', 'squared_error', 'zero_one', 'absolute_error']).optional(),
    from: Instant.optional().meta({ description: 'Since when these revisions have shared the requests.' }),
    to: Instant.optional().meta({ description: 'Until when; absent while they do.' }),
    arms: z.array(
      z.object({
        revision: z.string(),
        number: z.int(),
        rows: z.int().meta({ description: 'Answers of which the truth is known.' }),
        loss: Bounded.optional().meta({ description: 'Mean; absent below 50 rows. The bounds hold at every look.' }),
      }),
    ),
    differences: z
      .array(
        Bounded.extend({
          revision: z.string(),
          verdict: z.enum(['better', 'worse', 'open']),
          reason: z.string(),
          adjusted: z
            .object({ by: z.array(z.string()), explained: z.number() })
            .optional()
            .meta({
              description: 'Inputs whose part in the losses was taken out [CUPED], and its share of the variance.',
            }),
        }),
      )
      .meta({ description: 'How much more each arm loses than the first; the bounds hold at every look.' }),
  })
  .meta({ title: 'Outcomes' })

export const WindowWire = z
  .object({
    id: idOf<'window'>('win'),
    deployment: Name,
    revision: z.string(),
    /** Half-open in event time. */
    from: Instant,
    to: Instant,
    rows: z.int(),
    signals: z.array(SignalWire),
    performance: PerformanceWire.optional(),
    /** Which rows the window was compared with. */
    reference: z.string(),
    evaluatedAt: Instant,
  })
  .meta({ title: 'Window' })
export const WindowPage = pageOf(WindowWire)

export const incidentKinds = ['contract', 'drift', 'performance', 'service'] as const
export const incidentStates = ['open', 'acknowledged', 'resolved'] as const
export const receivers = ['experimentation', 'data_engineering', 'scheduler'] as const

export const CauseWire = z.object({ name: z.string(), score: z.number(), importance: z.number(), sentence: z.string() })

export const IncidentWire = z
  .object({
    id: idOf<'incident'>('inc'),
    project: Name,
    deployment: Name.optional(),
    source: Name.optional(),
    kind: z.enum(incidentKinds),
    severity: z.enum(['page', 'ticket']),
    state: z.enum(incidentStates),
    title: z.string(),
    /** Sentences: what changed, since when, how bad, why likely. */
    evidence: z.array(z.string()),
    causes: z.array(CauseWire),
    violations: z.array(ViolationWire),
    windows: z.array(z.string()),
    openedAt: Instant,
    resolvedAt: Instant.optional(),
    resolution: z.string().optional(),
  })
  .meta({ title: 'Incident' })
export const IncidentPage = pageOf(IncidentWire)

/** (27) What monitoring tells the stages upstream. */
export const FeedbackItemWire = z
  .object({
    id: idOf<'feedback_item'>('fbk'),
    project: Name,
    receiver: z.enum(receivers),
    incident: z.string().optional(),
    /** The deployment and its model, when it is about one. */
    deployment: Name.optional(),
    model: Name.optional(),
    title: z.string(),
    action: z.string(),
    state: z.enum(['open', 'done']),
    /** The run that it led to. */
    run: z.string().optional(),
    at: Instant,
  })
  .meta({ title: 'FeedbackItem' })
export const FeedbackPage = pageOf(FeedbackItemWire)

export const MonitorWire = z
  .object({
    project: Name,
    deployment: Name,
    revision: z.string(),
    state: z.enum(['waiting', 'healthy', 'suspect', 'alarm']),
    metric: z.string(),
    /** What the reference is: training set, rows, how seasons are matched. */
    reference: z.string(),
    /** Predictions that wait for their window to close. */
    pendingRows: z.int(),
    labelled: z.int(),
    predictions: z.int(),
    lastWindow: WindowWire.optional(),
  })
  .meta({ title: 'Monitor' })
export const MonitorList = z.object({ items: z.array(MonitorWire) })

/** Ground truth, late or not: what really happened to a prediction. */
export const TruthBody = z.object({
  items: z
    .array(z.object({ prediction: z.string().max(100), value: z.number(), at: Instant.optional() }))
    .min(1)
    .max(10_000),
})
export const TruthAnswer = z.object({ recorded: z.int(), unchanged: z.int() })
export const AcknowledgeBody = z.object({
  state: z.enum(['acknowledged', 'resolved']),
  resolution: z.string().max(1_000).optional(),
})
