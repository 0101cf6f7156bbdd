import { platform, seconds, short, taskOf } from '../platform.ts'
import { ask } from '../traffic.ts'
import { until, type World } from '../world.ts'

/** Steps (18) to (25): the automated pipeline trains, the gate decides, delivery deploys, and the service answers. */
export async function production(world: World, { evening, city }: { evening: string; city: string }): Promise<void> {
  const { teller, project } = world
  const trainyard = platform(world)
  teller.chapter('D  Automated workflow pipeline')

  const { id } = await trainyard.start('training', { reason: 'The first model for production.' })
  const { tasks } = await trainyard.finished(id)
  const set = await trainyard.trainingSet(taskOf(tasks, 'training-set').outputs['rows']!.ref!)
  const version = await trainyard.version(taskOf(tasks, 'register').outputs['version']!.ref!)
  const { evaluation } = version

  await teller.step(18, 'Versioned features pulled', async () => [
    `${set.features.length} features of ${set.featureVersions.join(', ')} joined as of each label's instant: ${set.rows} rows (${set.id})`,
  ])
  await teller.step(19, 'Data prepared and validated', async () => [
    `contract of ${set.dataset} ${(await trainyard.dataset(set.dataset)).verdict}; ${(await trainyard.log(taskOf(tasks, 'split').id)).trim().split('\n').at(-1)!}`,
  ])
  await teller.step(20, 'Final training, parameters from (16)', async () => [
    `${JSON.stringify(taskOf(tasks, 'train').params)} in ${seconds(taskOf(tasks, 'train'))}`,
  ])
  await teller.step(21, 'Evaluation', async () => [
    `${evaluation.metric} ${evaluation.metrics[evaluation.metric]!.toFixed(4)} on ${evaluation.rows} later rows`,
    ...evaluation.gate.rules.map(
      rule => `${rule.passed ? '✓' : '✗'} ${rule.rule}: ${rule.measured}, required ${rule.required}`,
    ),
  ])
  await teller.step(22, 'Model exported', async () => [
    `ONNX, ${version.bytes} bytes, ${short(version.digest)}; ${version.signature.inputs.length} inputs → ${version.signature.outputs.map(output => output.name).join(', ')}`,
  ])
  await teller.step(23, 'Pushed to the registry', async () => [
    `${version.model} v${version.version} (${version.id}): code ${short(version.code)}, commit ${short(version.commit)}, environment ${version.environment ?? 'none'}, data ${version.trainingSet}`,
  ])

  await teller.step(24, 'Staging → production: continuous deployment', async () => {
    const deploy = await until('the deployment run', async () => (await trainyard.runs('deploy'))[0], world)
    const done = await trainyard.finished(deploy.id)
    const rehearsal = done.tasks.find(task => task.name === 'rehearse')
    const promoted = (await trainyard.version(version.id)).transitions.at(-1)!
    return [
      `${promoted.from} → ${promoted.to} by ${promoted.actor}: ${promoted.reason}`,
      `${done.tasks.map(task => task.name).join(' → ')} in ${seconds(done.run)}`,
      ...(rehearsal ? (await trainyard.log(rehearsal.id)).trim().split('\n').slice(-6) : []),
    ]
  })
  await teller.step(25, 'The service predicts with features from the online store', async () => {
    const answer = await ask(world, { deployment: project, city, at: Date.parse(`${evening}T23:59:00Z`) })
    const logged = await until(
      'the prediction in the log',
      async () => trainyard.prediction(answer.prediction).catch(() => undefined),
      world,
    )
    return [
      `POST ${(await trainyard.deployment(project)).url}/infer {"inputs": [], "parameters": {"entity": "${city}", …}}`,
      `probability ${answer.probability.toFixed(3)}, "${answer.advice}"; ${Object.keys(logged.features).length} features looked up, answered in ${logged.latencyMs.toFixed(2)} ms (${logged.id})`,
    ]
  })
}
