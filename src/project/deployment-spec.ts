import { z } from 'zod'
import { durationMs } from '#kernel/duration.ts'
import { Name } from '#kernel/wire.ts'
import { column, duration } from './field.ts'
import { SecretReference } from './secret-reference.ts'

/** How a new revision of a deployment proves itself. */
export const Canary = z.strictObject({
  weight: z.number().min(0.1).max(100).optional().meta({
    description: 'One step of so many percent, in place of `steps`; 100 makes it live at once.',
  }),
  steps: z
    .array(z.number().min(0.1).max(99))
    .min(1)
    .max(20)
    .refine(steps => steps.every((step, index) => index === 0 || step > steps[index - 1]!), 'percentages that grow')
    .default([1, 5, 10, 25, 50])
    .meta({ description: 'Percent of requests that the canary takes, one step after the other, before it takes all.' }),
  dwell: duration.default('10m').meta({ description: 'How long it stands at each step, at least.' }),
  requestsMin: z.int().min(1).default(1_000).meta({
    description: 'Requests that the canary itself must have answered at each step, unless it is rejected or passes.',
  }),
  maxDuration: duration.default('24h').meta({ description: 'After which `undecided` decides.' }),
  undecided: z.enum(['promote_if_no_reject', 'hold']).default('promote_if_no_reject').meta({
    description:
      'What becomes of a canary that is neither rejected nor through by then: it takes all, or waits for somebody.',
  }),
  slow: duration.default('100ms').meta({
    description: 'What an answer may take without being slow, however fast the revision beside it is.',
  }),
})

/** The percentages that a canary takes one after the other. */
export const canarySteps = ({ weight, steps }: Pick<z.output<typeof Canary>, 'weight' | 'steps'>): readonly number[] =>
  weight === undefined ? steps : [weight]

/** What is promised of a deployment's answers: what a canary may not endanger. */
export const Slo = z.strictObject({
  availability: z.number().min(0.5).max(0.99999).default(0.999).meta({
    description: 'Share of requests that do not fail, over 30 days; the rest is the error budget.',
  }),
  latency: duration.default('1s').meta({ description: 'What 99 of 100 answers take at most.' }),
})

/** How much a deployment takes on before it refuses. */
const Limits = z.strictObject({
  deadline: duration.optional().meta({
    description: 'How long a request may take; the client may ask for less. Absent: the setting `servingDeadline`.',
  }),
  queueRows: z.int().min(1).max(1_000_000).optional().meta({
    description: 'Rows that may wait for the model; who comes then is refused with 503.',
  }),
  clientRate: z.number().min(0.01).max(1_000_000).optional().meta({
    description: 'Requests a second that one client may make, on average and at once; then it is refused with 429.',
  }),
})

/** Whose requests meet the same revision as long as the same revisions share the traffic. */
const Sticky = z
  .union([
    z.literal('entity'),
    z.strictObject({ header: z.string().regex(/^[a-z0-9-]{1,64}$/, 'a header in small letters') }),
  ])
  .meta({
    description:
      'Whose requests all meet the same revision: those about one `entity` (that of the first row), or with one value of a header (by gRPC, of metadata). Absent: each request is by itself.',
  })

/** What a new revision shows before it takes requests. */
const Shadow = z
  .strictObject({
    share: z
      .number()
      .min(0.1)
      .max(100)
      .default(10)
      .meta({ description: 'Percent of requests of which it gets a copy.' }),
    rowsMin: z
      .int()
      .min(1)
      .default(1_000)
      .meta({ description: 'Rows that it must have answered before it is a canary.' }),
    minDuration: duration.default('1h').meta({ description: 'How long it is a shadow, at least.' }),
    agreement: z.number().min(0).max(1).optional().meta({
      description:
        'Share of rows to which both must say the same; with less, it stays a shadow until somebody decides.',
    }),
    psi: z.number().positive().default(0.25).meta({
      description:
        'How much the distribution of its scores may differ, as population stability index; with more, it stays a shadow until somebody decides.',
    }),
    maxDuration: duration.default('24h').meta({ description: 'After which it is a canary with fewer rows, too.' }),
  })
  .refine(({ minDuration, maxDuration }) => durationMs(minDuration) <= durationMs(maxDuration), {
    path: ['minDuration'],
    error: 'no longer than maxDuration',
  })

