/** Routes of MLflow's own server that ours does not have, by how their paths begin, and why. */
export interface Unserved {
  /** Below `/api/` and `/ajax-api/`, or the whole path; one that ends in `$` is meant as it is. */
  readonly paths: readonly string[]
  readonly reason: string
}

export const unserved: readonly Unserved[] = [
  {
    paths: ['/$', '/build/', '/static-files/', '/signup', '/graphql', '2.0/mlflow/users/create-ui'],
    reason: "MLflow's own pages and what only they ask; ours have their own.",
  },
  {
    paths: [
      '3.0/mlflow/assistant/',
      '3.0/mlflow/demo/',
      '3.0/mlflow/ui-telemetry',
      '2.0/mlflow/runs/create-promptlab-run',
      '2.0/mlflow/get-online-trace-details',
      '2.0/mlflow/unified-traces',
    ],
    reason: "Helpers of MLflow's pages, or of another vendor's store; no client calls them.",
  },
  {
    paths: ['2.0mlflow/experiments/search-datasets'],
    reason: "A slash is missing in MLflow's own table; its clients call the path with the slash, which is served.",
  },
  {
    paths: [
      '/gateway/',
      '2.0/mlflow/gateway-proxy',
      '3.0/mlflow/gateway/',
      '3.0/mlflow/scorer/invoke',
      '3.0/mlflow/scorers/online-config$',
      '3.0/mlflow/genai/evaluate/invoke',
      '3.0/mlflow/issues/invoke',
      '3.0/mlflow/prompt-optimization/',
      '3.0/jobs/',
      '3.0/mlflow/jobs/',
    ],
    reason:
      "Calls language models in the server's name, or runs code of users in it: no user code runs in this server.",
  },
  {
    paths: ['2.0/mlflow/artifacts/presigned-'],
    reason: 'Goes around the proxy to a store of objects; the proxy here is the store, and streams.',
  },
  {
    paths: ['3.0/mlflow/workspaces'],
    reason: 'Off by default in MLflow too (server-info says so). Projects are made by their project file.',
  },
  {
    paths: ['3.0/mlflow/roles/', '3.0/mlflow/users/roles/'],
    reason: 'Roles of one’s own: here are viewer, editor and admin, in a project or in all; docs/access.md.',
  },
  {
    paths: ['3.0/mlflow/users/current/permissions', '3.0/mlflow/users/permissions/list'],
    reason: "Lists for MLflow's pages of members; its client asks for one permission by name, which is served.",
  },
  {
    paths: ['3.0/mlflow/issues', '3.0/mlflow/label-schemas/', '3.0/mlflow/review-queues/', '3.0/mlflow/mcp-servers'],
    reason: "Not here yet: MLflow's own work of reviewers on traces, and its register of MCP servers.",
  },
]
