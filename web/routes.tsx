import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { pathOfHash } from './mlflow-address.ts'
import { Elsewhere } from './shell/elsewhere.tsx'
import { Failed, Loading, Lost } from './shell/lost.tsx'
import { Shell } from './shell/shell.tsx'

/**
 * Every path of the UI. A page is fetched when it is first opened, and takes what the path says as props.
 * What is chosen on a page (a task, a window, a filter) stands in the search part, so that a link shows the same.
 */

const root = createRootRoute({
  component: Shell,
  notFoundComponent: Lost,
  // Links that MLflow's clients print name their page after `#`.
  beforeLoad({ location }) {
    const href = pathOfHash(location.hash)
    // The router takes what is thrown for an answer, not for an error.
    // oxlint-disable-next-line typescript/only-throw-error
    if (href !== undefined) throw redirect({ href, replace: true })
  },
})

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/home-page.tsx'), 'HomePage'),
})

const project = createRoute({
  getParentRoute: () => root,
  path: '/p/$project',
  component: lazyRouteComponent(() => import('./pages/project-page.tsx'), 'ProjectPage'),
})
const code = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/code',
  component: lazyRouteComponent(() => import('./pages/code-page.tsx'), 'CodePage'),
})
const data = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/data',
  component: lazyRouteComponent(() => import('./pages/data-page.tsx'), 'DataPage'),
})
const source = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/data/$source',
  validateSearch: (search: Search): { version?: string } => only(search, 'version'),
  component: lazyRouteComponent(() => import('./pages/source-page.tsx'), 'SourcePage'),
})
const view = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/features/$view',
  component: lazyRouteComponent(() => import('./pages/feature-view-page.tsx'), 'FeatureViewPage'),
})
const pipelines = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/pipelines',
  validateSearch: (search: Search): { pipeline?: string; state?: string } => only(search, 'pipeline', 'state'),
  component: lazyRouteComponent(() => import('./pages/pipelines-page.tsx'), 'PipelinesPage'),
})
const run = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/runs/$run',
  validateSearch: (search: Search): { task?: string } => only(search, 'task'),
  component: lazyRouteComponent(() => import('./pages/run-page.tsx'), 'RunPage'),
})
const studies = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/tuning',
  component: lazyRouteComponent(() => import('./pages/studies-page.tsx'), 'StudiesPage'),
})
const study = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/tuning/$study',
  validateSearch: (search: Search): { brush?: string; order?: string } => only(search, 'brush', 'order'),
  component: lazyRouteComponent(() => import('./pages/study-page.tsx'), 'StudyPage'),
})
const models = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/models',
  component: lazyRouteComponent(() => import('./pages/models-page.tsx'), 'ModelsPage'),
})
const model = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/models/$model',
  component: lazyRouteComponent(() => import('./pages/model-page.tsx'), 'ModelPage'),
})
const version = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/versions/$version',
  component: lazyRouteComponent(() => import('./pages/model-version-page.tsx'), 'ModelVersionPage'),
})
const deployments = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/deployments',
  component: lazyRouteComponent(() => import('./pages/deployments-page.tsx'), 'DeploymentsPage'),
})
const deployment = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/deployments/$deployment',
  component: lazyRouteComponent(() => import('./pages/deployment-page.tsx'), 'DeploymentPage'),
})
const monitors = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/monitors',
  component: lazyRouteComponent(() => import('./pages/monitors-page.tsx'), 'MonitorsPage'),
})
const monitor = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/monitors/$deployment',
  validateSearch: (search: Search): { window?: string; signal?: string } => only(search, 'window', 'signal'),
  component: lazyRouteComponent(() => import('./pages/monitor-page.tsx'), 'MonitorPage'),
})
const inbox = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/inbox',
  component: lazyRouteComponent(() => import('./pages/inbox-page.tsx'), 'InboxPage'),
})
const notifications = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/notifications',
  validateSearch: (search: Search): { channel?: string; state?: string } => only(search, 'channel', 'state'),
  component: lazyRouteComponent(() => import('./pages/notifications-page.tsx'), 'NotificationsPage'),
})
const incident = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/incidents/$incident',
  component: lazyRouteComponent(() => import('./pages/incident-page.tsx'), 'IncidentPage'),
})
const lineage = createRoute({
  getParentRoute: () => root,
  path: '/lineage/$id',
  validateSearch: (search: Search): { direction?: string } => only(search, 'direction'),
  component: lazyRouteComponent(() => import('./pages/lineage-page.tsx'), 'LineagePage'),
})

