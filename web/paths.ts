/** Addresses inside the UI that are made from data: ids of the ledger, stations of the loop. Typed links use routes.tsx. */

const places: Readonly<Record<string, (id: string, project: string) => string>> = {
  run: (id, project) => `/p/${project}/runs/${id}`,
  mdv: (id, project) => `/p/${project}/versions/${id}`,
  inc: (id, project) => `/p/${project}/incidents/${id}`,
  prv: (_, project) => `/p/${project}`,
}

/** The page of a thing, by the prefix of its id; its lineage when it has no page of its own. */
export function pathOf(id: string, project: string): string {
  const place = places[id.slice(0, Math.max(0, id.indexOf('_')))]
  return place && project ? place(id, project) : lineagePath(id)
}

export const lineagePath = (id: string): string => `/lineage/${encodeURIComponent(id)}`
export const deploymentPath = (project: string, name: string): string => `/p/${project}/deployments/${name}`
export const monitorPath = (project: string, name: string): string => `/p/${project}/monitors/${name}`
export const sourcePath = (project: string, name: string): string => `/p/${project}/data/${name}`
export const viewPath = (project: string, name: string): string => `/p/${project}/features/${name}`
export const studyPath = (project: string, name: string): string => `/p/${project}/tuning/${name}`
export const experimentPath = (id: string): string => `/experiments/${encodeURIComponent(id)}`
export const trackingRunPath = (experiment: string, run: string): string =>
  `${experimentPath(experiment)}/runs/${encodeURIComponent(run)}`
export const comparePath = (runs: readonly string[]): string => `/experiments/compare?runs=${runs.join(',')}`
type Above = readonly (readonly [name: string, path: string])[]

/** The project of clients who name none is no page. */
export const aboveProject = (project: string): Above => (project === 'default' ? [] : [[project, `/p/${project}`]])
/** What lies above the pages of a model. */
export const aboveModels = (project: string): Above => [
  ...aboveProject(project),
  ['Models', project === 'default' ? '/models' : `/p/${project}/models`],
]
export const modelPath = (project: string, name: string): string => `/p/${project}/models/${encodeURIComponent(name)}`
