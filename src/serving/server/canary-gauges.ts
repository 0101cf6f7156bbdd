import { Gauge, type Registry } from 'prom-client'
import type { WatchedCanary } from '../canaries-file.ts'

/** What the control plane has found of canaries. All processes say the same, and it is said once. */
export function canaryGauges(register: Registry, canaries: () => Promise<readonly WatchedCanary[]>): void {
  const common = { aggregator: 'first' as const, registers: [register] }
  new Gauge({
    ...common,
    name: 'trainyard_serving_canary_llr',
    help: 'Evidence against a canary, by guard: log-likelihood ratio of its sequential test in nats. 5.25 rejects it, -2.99 lets it pass.',
    labelNames: ['deployment', 'revision', 'guard'],
    async collect() {
      const known = await canaries()
      this.reset()
      for (const { deployment, revision, evidence, slowEvidence } of known) {
        this.labels(deployment, revision, 'failures').set(evidence)
        this.labels(deployment, revision, 'slow').set(slowEvidence)
      }
    },
  })
  new Gauge({
    ...common,
    name: 'trainyard_serving_canary_burn_rate',
    help: 'How many times as fast as it lasts a deployment with a canary spends its error budget, over an hour and five minutes. 14.4 rejects the canary.',
    labelNames: ['deployment', 'revision'],
    async collect() {
      const known = await canaries()
      this.reset()
      for (const { deployment, revision, burn } of known) this.labels(deployment, revision).set(burn)
    },
  })
  new Gauge({
    ...common,
    name: 'trainyard_serving_canary_state',
    help: 'What the guards say of a canary: 1 for what it is of continue, reject and pass.',
    labelNames: ['deployment', 'revision', 'verdict'],
    async collect() {
      const known = await canaries()
      this.reset()
      for (const { deployment, revision, verdict: said } of known)
        for (const verdict of ['continue', 'reject', 'pass'])
          this.labels(deployment, revision, verdict).set(Number(said === verdict))
    },
  })
}
