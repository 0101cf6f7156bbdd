import { z } from 'zod'
import { Digest, idOf, Instant, Name, pageOf } from '#kernel/wire.ts'
import { SignatureWire } from '#registry/wire.ts'

/** Deployments, revisions and logged predictions as JSON. The prediction protocol itself is that of the model server. */

export const revisionStates = ['shadow', 'canary', 'live', 'retired', 'rolled_back'] as const

export const RevisionWire = z
  .object({
    id: idOf<'deployment_revision'>('rev'),
    deployment: Name,
    number: z.int().positive(),
    /** The model version. */
    version: z.string(),
    versionNumber: z.int(),
    bundle: Digest,
    state: z.enum(revisionStates),
    /** Percent of requests. */
    weight: z.number(),
    shadow: z.number().meta({ description: 'Percent of requests of which it gets a copy, while it is a shadow.' }),
    /** Since its first request. */
    requests: z.int(),
    errors: z.int(),
    latencyP50Ms: z.number().optional().meta({ description: 'Within 15 %: latencies are counted in buckets.' }),
    latencyP95Ms: z.number().optional().meta({ description: 'Within 15 %.' }),
    createdAt: Instant,
  })
  .meta({ title: 'DeploymentRevision' })

export const TrafficChangeWire = z
  .object({ at: Instant, actor: z.string(), reason: z.string(), weights: z.record(z.string(), z.number()) })
  .meta({ title: 'TrafficChange' })

/** What the project file lets a deployment take on; what is absent is as the platform has it. */
export const LimitsWire = z.object({
  deadlineMs: z.number().optional().meta({ description: 'How long a request may take.' }),
  queueRows: z.int().optional().meta({ description: 'Rows that may wait for the model.' }),
  clientRate: z.number().optional().meta({ description: 'Requests a second of one client.' }),
})

export const DeploymentWire = z
  .object({
    project: Name,
    name: Name,
    model: z.string(),
    /** Where requests go: Open Inference Protocol v2. */
    url: z.string(),
    state: z.enum(['live', 'canary', 'down']),
    limits: LimitsWire,
    log: z
      .object({ oneIn: z.int(), leaveOut: z.array(z.string()), redact: z.array(z.string()) })
      .meta({ description: 'What is written down: one request in so many, and of its inputs all but these.' }),
    retentionMs: z
      .number()
      .optional()
      .meta({ description: 'How long predictions are kept, where the project file says so.' }),
    sticky: z
      .union([z.literal('entity'), z.object({ header: z.string() })])
      .optional()
      .meta({ description: 'Whose requests all meet the same revision.' }),
    revisions: z.array(RevisionWire),
    createdAt: Instant,
  })
  .meta({ title: 'Deployment' })
/** How a shadow answered copies of requests, beside the revision that answered them. */
export const ShadowWire = z
  .object({
    revision: z.string(),
    against: z.string().meta({ description: 'The revision that answered.' }),
    rows: z.int(),
    agreed: z.int().meta({
      description:
        'Rows to which both say the same: texts, sides of one half for a probability, other numbers within 1 %.',
    }),
    errors: z.int().meta({ description: 'Copies that the shadow failed at.' }),
    dropped: z.int().meta({ description: 'Copies that were let go because the shadow was behind.' }),
    differenceMean: z.number().meta({ description: 'Of the largest difference between numbers in each row.' }),
    differenceMax: z.number(),
    scorePsi: z.number().optional().meta({
      description: 'How differently the scores are distributed, as population stability index over ten bins.',
    }),
    scorePsiByChance: z.number().optional().meta({
      description: 'What the index of equal revisions exceeds once in a hundred times, with as many rows.',
    }),
    latencyP50Ms: z.number().optional().meta({ description: 'Within 15 %: inputs and run.' }),
    latencyP95Ms: z.number().optional(),
    againstP50Ms: z.number().optional(),
    againstP95Ms: z.number().optional(),
  })
  .meta({ title: 'ShadowComparison' })

/** What a canary has shown beside the live revision; requests that named their revision are not counted. */
export const GuardWire = z
  .object({
    revision: z.string(),
    since: Instant.meta({ description: 'When it took its first share.' }),
    requests: z.int(),
    errors: z.int(),
    slow: z.int().meta({
      description:
        'Answers that took longer than 99 of 100 of the live revision of late, and than the project says matters.',
    }),
    controlRequests: z.int().meta({ description: 'Of the live revision, as the two below.' }),
    controlErrors: z.int(),
    controlSlow: z.int(),
    late: z.int().meta({ description: 'Answers that took three times as long as is promised (`slo.latency`).' }),
    controlLate: z.int(),
    burn: z.number().meta({
      description:
        'How many times as fast as it lasts both spend the error budget (`slo.availability`), over an hour and over five minutes: the smaller.',
    }),
    verdict: z.enum(['continue', 'reject', 'pass']),
    reason: z.string(),
    evidence: z.number().meta({
      description:
        'Log-likelihood ratio of the sequential test of failures, in nats: 5.25 rejects the canary, −2.99 lets it pass.',
    }),
    slowEvidence: z.number().meta({ description: 'The same of slow answers.' }),
  })
  .meta({ title: 'Guard' })

