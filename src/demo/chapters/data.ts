import { platform, seconds, short, taskOf, type DatasetVersion, type Run } from '../platform.ts'
import { csvUntil } from '../weather.ts'
import { until, type World } from '../world.ts'

const source = 'weather'

/** Uploads the weather known on the evening of a day, and waits until the features of that evening are online. */
export async function refresh(
  world: World,
  { evening, cities }: { evening: string; cities: readonly string[] },
): Promise<{ dataset: DatasetVersion; run: Run }> {
  const trainyard = platform(world)
  const { digest } = await trainyard.upload(source, csvUntil(world.weather, evening, cities))
  const dataset = await until(
    `the data of ${evening}`,
    async () => (await trainyard.datasets(source)).find(version => version.raw === digest && version.run !== undefined),
    world,
  )
  const { run } = await trainyard.finished(dataset.run!)
  return { dataset, run }
}

/** Steps (5) to (12): raw data arrives, is understood, and becomes features, offline and online. */
export async function featurePipeline(
  world: World,
  { evening, cities }: { evening: string; cities: readonly string[] },
): Promise<void> {
  const { teller } = world
  const trainyard = platform(world)
  teller.chapter('B  Requirements and feature pipeline')

  const { dataset, run } = await refresh(world, { evening, cities })
  const { tasks } = await trainyard.run(run.id)
  const view = (await trainyard.views())[0]!
  const features = view.latest!

  await teller.step(5, 'Raw data located and understood', async () => [
    `${dataset.rows} rows, ${dataset.columns.length} columns: ${dataset.columns.map(column => `${column.name} ${column.type}`).join(', ')}`,
    ...dataset.columns
      .filter(column => column.type === 'number' && column.mean !== undefined)
      .map(
        ({ name, min, max, mean, missing }) =>
          `${name}: ${min} to ${max}, mean ${mean!.toFixed(2)}, ${missing} missing`,
      ),
    `contract: ${dataset.verdict}`,
  ])
  await teller.step(6, 'Transformation rules', async () => [
    `features/transform.sql, artifact ${short(features.transform)}`,
  ])
  await teller.step(7, 'Feature-engineering rules', async () => [
    `features/engineer.sql, artifact ${short(features.engineer)}`,
  ])
  await teller.step(8, 'Connected to the raw data', async () => [
    `${dataset.origin}: the run's cause is "${run.cause.reason}"`,
  ])
  await teller.step(9, 'Data extracted', async () => [
    `${taskOf(tasks, 'ingest').name} took ${seconds(taskOf(tasks, 'ingest'))}: raw bytes ${short(dataset.raw)} → dataset ${dataset.source} v${dataset.version} (${short(dataset.digest)})`,
  ])
  await teller.step(10, 'Preprocessed by the rules of (6)', async () => [
    `rules ${short(features.transform)} on ${features.dataset}, checked first: ${taskOf(tasks, 'validate').state}`,
  ])
  await teller.step(11, 'Features engineered by the rules of (7)', async () => [
    `${features.columns.length} columns, ${features.rows} rows: ${features.id} (${short(features.digest)})`,
  ])
  await teller.step(12, 'Ingested into the feature store', async () => [
    `offline: Parquet ${short(features.digest)}; online: ${view.onlineRows} rows up to ${new Date(view.onlineTo!).toISOString()}`,
  ])
}
