import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricsText } from './metrics.ts'
import { createRequestTally } from './request-tally.ts'

test('requests of several processes are counted by what they met, and their latencies lie in buckets', async () => {
  const [one, other] = [createRequestTally(), createRequestTally()]
  const request = { deployment: 'rain', revision: 'rev_1', protocol: 'v2', status: 200 }
  for (const each of [one, one, one, other, other]) each.begin()
  one.observe({ ...request, seconds: 0.0005 })
  one.observe({ ...request, seconds: 0.3 })
  other.observe({ ...request, seconds: 7 })
  other.observe({ ...request, status: 503, seconds: 0.0007 })
  other.refuse(413)

  const lines = (await metricsText([one.read(), other.read()])).split('\n')

  assert.deepEqual(
    lines.filter(line => line !== '' && !line.startsWith('# HELP')),
    [
      '# TYPE trainyard_serving_requests_total counter',
      'trainyard_serving_requests_total{deployment="rain",revision="rev_1",code="200",protocol="v2"} 3',
      'trainyard_serving_requests_total{deployment="rain",revision="rev_1",code="503",protocol="v2"} 1',
      'trainyard_serving_requests_total{deployment="",revision="",code="413",protocol=""} 1',
      '# TYPE trainyard_serving_inflight gauge',
      'trainyard_serving_inflight 1',
      '# TYPE trainyard_serving_request_seconds histogram',
      ...[
        ['0.0005', 1],
        ['0.001', 2],
        ['0.0025', 2],
        ['0.005', 2],
        ['0.01', 2],
        ['0.025', 2],
        ['0.05', 2],
        ['0.1', 2],
        ['0.25', 2],
        ['0.5', 3],
        ['1', 3],
        ['2.5', 3],
        ['+Inf', 4],
      ].map(
        ([le, count]) =>
          `trainyard_serving_request_seconds_bucket{le="${le}",deployment="rain",revision="rev_1"} ${count}`,
      ),
      'trainyard_serving_request_seconds_sum{deployment="rain",revision="rev_1"} 7.3012',
      'trainyard_serving_request_seconds_count{deployment="rain",revision="rev_1"} 4',
    ],
  )
})
