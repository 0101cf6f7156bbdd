import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { engineContract } from '../../src/compute/engine.contract.ts'
import { executorContract } from '../../src/compute/executor.contract.ts'
import { nameOf } from '../../src/compute/kubernetes-job.ts'
import { kubernetesEngine } from '../../src/compute/kubernetes.ts'
import { distributes } from './distributed.ts'
import { openStandIn, type StandIn } from './kubernetes-stand-in.ts'
import { untilTrue } from './programs.ts'
import { openRemoteBed } from './remote-bed.ts'

/**
 * A real cluster where there is one: KUBECONFIG names it, TRAINYARD_TEST_IMAGE an image by digest with Python 3 and a shell,
 * TRAINYARD_TEST_NODE_HOST the address at which its pods reach this machine.
 */
const { KUBECONFIG: kubeconfig, TRAINYARD_TEST_IMAGE: realImage, TRAINYARD_TEST_NODE_HOST: host } = process.env
const missing =
  kubeconfig && realImage && host
    ? false
    : 'KUBECONFIG, TRAINYARD_TEST_IMAGE and TRAINYARD_TEST_NODE_HOST name no cluster'
if (missing) test('Kubernetes itself', { skip: missing }, () => {})
else {
  const namespace = process.env['TRAINYARD_TEST_NAMESPACE'] ?? 'default'
  const openReal = async () => {
    const bed = await openRemoteBed(kubernetesEngine({ kubeconfig, namespace, now: Date.now }), {
      host: host!,
      image: realImage!,
    })
    after(() => bed.stop())
    return bed
  }
  executorContract('executor over kubernetes', openReal)
  distributes('kubernetes', openReal)
}

const opened = openStandIn()
after(async () => (await opened).stop())
const image = `python@sha256:${'0'.repeat(64)}`
const engineOf = ({ kubeconfig, namespace }: StandIn) => kubernetesEngine({ kubeconfig, namespace, now: Date.now })

engineContract('kubernetes (stand-in)', async () => {
  const standIn = await opened
  return {
    engine: engineOf(standIn),
    image,
    away: standIn.away,
    back: standIn.back,
    killed: { signal: 9, cause: 'exit' },
    tooMuch: { memoryBytes: 2 ** 40 },
  }
})

const open = async () => {
  const bed = await openRemoteBed(engineOf(await opened), { image })
  after(() => bed.stop())
  return bed
}
executorContract('executor over kubernetes (stand-in)', open)
distributes('kubernetes (stand-in)', open)

test(
  'a pod that is evicted takes its task with it, which is not the task’s failure',
  { timeout: 400_000 },
  async () => {
    const bed = await open()
    const one = await bed.attempt({ run: 'echo begun; sleep 600' })
    const execution = bed.executor().execute(one)
    const failed = assert.rejects(execution, { detail: { cause: { kind: 'preempted' } } })
    await untilTrue('it begins', async () => one.lines.includes('begun'))
    await (await opened).evict(nameOf(one.id))

    await failed
    await untilTrue('nothing is left', async () => (await opened).running().length === 0)
  },
)
