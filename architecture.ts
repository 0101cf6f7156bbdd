/**
 * Who may know whom: a component may import the doors on its line, the kernel and statistics; a line may only name
 * lines above it. oxlint.config.ts and test/architecture.test.ts read this table. The order is that of provenance:
 * a prediction knows its version, a version its run, a run its data. What flows back is an event, handled in
 * delivery/ or in loop.ts.
 */
export const mayKnow: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  statistics: [],
  storage: [],
  search: ['storage'],
  http: [],
  outbound: ['storage'],
  secrets: ['storage', 'http'],
  access: ['storage', 'http'],
  project: ['storage', 'http', 'secrets'],
  metadata: ['storage', 'http'],
  tracking: ['storage', 'search', 'http', 'metadata'],
  traces: ['storage', 'search', 'http', 'metadata', 'tracking'],
  source: ['storage', 'http', 'metadata'],
  workflow: ['storage', 'http', 'secrets', 'project', 'metadata', 'tracking'],
  compute: ['storage', 'http', 'project', 'metadata', 'tracking', 'workflow'],
  tuning: ['storage', 'http', 'project', 'metadata', 'tracking', 'workflow'],
  data: ['storage', 'http', 'secrets', 'project', 'metadata', 'workflow'],
  features: ['storage', 'http', 'project', 'metadata', 'workflow', 'data'],
  registry: ['storage', 'search', 'http', 'outbound', 'secrets', 'project', 'metadata', 'tracking', 'workflow'],
  assurance: ['storage', 'http', 'access', 'project', 'metadata', 'tracking', 'workflow', 'registry'],
  serving: [
    'storage',
    'http',
    'outbound',
    'secrets',
    'project',
    'metadata',
    'workflow',
    'compute',
    'data',
    'features',
    'registry',
  ],
  monitoring: ['storage', 'http', 'project', 'metadata', 'workflow', 'data', 'features', 'registry', 'serving'],
  delivery: [
    'storage',
    'http',
    'project',
    'metadata',
    'source',
    'workflow',
    'compute',
    'features',
    'registry',
    'serving',
  ],
  notifications: [
    'storage',
    'http',
    'outbound',
    'secrets',
    'project',
    'workflow',
    'registry',
    'monitoring',
    'delivery',
  ],
  mlflow: ['storage', 'search', 'http', 'access', 'project', 'metadata', 'tracking', 'traces', 'registry'],
  exchange: ['storage', 'tracking', 'traces'],
}

/** Known to every component without being named above. */
export const common: readonly string[] = ['kernel', 'statistics']
