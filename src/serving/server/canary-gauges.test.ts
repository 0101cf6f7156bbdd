import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import type { WatchedCanary } from '../canaries-file.ts'
import { canaryGauges } from './canary-gauges.ts'

test('what canaries have shown is in the metrics, read once for each look, and gone when they are', async () => {
  const canary: WatchedCanary = {
    deployment: 'rain',
    revision: 'rev_2',
    verdict: 'reject',
    evidence: 5.5,
    slowEvidence: -1,
    burn: 14.5,
  }
  const answers: readonly WatchedCanary[][] = [[canary], []]
  let looks = 0
  const register = new Registry()
  canaryGauges(register, async () => answers[looks++]!)
  const lines = async () => (await register.metrics()).split('\n').filter(line => line !== '' && !line.startsWith('#'))

  const [during, after] = [await lines(), await lines()]

  const of = 'deployment="rain",revision="rev_2"'
  assert.deepEqual(
    { during, after: after.filter(line => line.includes('rain')), looks },
    {
      during: [
        `trainyard_serving_canary_llr{${of},guard="failures"} 5.5`,
        `trainyard_serving_canary_llr{${of},guard="slow"} -1`,
        `trainyard_serving_canary_burn_rate{${of}} 14.5`,
        `trainyard_serving_canary_state{${of},verdict="continue"} 0`,
        `trainyard_serving_canary_state{${of},verdict="reject"} 1`,
        `trainyard_serving_canary_state{${of},verdict="pass"} 0`,
      ],
      after: [],
      looks: 2,
    },
  )
})
