import type { Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'

/** Names of columns that rows have for themselves. */
const taken = ['event_time', 'label', 'known_at']

/** What is wrong between services, and request views, and the views that they name. */
export function serviceProblems(file: ProjectFile, report: Report): void {
  const { features, requestFeatures = {}, services } = file
  for (const name of Object.keys(requestFeatures)) requestViewProblems(file, name, report)
  for (const [name, service] of Object.entries(services)) {
    const path = ['services', name, 'features']
    oneEntity({ ...features, ...requestFeatures }, service.features, path, report)
  }
}

function requestViewProblems({ features, requestFeatures, entities }: ProjectFile, name: string, report: Report): void {
  const { entity, columns, features: looked } = requestFeatures![name]!
  const path = ['requestFeatures', name]
  if (Object.hasOwn(features, name)) report(path, name, 'a name that no feature view has: services name both')
  const isKnown = declared(entities, entity, [...path, 'entity'], report)
  const reserved = isKnown ? [...taken, entities[entity]!.key] : taken
  for (const column of Object.keys(columns).filter(each => reserved.includes(each)))
    report([...path, 'columns', column], column, `another name: ${reserved.join(', ')} are there anyway`)
  const own = oneEntity(features, looked, [...path, 'features'], report)
  if (isKnown && own !== undefined && own !== entity)
    report([...path, 'features'], looked, `views of ${entity}; these are of ${own}`)
}

/** The entity of views that are named; a problem when they are of several, and none when they are of none. */
function oneEntity(
  views: Readonly<Record<string, { readonly entity: string }>>,
  references: readonly string[],
  path: Path,
  report: Report,
): string | undefined {
  const names = references.map(reference => reference.split(':')[0]!)
  const known = names.filter((view, index) => declared(views, view, [...path, index], report))
  const kinds = [...new Set(known.map(view => views[view]!.entity))]
  if (kinds.length > 1) report(path, references, `views of one entity; these are of ${kinds.join(' and ')}`)
  return kinds[0]
}
