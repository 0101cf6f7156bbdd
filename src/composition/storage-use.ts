import type { LocalExecutor } from '#compute'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { RegisteredVersions } from '#registry'
import type { Serving } from '#serving'
import type { Amount, Held, Usage } from '#storage'
import type { Artifacts } from '#tracking'
import { meteredKinds } from './storage-meter.ts'

export const storageKinds = ['tracking', 'models', 'predictions', ...meteredKinds] as const
type Kind = (typeof storageKinds)[number]

/** What is stored for a project, in all and by what it is of. */
export interface ProjectStorage extends Amount {
  readonly project: string
  readonly parts: Readonly<Record<Kind, Amount>>
}

export interface StorageUse {
  /** By project, those that hold nothing left out. */
  projects(): Promise<readonly ProjectStorage[]>
  /** What all projects share: packages that tasks run with, on this machine. */
  environments(): Promise<Amount>
}

interface Parts {
  readonly artifacts: Pick<Artifacts, 'usage'>
  readonly registeredVersions: Pick<RegisteredVersions, 'usage'>
  readonly serving: Pick<Serving, 'usage'>
  readonly usage: Pick<Usage, 'totals'>
  readonly environments: Pick<LocalExecutor['environments'], 'list'>
}

const perPage = 500
const none: Amount = { files: 0, bytes: 0 }

export const createStorageUse = (parts: Parts): StorageUse => ({
  async projects() {
    const held: readonly Held[] = [
      ...(await parts.artifacts.usage()).map(amount => ({ ...amount, kind: 'tracking' })),
      ...(await parts.registeredVersions.usage()).map(amount => ({ ...amount, kind: 'models' })),
      ...(await parts.serving.usage()).map(amount => ({ ...amount, kind: 'predictions' })),
      ...(await parts.usage.totals()),
    ]
    const projects = Map.groupBy(
      held.filter(({ files }) => files > 0),
      ({ project }) => project,
    )
    return [...projects]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([project, amounts]) => ({ project, ...sum(amounts), parts: partsOf(amounts) }))
  },

  async environments() {
    const found: Amount[] = []
    for await (const { size } of everyPage(page => parts.environments.list(page)))
      if (size !== undefined) found.push({ files: 1, bytes: size })
    return sum(found)
  },
})

const partsOf = (amounts: readonly Held[]): ProjectStorage['parts'] =>
  Object.fromEntries(storageKinds.map(kind => [kind, sum(amounts.filter(each => each.kind === kind))])) as never

const sum = (amounts: readonly Amount[]): Amount =>
  amounts.reduce((total, { files, bytes }) => ({ files: total.files + files, bytes: total.bytes + bytes }), none)

async function* everyPage<Row>(read: (page: PageRequest) => Promise<Page<Row>>): AsyncGenerator<Row> {
  let after: string | undefined
  do {
    const page = await read({ limit: perPage, after })
    yield* page.items
    after = page.next
  } while (after !== undefined)
}
