import { AggregatorRegistry, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { WatchedCanary } from '../canaries-file.ts'
import type { QueueStatus } from '../wire.ts'
import type { InvalidKind, ShedReason } from './request-error.ts'
import type { Busy } from './busy.ts'
import { canaryGauges } from './canary-gauges.ts'
import type { ForwarderTally } from './forwarder.ts'
import type { ObservedNode } from './graph.ts'
import type { MemoryTally } from './model-memory.ts'
import { modelSeries } from './model-series.ts'
import { workerRestarts } from './worker-runtime.ts'
import { createRequestTally, latencyBounds, type Observed } from './request-tally.ts'
import type { LiveDeployment } from './route-table.ts'
import type { Shadows } from './shadows.ts'
import type { ModelReading } from './statistics.ts'

/** What the model server counts, in Prometheus' text format. */
export interface Metrics {
  /** A request for predictions begins; `observe` ends it. */
  begin(): void
  /** One answered request. */
  observe(request: Observed): void
  /** A request that is refused before it is known what it asks. */
  refuse(status: number): void
  /** A request that is turned away because there is too much to do; it is observed too. */
  shed(deployment: string, reason: ShedReason): void
  /** A request for predictions with which something is wrong; it is observed too. */
  invalid(deployment: string, kind: InvalidKind): void
  /** A message of a queue that is done with. */
  queue(queue: { readonly deployment: string; readonly name: string }, outcome: 'answered' | 'dead'): void
  /** A node of a graph has answered, or has not. */
  observeNode(node: ObservedNode): void
  /** What this process has counted, as JSON. */
  read(): Promise<object[]>
}

/** What others count. */
export interface Tallies {
  /** How often models have left the memory, and come back. */
  readonly memory: MemoryTally
  /** What has become of predictions that are sent elsewhere; undefined where none are. */
  readonly forwarded?: (() => ForwarderTally) | undefined
  /** What the revisions have answered. */
  readings(): readonly ModelReading[]
  readonly busy: Busy
  readonly shadows: Pick<Shadows, 'disagreed'>
  /** What is known of canaries. */
  canaries(): Promise<readonly WatchedCanary[]>
}

export function createMetrics(
  deployments: () => readonly LiveDeployment[],
  queues: () => readonly QueueStatus[],
  { memory, forwarded, readings, busy, shadows, canaries }: Tallies,
): Metrics {
  const register = new Registry()
  const requests = createRequestTally()
  const shed = new Counter({
    name: 'trainyard_serving_shed_total',
    help: 'Requests turned away: too many rows waited (queue), their time was too short (deadline), or too many were of one client (rate).',
    labelNames: ['deployment', 'reason'],
    registers: [register],
  })
  const invalid = new Counter({
    name: 'trainyard_serving_validation_failures_total',
    help: 'Requests for predictions refused with 400: a value is missing, a name unknown, a type or shape another, a value out of its range, or the form of the request is wrong.',
    labelNames: ['deployment', 'kind'],
    registers: [register],
  })
  const messages = new Counter({
    name: 'trainyard_serving_queue_messages_total',
    help: 'Messages of queues that were answered, or became dead letters.',
    labelNames: ['deployment', 'queue', 'outcome'],
    registers: [register],
  })
  queueGauges(register, queues)
  const nodes = new Histogram({
    name: 'trainyard_serving_node_seconds',
    help: 'Time that a node of a graph took, with what it asked.',
    labelNames: ['graph', 'node', 'outcome'],
    buckets: latencyBounds,
    registers: [register],
  })
  gauges(register, deployments)
  placementGauges(register, deployments)
  memoryGauges(register, deployments, memory)
  if (forwarded) forwardedCounter(register, forwarded)
  busyGauges(register, busy)
  restartCounters(register, shadows)
  canaryGauges(register, canaries)

  return {
    begin: requests.begin,
    observe: requests.observe,
    refuse: requests.refuse,
    shed: (deployment, reason) => shed.labels(deployment, reason).inc(),
    invalid: (deployment, kind) => invalid.labels(deployment, kind).inc(),
    queue: ({ deployment, name }, outcome) => messages.labels(deployment, name, outcome).inc(),
    observeNode: ({ graph, node, seconds, isAnswered }) =>
      nodes.labels(graph, node, isAnswered ? 'answered' : 'failed').observe(seconds),
    read: async () => [...requests.read(), ...modelSeries(readings()), ...(await register.getMetricsAsJSON())],
  }
}

function queueGauges(register: Registry, queues: () => readonly QueueStatus[]): void {
  new Gauge({
    name: 'trainyard_serving_queue_up',
    help: 'Whether messages of a queue are taken.',
    labelNames: ['deployment', 'queue'],
    registers: [register],
    collect() {
      this.reset()
      for (const { deployment, name, state } of queues()) this.labels(deployment, name).set(Number(state === 'running'))
    },
  })
  new Gauge({
    name: 'trainyard_serving_queue_lag',
    help: 'Messages of a queue that are not done with, when it was last looked.',
    labelNames: ['deployment', 'queue'],
    registers: [register],
    collect() {
      this.reset()
      for (const { deployment, name, lag } of queues()) if (lag !== undefined) this.labels(deployment, name).set(lag)
    },
  })
}

/** Which models are in memory. */
function memoryGauges(register: Registry, deployments: () => readonly LiveDeployment[], tally: MemoryTally): void {
  new Gauge({
    name: 'trainyard_serving_model_memory_bytes',
    help: 'Memory that a model takes; 0 while it rests.',
    labelNames: ['deployment', 'revision'],
    registers: [register],
    collect() {
      this.reset()
      for (const { name, revisions } of deployments())
        for (const { id, model } of revisions) this.labels(name, id).set(model.memoryBytes())
    },
  })
  new Gauge({
    name: 'trainyard_serving_model_load_seconds',
    help: 'How long a model took to load, to be tried and to be warm.',
    labelNames: ['deployment', 'revision'],
    aggregator: 'max',
    registers: [register],
    collect() {
      this.reset()
      for (const { name, revisions } of deployments())
        for (const { id, model } of revisions) this.labels(name, id).set(model.loadMs / 1_000)
    },
  })
  const moves = {
    rested: {
      help: 'Models sent out of memory: nobody had asked (idle), or others needed the room (room).',
      read: { idle: () => tally.idle, room: () => tally.room },
    },
    woken: { help: 'Models brought back into memory by a request.', read: { request: () => tally.woken } },
  }
  for (const [move, { help, read }] of Object.entries(moves))
    new Counter({
      name: `trainyard_serving_models_${move}_total`,
      help,
      labelNames: ['reason'],
      registers: [register],
      collect() {
        this.reset()
        for (const [reason, count] of Object.entries(read)) this.inc({ reason }, count())
      },
    })
}

/** How busy the processes are: their mean, and the latest of them. */
function busyGauges(register: Registry, busy: Busy): void {
  new Gauge({
    name: 'serving_utilization',
    help: 'The part of the last 5 s in which the event loop had something to do, from 0 to 1: what to scale by.',
    aggregator: 'average',
    registers: [register],
    collect() {
      this.set(busy.utilization)
    },
  })
  new Gauge({
    name: 'trainyard_serving_event_loop_delay_seconds',
    help: 'How late the event loop was in the last 5 s.',
    labelNames: ['quantile'],
    aggregator: 'max',
    registers: [register],
    collect() {
      this.labels('0.5').set(busy.delay.p50)
      this.labels('0.99').set(busy.delay.p99)
    },
  })
}

function restartCounters(register: Registry, { disagreed }: Pick<Shadows, 'disagreed'>): void {
  new Counter({
    name: 'trainyard_serving_worker_restarts_total',
    help: 'Workers of models that ended by themselves and were started again.',
    registers: [register],
    collect() {
      this.reset()
      this.inc(workerRestarts.count)
    },
  })
  new Counter({
    name: 'trainyard_serving_shadow_disagreement_total',
    help: 'Rows to which a shadow said something else than the revision that answered.',
    labelNames: ['deployment'],
    registers: [register],
    collect() {
      this.reset()
      for (const [deployment, rows] of disagreed) this.inc({ deployment }, rows)
    },
  })
}

/** Where models compute, and why. */
function placementGauges(register: Registry, deployments: () => readonly LiveDeployment[]): void {
  new Gauge({
    name: 'trainyard_serving_model_placement',
    help: 'Processes of the model server in which a model computes there (inline), in a thread, or in a process of its own.',
    labelNames: ['deployment', 'revision', 'placement'],
    registers: [register],
    collect() {
      this.reset()
      for (const { name, revisions } of deployments())
        for (const { id, model } of revisions) {
          const placement = model.placement()
          if (placement) this.labels(name, id, placement.place).set(1)
        }
    },
  })
  new Gauge({
    name: 'trainyard_serving_model_row_seconds',
    help: 'What a row took a model of ONNX when it was measured before it was opened.',
    labelNames: ['deployment', 'revision'],
    aggregator: 'max',
    registers: [register],
    collect() {
      this.reset()
      for (const { name, revisions } of deployments())
        for (const { id, model } of revisions) {
          const rowMs = model.placement()?.rowMs
          if (rowMs !== undefined) this.labels(name, id).set(rowMs / 1_000)
        }
    },
  })
}

function forwardedCounter(register: Registry, tally: () => ForwarderTally): void {
  new Counter({
    name: 'trainyard_serving_predictions_forwarded_total',
    help: 'Logged predictions that the platform has taken (sent) or refused, and those let go because too much waited (dropped).',
    labelNames: ['outcome'],
    registers: [register],
    collect() {
      this.reset()
      for (const [outcome, count] of Object.entries(tally())) this.inc({ outcome }, count as number)
    },
  })
}

/** The text of what several processes have counted: added up, and once what all of them have. */
export const metricsText = (counted: readonly object[][]): Promise<string> =>
  AggregatorRegistry.aggregate([...counted]).metrics()

/** What is looked at when somebody asks. */
function gauges(register: Registry, deployments: () => readonly LiveDeployment[]): void {
  new Gauge({
    name: 'trainyard_serving_queue_rows',
    help: 'Rows that wait for a model.',
    labelNames: ['deployment', 'revision'],
    registers: [register],
    collect() {
      this.reset()
      for (const { name, revisions } of deployments())
        for (const { id, model } of revisions) this.labels(name, id).set(model.batcher.waiting.rows)
    },
  })
  new Gauge({
    name: 'trainyard_serving_models_loaded',
    help: 'Revisions that can answer.',
    aggregator: 'max',
    registers: [register],
    collect() {
      this.set(deployments().reduce((sum, { revisions }) => sum + revisions.length, 0))
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the processes of the model server.',
    registers: [register],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
}