const experiments = createRoute({
  getParentRoute: () => root,
  path: '/experiments',
  validateSearch: (search: Search): { view?: string } => only(search, 'view'),
  component: lazyRouteComponent(() => import('./pages/experiments-page.tsx'), 'ExperimentsPage'),
})
const comparison = createRoute({
  getParentRoute: () => root,
  path: '/experiments/compare',
  validateSearch: (search: Search): { runs?: string; step?: string; axis?: string; scale?: string } =>
    only(search, 'runs', 'step', 'axis', 'scale'),
  component: lazyRouteComponent(() => import('./pages/compare-page.tsx'), 'ComparePage'),
})
const experiment = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experiment',
  validateSearch: (search: Search): { filter?: string; order?: string; columns?: string; view?: string } =>
    only(search, 'filter', 'order', 'columns', 'view'),
  component: lazyRouteComponent(() => import('./pages/experiment-page.tsx'), 'ExperimentPage'),
})
const trackingRun = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experiment/runs/$run',
  validateSearch: (search: Search): { axis?: string; scale?: string; path?: string } =>
    only(search, 'axis', 'scale', 'path'),
  component: lazyRouteComponent(() => import('./pages/tracking-run-page.tsx'), 'TrackingRunPage'),
})
const registeredModels = createRoute({
  getParentRoute: () => root,
  path: '/models',
  validateSearch: (search: Search): { name?: string } => only(search, 'name'),
  component: lazyRouteComponent(() => import('./pages/registered-models-page.tsx'), 'RegisteredModelsPage'),
})
const registeredModel = createRoute({
  getParentRoute: () => root,
  path: '/models/$name',
  component: lazyRouteComponent(() => import('./pages/registered-model-page.tsx'), 'RegisteredModelPage'),
})
const registeredVersion = createRoute({
  getParentRoute: () => root,
  path: '/models/$name/versions/$version',
  component: lazyRouteComponent(() => import('./pages/registered-model-page.tsx'), 'RegisteredVersionPage'),
})

/** Stations of the loop that are part of another page: `/p/rain/runs` is an address that people guess and the API gives. */
const features = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/features',
  component: () => <Elsewhere page="data" />,
})
const runs = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/runs',
  component: () => <Elsewhere page="pipelines" />,
})
const feedback = createRoute({
  getParentRoute: () => root,
  path: '/p/$project/feedback',
  component: () => <Elsewhere page="inbox" />,
})

type Search = Record<string, unknown>

/** The named parts of a search that are text; others are dropped. */
function only<Name extends string>(search: Search, ...names: Name[]): { [Key in Name]?: string } {
  return Object.fromEntries(
    names.filter(name => typeof search[name] === 'string' && search[name] !== '').map(name => [name, search[name]]),
  ) as { [Key in Name]?: string }
}

const routeTree = root.addChildren([
  home,
  project,
  code,
  data,
  source,
  view,
  pipelines,
  run,
  studies,
  study,
  models,
  model,
  version,
  deployments,
  deployment,
  monitors,
  monitor,
  inbox,
  notifications,
  incident,
  lineage,
  experiments,
  comparison,
  experiment,
  trackingRun,
  registeredModels,
  registeredModel,
  registeredVersion,
  features,
  runs,
  feedback,
])

export const createUi = () =>
  createRouter({
    routeTree,
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultPendingComponent: Loading,
    defaultErrorComponent: Failed,
  })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createUi>
  }
}
