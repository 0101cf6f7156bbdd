/**
 * Counts requests and their latencies, as prom-client exports them: its own counters look up every label for each request,
 * which takes longer than to bind the inputs.
 */
export interface RequestTally {
  /** A request for predictions begins; `observe` ends it. */
  begin(): void
  observe(request: Observed): void
  /** Counts a request of which its status alone is known. */
  refuse(status: number): void
  /** A counter and a histogram, as JSON. */
  read(): object[]
}

export interface Observed {
  readonly deployment: string
  readonly revision: string
  /** `v2`, `grpc` … */
  readonly protocol: string
  readonly status: number
  readonly seconds: number
}

/** Upper bounds of the buckets, in seconds; what is above them all is only in the count. */
export const latencyBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

interface Latencies {
  readonly labels: Readonly<Record<string, string>>
  count: number
  sum: number
  /** Of each bucket alone. */
  readonly counts: number[]
}

interface Series {
  readonly labels: Readonly<Record<string, string>>
  count: number
  readonly latencies: Latencies | undefined
}

export function createRequestTally(): RequestTally {
  const all = new Map<string, Series>()
  const timed = new Map<string, Latencies>()

  function latenciesOf(deployment: string, revision: string): Latencies {
    const key = `${deployment} ${revision}`
    let found = timed.get(key)
    if (!found) {
      found = { labels: { deployment, revision }, count: 0, sum: 0, counts: latencyBounds.map(() => 0) }
      timed.set(key, found)
    }
    return found
  }

  function seriesOf({ deployment, revision, status, protocol }: Omit<Observed, 'seconds'>, isTimed: boolean): Series {
    const key = `${deployment} ${revision} ${status} ${protocol}`
    let found = all.get(key)
    if (!found) {
      const labels = { deployment, revision, code: String(status), protocol }
      found = { labels, count: 0, latencies: isTimed ? latenciesOf(deployment, revision) : undefined }
      all.set(key, found)
    }
    return found
  }

  let inFlight = 0

  return {
    begin: () => void inFlight++,
    observe(request) {
      inFlight--
      const series = seriesOf(request, true)
      series.count++
      addTo(series.latencies!, request.seconds)
    },
    refuse: status => void seriesOf({ deployment: '', revision: '', status, protocol: '' }, false).count++,
    read: () => [
      {
        name: 'trainyard_serving_requests_total',
        help: 'Requests answered.',
        type: 'counter',
        aggregator: 'sum',
        values: [...all.values()].map(({ labels, count }) => ({ labels, value: count })),
      },
      {
        name: 'trainyard_serving_inflight',
        help: 'Requests for predictions that have begun and are not answered.',
        type: 'gauge',
        aggregator: 'sum',
        values: [{ labels: {}, value: inFlight }],
      },
      {
        name: histogram,
        help: 'Time from the first byte of a request to its answer.',
        type: 'histogram',
        aggregator: 'sum',
        values: [...timed.values()].flatMap(bucketsOf),
      },
    ],
  }
}

const histogram = 'trainyard_serving_request_seconds'

function addTo(latencies: Latencies, seconds: number): void {
  latencies.count++
  latencies.sum += seconds
  for (let index = 0; index < latencyBounds.length; index++)
    if (seconds <= latencyBounds[index]!) return void latencies.counts[index]!++
}

/** Prometheus' buckets have what is below them in them. */
function bucketsOf({ labels, count, sum, counts }: Latencies): object[] {
  let below = 0
  const buckets = latencyBounds.map((le, index) => ({
    metricName: `${histogram}_bucket`,
    labels: { le, ...labels },
    value: (below += counts[index]!),
  }))
  return [
    ...buckets,
    { metricName: `${histogram}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${histogram}_sum`, labels, value: sum },
    { metricName: `${histogram}_count`, labels, value: count },
  ]
}
