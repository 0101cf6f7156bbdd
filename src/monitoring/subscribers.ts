import { contractBroken, contractKept } from '#data'
import { deployed, predictionsLogged, trafficChanged } from '#serving'
import { on, type Outbox } from '#storage'
import { runFinished, type Workflow } from '#workflow'
import { truthReceived, windowEvaluated } from './events.ts'
import type { Monitoring } from './monitoring.ts'
import { evaluateTask } from './windows.ts'

/** Ties monitoring to what it watches: nothing of it is ever configured by hand. */
export function subscribeMonitoring(outbox: Pick<Outbox, 'subscribe'>, monitoring: Monitoring): void {
  // One subscriber, so that a deployment is known before its first prediction is counted.
  outbox.subscribe('monitoring.deployments', [
    on(deployed, ({ data, project }) => monitoring.create({ ...data, project: project! })),
    on(trafficChanged, ({ data }) => monitoring.setLive(data.deployment, data.weights)),
    on(predictionsLogged, ({ data, seq }) => monitoring.predictionsLogged({ ...data, event: seq })),
    on(truthReceived, ({ data }) => monitoring.judgeAgain(data.deployment)),
    // Truth that came while a window was being judged found no judgement to mend.
    on(windowEvaluated, ({ data }) => monitoring.judgeAgain(data.deployment)),
  ])
  outbox.subscribe('monitoring.feedback', [
    on(
      contractBroken,
      async ({ data, project }) => void (await monitoring.openContractIncident({ ...data, project: project! })),
    ),
    on(contractKept, ({ data, project }) => monitoring.contractKept({ ...data, project: project! })),
    on(runFinished, ({ data }) => monitoring.runFinished(data.run)),
  ])
}

/** Gives the workflow engine the task that judges a window. */
export const provideMonitoring = (workflow: Pick<Workflow, 'provide'>, monitoring: Monitoring): void =>
  workflow.provide(evaluateTask, call => monitoring.evaluate(call))
