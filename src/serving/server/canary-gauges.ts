import { Gauge, type Registry } from 'prom-client'
import { canaryVerdicts, type WatchedCanary } from '../canaries-file.ts'
import { burnRateMax } from '../error-budget.ts'

interface CanaryGauge {
  readonly name: string
  readonly help: string
  /** Beside deployment and revision. */
  readonly label?: string
  /** By value of that label, or the only one. */
  values(canary: WatchedCanary): Readonly<Record<string, number>>
}

const gauges: readonly CanaryGauge[] = [
  {
    name: 'trainyard_serving_canary_llr',
    help: 'Evidence against a canary, by guard: log-likelihood ratio of its sequential test in nats. 5.25 rejects it, -2.99 lets it pass.',
    label: 'guard',
    values: ({ evidence, slowEvidence }) => ({ failures: evidence, slow: slowEvidence }),
  },
  {
    name: 'trainyard_serving_canary_burn_rate',
    help: `How many times as fast as it lasts a deployment with a canary spends its error budget, over an hour and five minutes. ${burnRateMax} rejects the canary.`,
    values: ({ burn }) => ({ '': burn }),
  },
  {
    name: 'trainyard_serving_canary_state',
    help: 'What the guards say of a canary: 1 for what it is of continue, reject and pass.',
    label: 'verdict',
    values: ({ verdict: said }) =>
      Object.fromEntries(canaryVerdicts.map(verdict => [verdict, Number(verdict === said)])),
  },
]

/** What the control plane has found of canaries. All processes say the same, and it is said once. */
export function canaryGauges(register: Registry, canaries: () => Promise<readonly WatchedCanary[]>): void {
  let reading: Promise<readonly WatchedCanary[]> | undefined
  /** All metrics are collected at the same time: one look at the file for all of them. */
  const known = () => (reading ??= canaries().finally(() => (reading = undefined)))
  for (const { name, help, label, values } of gauges) {
    const labelNames = ['deployment', 'revision', ...(label === undefined ? [] : [label])]
    new Gauge({
      name,
      help,
      labelNames,
      aggregator: 'first',
      registers: [register],
      async collect() {
        const found = await known()
        this.reset()
        for (const canary of found)
          for (const [key, value] of Object.entries(values(canary)))
            this.labels({
              deployment: canary.deployment,
              revision: canary.revision,
              ...(label !== undefined && { [label]: key }),
            }).set(value)
      },
    })
  }
}