/** Deployments and code of the project file that are asked as one. */
export const GraphWire = z
  .object({
    name: z.string(),
    url: z.string(),
    /** Datatype by name. */
    inputs: z.record(z.string(), z.string()),
    outputs: z.record(z.string(), z.string()),
    nodes: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['sequence', 'switch', 'ensemble', 'splitter', 'deployment', 'code']),
        /** The nodes that it leads to; of a deployment its name, of code its file. */
        asks: z.array(z.string()),
      }),
    ),
  })
  .meta({ title: 'Graph' })
export const GraphList = z.object({ items: z.array(GraphWire) })
export const DeploymentList = z.object({ items: z.array(DeploymentWire) })
export const DeploymentDetail = DeploymentWire.extend({
  traffic: z.array(TrafficChangeWire),
  shadows: z.array(ShadowWire),
  guard: GuardWire.optional().meta({ description: 'While there is a canary.' }),
  inputs: SignatureWire.shape.inputs.optional().meta({
    description:
      'What requests to the live revision send: its inputs, and in place of those that are computed what they are computed of.',
  }),
  /** Requests per minute of the last hour, oldest first. */
  perMinute: z.array(z.object({ at: Instant, requests: z.int(), errors: z.int() })),
})

export const QueueWire = z
  .object({
    deployment: Name,
    name: Name,
    broker: z.string().meta({ description: 'The scheme of its address.' }),
    input: z.string(),
    output: z.string(),
    deadLetter: z.string(),
    state: z.enum(['starting', 'running', 'away', 'stopped']),
    lag: z.int().optional().meta({ description: 'Messages that are not done with, when it was last looked.' }),
    answered: z.int().meta({ description: 'Since the model server was started.' }),
    dead: z.int(),
    error: z.string().optional().meta({ description: 'Why it is away, or why the last message is a dead letter.' }),
  })
  .meta({ title: 'QueueStatus' })
export type QueueStatus = z.output<typeof QueueWire>
export const QueueList = z.object({ items: z.array(QueueWire) })

export const PredictionWire = z
  .object({
    id: z.string(),
    deployment: Name,
    revision: z.string(),
    version: z.string(),
    /** Entity key, when features were looked up. */
    key: z.string().optional(),
    /** The instant the prediction is about: the request's `event_time`, or its arrival. */
    eventTime: Instant,
    receivedAt: Instant,
    features: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])),
    featureTimes: z.record(z.string(), Instant).optional().meta({
      description: 'By feature view, since when what was looked up of it was true.',
    }),
    filled: z.array(z.string()).optional().meta({
      description:
        'Features of which the request had no value, or an old one, in one of its rows: their rules filled it.',
    }),
    outputs: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])),
    requestId: z.string().optional().meta({ description: 'What its client called the request: `x-request-id`.' }),
    latencyMs: z.number(),
    inclusion: z.number().optional().meta({ description: 'The chance that it had to be written down; 1 when absent.' }),
    drawn: z.literal(false).optional().meta({ description: 'It is here because it failed, and not by lot.' }),
    forced: z.literal(true).optional().meta({ description: 'The client chose the revision itself.' }),
    error: z.string().optional(),
  })
  .meta({ title: 'Prediction' })
/** By the instant that they are about, or in the order in which they came; the newest first. */
export const predictionOrders = ['event_time', 'arrival'] as const
export const PredictionPage = pageOf(PredictionWire)
export const TrafficBody = z.object({
  weights: z.record(z.string(), z.number().min(0).max(100)),
  reason: z.string().min(1).max(1_000),
})
export const ShadowBody = z.object({
  revision: z.string().regex(/^rev_[0-9a-f-]{36}$/),
  share: z.number().min(0).max(100).meta({ description: 'Percent of requests of which it gets a copy; 0 ends it.' }),
  reason: z.string().min(1).max(1_000),
})
export const RollbackBody = z.object({ reason: z.string().min(1).max(1_000) })

const DnsName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a name of DNS such as models')

/** What is wanted of a cluster. */
export const ClusterBody = z
  .object({
    image: z
      .string()
      .regex(/^[a-z0-9][\w./:@-]{0,254}$/, 'an image such as registry.example.com/rain:3')
      .meta({ description: 'What the cluster pulls: the image under the name that it is pushed with.' }),
    namespace: DnsName.default('default'),
    replicasMin: z.int().min(1).max(1_000).default(2),
    replicasMax: z.int().min(1).max(1_000).default(10),
    cores: z.number().positive().max(256).default(1).meta({ description: 'That a pod asks for.' }),
    memoryMb: z.int().min(256).max(1_048_576).default(1_024),
    online: z
      .string()
      .max(2_000)
      .default('')
      .meta({ description: 'Address of the online store, as the pods reach it.' }),
    logTo: z
      .string()
      .max(2_000)
      .regex(/^(https?:\/\/\S+)?$/, 'https://… of the model server')
      .default('')
      .meta({
        description: 'Address of the model server here, as the pods reach it: they tell it of their predictions.',
      }),
    kserve: z.boolean().default(false).meta({ description: 'An InferenceService in place of the rest.' }),
  })
  .refine(({ replicasMin, replicasMax }) => replicasMin <= replicasMax, {
    path: ['replicasMax'],
    message: 'no less than replicasMin',
  })

export const ClusterExportWire = z
  .object({
    files: z.array(z.object({ path: z.string(), text: z.string() })),
    blobs: z.array(z.object({ path: z.string(), bundle: Digest, digest: Digest })),
    notes: z.array(z.string()),
  })
  .meta({ title: 'ClusterExport' })
