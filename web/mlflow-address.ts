/**
 * Where an address leads that MLflow's clients print after `#`: `/experiments/5/runs/<id>`, `/models/<name>/versions/3`.
 * Undefined for any other.
 */
export function pathOfHash(hash: string): string | undefined {
  const [place = '', search = ''] = hash.replace(/^#/, '').split('?', 2)
  const [root, ...rest] = place.split('/').slice(1)
  if (root === 'experiments') return experimentPlace(rest)
  if (root === 'models') return modelPlace(rest)
  if (root === 'compare-runs') return `/experiments/compare?runs=${namesOf(search, 'runs').join(',')}`
  return undefined
}

function experimentPlace([experiment, kind, id]: readonly string[]): string {
  if (!experiment) return '/experiments'
  return kind === 'runs' && id ? `/experiments/${experiment}/runs/${id}` : `/experiments/${experiment}`
}

function modelPlace([name, kind, version]: readonly string[]): string {
  if (!name) return '/models'
  return kind === 'versions' && version ? `/models/${name}/versions/${version}` : `/models/${name}`
}

/** A list as MLflow's own pages write it: JSON. */
function namesOf(search: string, field: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(new URLSearchParams(search).get(field) ?? '[]')
    return Array.isArray(names) ? names.filter(name => typeof name === 'string' && /^\w+$/.test(name)) : []
  } catch {
    return []
  }
}
