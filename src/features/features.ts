import type { Millis } from '#kernel/clock.ts'
import { conflict, notFound } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { featureColumns, type FeatureVersion, type FeatureViewState, type TrainingSet } from './feature-version.ts'
import type { FeatureDeps } from './compute.ts'
import type { OnlineRow, OnlineStore } from './online-store.ts'
import { readRequestRules, resolveDeclared } from './resolve-service.ts'
import { joinViews, keyOf, type ServiceView } from './service.ts'

/** The paper's feature store (C4): features with the rules that make them, offline by version and online by key. */
export interface Features {
  /** The views that the project declares now. */
  views(project: string): Promise<readonly FeatureViewState[]>
  /** Throws `not_found`. */
  version(id: string): Promise<FeatureVersion>
  /** Newest first. */
  versions(project: string, view: string, page: PageRequest): Promise<Page<FeatureVersion>>
  /** Of all views, also of those that the project declares no more, in the order of their ids. */
  versionsOfProject(project: string, page: PageRequest): Promise<Page<FeatureVersion>>
  /** Throws `not_found`. */
  trainingSet(id: string): Promise<TrainingSet>
  /** In the order of their ids. */
  trainingSets(project: string, page: PageRequest): Promise<Page<TrainingSet>>
  /** The features of a service for each key, in their order, as of an instant; as of now without one. */
  readOnline(request: {
    project: string
    service: string
    keys: readonly string[]
    at?: Millis | undefined
  }): Promise<OnlineRow[]>
  /**
   * Which features the service has and where they are looked up, by the newest version of each view. Throws `not_found`
   * for an unknown service, `conflict` when a view was never computed. What is computed of requests is what the project
   * says now; for a model that was made of a training set, what was said then.
   */
  resolveService(project: string, service: string, trainingSet?: string): Promise<ServiceView>
}

export function createFeatures(deps: FeatureDeps): Features {
  const { store, online, projects } = deps

  async function resolveService(project: string, service: string, trainingSet?: string): Promise<ServiceView> {
    const revision = await projects.current(project)
    const { spec } = revision
    const columns = new Map<string, FeatureVersion['columns']>()
    for (const view of Object.keys(spec.features)) {
      const latest = await store.latest(project, view)
      if (latest) columns.set(view, featureColumns(latest, keyOf(spec, view)))
    }
    const columnsOf = (view: string): FeatureVersion['columns'] => {
      const found = columns.get(view)
      if (!found)
        throw conflict(`Feature view ${view} was never computed: run a pipeline that does.`, { project, view })
      return found
    }
    const rules = await readRequestRules(projects, revision, service)
    const resolved = resolveDeclared(spec, service, { columnsOf, rulesOf: view => rules.get(view)! })
    const set = trainingSet === undefined ? undefined : await store.findTrainingSet(trainingSet as TrainingSet['id'])
    return set?.requests && set.service === service ? { ...resolved, requests: set.requests } : resolved
  }

  return {
    async views(project) {
      const { spec } = await projects.current(project)
      const states = []
      for (const [name, { entity, source }] of Object.entries(spec.features)) {
        const [latest, state] = [await store.latest(project, name), await online.state({ project, view: name })]
        const there = state ? { onlineTo: state.to } : {}
        states.push({
          project,
          name,
          entity,
          key: keyOf(spec, name),
          source,
          ...(latest ? { latest } : {}),
          ...there,
          onlineRows: state?.rows ?? 0,
        })
      }
      return states
    },

    async version(id) {
      const found = await store.find(id as FeatureVersion['id'])
      if (!found) throw notFound('feature version', id)
      return found
    },

    versions: (project, view, page) => store.versions(project, view, page),
    versionsOfProject: (project, page) => store.ofProject(project, page),
    trainingSets: (project, page) => store.trainingSets(project, page),

    async trainingSet(id) {
      const found = await store.findTrainingSet(id as TrainingSet['id'])
      if (!found) throw notFound('training set', id)
      return found
    },

    readOnline: async ({ project, service, keys, at = deps.clock.now() }) =>
      readService(online, { project, service: await resolveService(project, service), keys, at }),

    resolveService,
  }
}

/** Reads a service from the online store: one statement for each of its views. */
export async function readService(
  online: Pick<OnlineStore, 'read'>,
  { project, service, keys, at }: { project: string; service: ServiceView; keys: readonly string[]; at: Millis },
): Promise<OnlineRow[]> {
  const parts = []
  for (const { view, maxAgeMs } of service.views) parts.push(await online.read({ project, view, keys, at, maxAgeMs }))
  return joinViews(service, keys, parts)
}
