import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crashPoint } from '#kernel/crash-point.ts'
import { digestOfJson } from '#kernel/digest.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { DatasetVersion } from '#data'
import type { ProjectFile, Revision } from '#project'
import { temporary, type FeatureDeps } from './compute.ts'
import { featureColumns, type FeatureVersion, type TrainingSet } from './feature-version.ts'
import { joinRows } from './joined-rows.ts'
import { askedRows } from './label-rows.ts'
import { planRequest } from './request-plan.ts'
import { readRequestRules, resolveDeclared } from './resolve-service.ts'
import { readRules, recordRules, unfit, type Rules } from './rules.ts'
import { keyOf, serviceFeatures, type ServiceView } from './service.ts'

export interface Joining {
  readonly revision: Revision
  readonly service: string
  readonly label: string
  readonly dataset: DatasetVersion
  /** A version of each view of the service. */
  readonly versions: readonly FeatureVersion[]
  readonly run?: string | undefined
  readonly signal: AbortSignal
}

export interface Joined {
  readonly set: TrainingSet
  /** Rows of the label without a label: not known yet. */
  readonly unlabelled: number
  /** Rows for which no view had a row in time: a model could not have been asked either. */
  readonly featureless: number
}

/**
 * Joins the label's rows with the features as they were known at each row's event time. The same recipe is the same
 * training set. Throws `invalid` when the label's file is refused by DuckDB, asks one key twice at the same time, or has a
 * label that the objective's task cannot learn.
 */
export async function makeTrainingSet(deps: FeatureDeps, joining: Joining): Promise<Joined> {
  const { store, blobs, projects } = deps
  const { revision, dataset, versions, signal } = joining
  const declared = labelOf(revision.spec, joining.label, dataset)
  const rules = await readRules(projects, revision, declared.sql)
  const requestRules = await readRequestRules(projects, revision, joining.service)
  const service = serviceOf(revision.spec, joining, requestRules)
  const plan = planRequest(service)
  const folder = await temporary(deps.workFolder)
  try {
    const { entityKey: key, requests } = service
    const carried = plan?.columns ?? []
    const asked = await askedRows(deps, { dataset, spec: revision.spec, rules, key, carried, folder, signal })
    const path = join(folder, 'rows.parquet')
    const counts = await joinRows(deps, { asked: asked.path, service, plan, versions, folder, path, signal })
    if (counts.rows === 0)
      throw unfit(declared.sql, '*', 'at least one row with a label and with features known by then')
    const { digest } = await blobs.putFile(path)
    crashPoint('features.joined')
    const recipe = digestOfJson({
      service,
      label: rules.digest,
      dataset: dataset.id,
      versions: versions.map(version => version.id),
    })
    const draft: TrainingSet = {
      id: newId<'training_set'>('trs'),
      project: revision.project,
      service: joining.service,
      label: joining.label,
      digest,
      features: serviceFeatures(service).map(feature => feature.name),
      ...(requests && { requests }),
      dataset: dataset.id,
      featureVersions: versions.map(version => version.id),
      rows: counts.rows,
      ...(joining.run === undefined ? {} : { run: joining.run }),
      createdAt: deps.clock.now(),
    }
    const set = await store.transaction(async tx => {
      const kept = await store.addTrainingSet(tx, draft, recipe)
      if (kept.added) await record(deps, tx, { set: draft, rules: [rules, ...requestRules.values()] })
      return kept.set
    })
    return { set, unlabelled: asked.unlabelled, featureless: counts.featureless }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function labelOf({ name, labels }: ProjectFile, label: string, dataset: DatasetVersion): ProjectFile['labels'][string] {
  const declared = labels[label]
  if (!declared) throw notFound('label', `${name}/${label}`)
  if (declared.source === dataset.source) return declared
  throw invalid(`Label ${label} is computed from another source.`, [
    { field: 'inputs.dataset', value: dataset.source, allowed: `a version of ${declared.source}` },
  ])
}

function serviceOf(spec: ProjectFile, { service, versions }: Joining, rules: ReadonlyMap<string, Rules>): ServiceView {
  const columnsOf = (view: string): FeatureVersion['columns'] => {
    const version = versions.find(each => each.view === view)
    if (version) return featureColumns(version, keyOf(spec, view))
    const given = versions.map(each => each.view).join(', ') || 'none'
    throw invalid(`Service ${service} needs features that the task was not given.`, [
      { field: 'inputs', value: given, allowed: `a feature version of ${view}` },
    ])
  }
  return resolveDeclared(spec, service, { columnsOf, rulesOf: view => rules.get(view)! })
}

type Tx = Parameters<typeof recordRules>[1]

async function record(
  { ledger }: FeatureDeps,
  tx: Tx,
  { set, rules }: { set: TrainingSet; rules: readonly Rules[] },
): Promise<void> {
  const { id, project, service, label, digest, rows } = set
  await ledger.record(tx, {
    id,
    kind: 'training_set',
    label: `${service} for ${label}`,
    project,
    facts: { digest, rows, service, label },
  })
  await recordRules(ledger, tx, { project, to: id, rules })
  for (const version of set.featureVersions) await ledger.link(tx, { from: id, to: version, relation: 'joined from' })
  await ledger.link(tx, { from: id, to: set.dataset, relation: 'labelled from' })
}
