import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What the model server counts, in Prometheus' text format. */
export interface Metrics {
  /** One answered request: 0.4 µs. */
  observe(request: Observed): void
  text(): Promise<string>
}

export interface Observed {
  readonly deployment: string
  readonly revision: string
  /** `v2`, `grpc` …; empty for who was refused at the door. */
  readonly protocol: string
  readonly status: number
  readonly seconds: number
}

const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

interface Series {
  readonly count: { inc(): void }
  readonly latency: { observe(seconds: number): void }
}

export function createMetrics(deployments: () => readonly { revisions: readonly object[] }[]): Metrics {
  const register = new Registry()
  const labelNames = ['deployment', 'revision', 'code', 'protocol']
  const requests = new Counter({
    name: 'trainyard_serving_requests_total',
    help: 'Requests answered.',
    labelNames,
    registers: [register],
  })
  const latency = new Histogram({
    name: 'trainyard_serving_request_seconds',
    help: 'Time from the first byte of a request to its answer.',
    labelNames: ['deployment', 'revision'],
    buckets: latencyBuckets,
    registers: [register],
  })
  new Gauge({
    name: 'trainyard_serving_models_loaded',
    help: 'Revisions that can answer.',
    registers: [register],
    collect() {
      this.set(deployments().reduce((sum, { revisions }) => sum + revisions.length, 0))
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the model server.',
    registers: [register],
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  const series = new Map<string, Series>()

  return {
    observe({ deployment, revision, protocol, status, seconds }) {
      const key = `${deployment} ${revision} ${status} ${protocol}`
      let known = series.get(key)
      if (!known) {
        known = {
          count: requests.labels(deployment, revision, String(status), protocol),
          latency: latency.labels(deployment, revision),
        }
        series.set(key, known)
      }
      known.count.inc()
      known.latency.observe(seconds)
    },
    text: () => register.metrics(),
  }
}