/** What a new revision is tried with before it meets any request. */
export const Rehearsal = z.strictObject({
  requests: z.int().min(1).max(10_000).default(200).meta({
    description: 'So many requests of one row, none of which may fail: those recorded last, or made of known values.',
  }),
  cost: z.number().min(1).max(1_000).default(2).meta({
    description: 'How many times as long a row may take as with the live revision.',
  }),
})

/** What a new revision shows before it meets any request: those of the one that answers are asked again. */
const Replay = z.strictObject({
  rows: z
    .int()
    .min(50)
    .max(10_000)
    .default(1_000)
    .meta({ description: 'The newest so many predictions are replayed.' }),
  psi: z.number().positive().default(0.25).meta({
    description: 'How much the distribution of an output may differ, as population stability index.',
  }),
  agreement: z.number().min(0).max(1).optional().meta({
    description: 'Share of rows to which both must say the same.',
  }),
})

/** What is kept of predictions. */
const Log = z.strictObject({
  oneIn: z.int().min(1).max(10_000).default(1).meta({
    description:
      'One request in so many is written down, by lot, and every one that fails. Monitoring counts each for so many.',
  }),
  leaveOut: z.array(column).default([]).meta({
    description: 'Inputs whose values are not written down; nothing of them is monitored.',
  }),
  redact: z.array(column).default([]).meta({
    description:
      'Inputs of which a keyed hash is written down instead: equal values have equal hashes. Nothing of them is monitored.',
  }),
  retention: duration
    .optional()
    .meta({ description: 'How long they are kept; `predictionRetention` when that is shorter.' }),
})

const place = z.string().min(1).max(200)

/** A queue of a message broker whose messages the deployment answers. */
const Queue = z.strictObject({
  broker: SecretReference.meta({
    description: 'The secret with the address of the broker: nats://…, amqp://…, redis://… or kafka://…',
  }),
  input: place.meta({
    description: 'Where requests come from: a stream of NATS or Redis, a queue of RabbitMQ, a topic of Kafka.',
  }),
  output: place.meta({ description: 'Where answers go: a subject of NATS, a queue, a stream, a topic.' }),
  deadLetter: place
    .optional()
    .meta({ description: 'Where messages go that cannot be answered; the output with `.dead` when left out.' }),
  format: z.enum(['invocations', 'v2']).default('invocations').meta({
    description: 'What a message is: a body of `/invocations`, or of the Open Inference Protocol v2.',
  }),
  inFlight: z.int().min(1).max(1_000).default(32).meta({ description: 'Messages that are answered at once.' }),
})

/** How requests are answered whose clients do not wait [RFC 7240, respond-async]. */
const Async = z.strictObject({
  deadline: duration.default('10m').meta({ description: 'How long such a request may take once it is accepted.' }),
  waiting: z.int().min(1).max(100_000).default(1_000).meta({
    description: 'Accepted requests that may wait in each process; who comes then is refused with 503.',
  }),
  keep: duration.default('24h').meta({ description: 'How long answers can be fetched.' }),
  webhook: z
    .strictObject({
      url: z
        .string()
        .max(2_048)
        .regex(/^https?:\/\/\S+$/, 'https://…'),
      key: SecretReference.meta({ description: 'The secret with the key that messages are signed with.' }),
    })
    .optional()
    .meta({ description: 'Who is told of each answer.' }),
})

export const Deployment = z.strictObject({
  model: Name,
  canary: Canary.prefault({}),
  slo: Slo.optional().meta({ description: 'What is promised of its answers; as the defaults say when left out.' }),
  limits: Limits.optional(),
  sticky: Sticky.optional(),
  log: Log.optional(),
  rehearsal: Rehearsal.optional().meta({
    description: 'How a new revision is tried before it is released; as the defaults say when left out.',
  }),
  replay: Replay.optional().meta({
    description: 'A new revision first answers the last requests once more; one that fails takes none.',
  }),
  queues: z.record(Name, Queue).optional().meta({ description: 'Queues whose messages it answers.' }),
  async: Async.optional().meta({
    description: 'Requests with `Prefer: respond-async` are accepted with 202 and answered later.',
  }),
  shadow: Shadow.optional().meta({ description: 'A new revision first gets copies of requests, and answers nobody.' }),
})

export type DeploymentSpec = z.output<typeof Deployment>
