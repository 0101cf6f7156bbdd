import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Blobs, Held } from '#storage'
import type { Composition } from './compose.ts'

/** Files and their length. Two with the same bytes count twice, and are stored once. */
export interface Amount {
  readonly files: number
  readonly bytes: number
}

export const storageKinds = ['tracking', 'data', 'features', 'logs'] as const
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
  readonly artifacts: Pick<Composition['artifacts'], 'usage'>
  readonly data: Pick<Composition['data'], 'held'>
  readonly features: Pick<Composition['features'], 'held'>
  readonly workflow: Pick<Composition['workflow'], 'runs'>
  readonly environments: Pick<Composition['executor']['environments'], 'list'>
  readonly projects: Pick<Composition['projects'], 'list'>
  readonly blobs: Pick<Blobs, 'find'>
  /** With a folder for each run. */
  readonly logFolder: string
}

const perPage = 500
const none: Amount = { files: 0, bytes: 0 }

export const createStorageUse = (parts: Parts): StorageUse => ({
  async projects() {
    const kinds: Readonly<Record<Kind, ReadonlyMap<string, Amount>>> = {
      tracking: new Map((await parts.artifacts.usage()).map(({ project, ...amount }) => [project, amount])),
      data: await sizesOf(parts, await parts.data.held()),
      features: await sizesOf(parts, await parts.features.held()),
      logs: await logsOf(parts),
    }
    const names = [...new Set(storageKinds.flatMap(kind => [...kinds[kind].keys()]))].toSorted()
    return names.map(project => {
      const amounts = storageKinds.map(kind => [kind, kinds[kind].get(project) ?? none] as const)
      return { project, ...sum(amounts.map(([, amount]) => amount)), parts: Object.fromEntries(amounts) as never }
    })
  },

  async environments() {
    const found: Amount[] = []
    for await (const { size } of everyPage(page => parts.environments.list(page)))
      if (size !== undefined) found.push({ files: 1, bytes: size })
    return sum(found)
  },
})

/** The bytes behind digests; what is no longer there counts nothing. */
async function sizesOf({ blobs }: Parts, held: readonly Held[]): Promise<ReadonlyMap<string, Amount>> {
  const amounts = new Map<string, Amount>()
  for (const { project, digest } of held) {
    const bytes = (await blobs.find(digest))?.size
    if (bytes !== undefined) amounts.set(project, sum([amounts.get(project) ?? none, { files: 1, bytes }]))
  }
  return amounts
}

async function logsOf({ projects, workflow, logFolder }: Parts): Promise<ReadonlyMap<string, Amount>> {
  const amounts = new Map<string, Amount>()
  for await (const { name } of everyPage(page => projects.list(page))) {
    let amount = none
    for await (const run of everyPage(page => workflow.runs({ project: name }, page)))
      amount = sum([amount, await folderSize(join(logFolder, run.id))])
    if (amount.files > 0) amounts.set(name, amount)
  }
  return amounts
}

async function folderSize(folder: string): Promise<Amount> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(names.map(name => stat(join(folder, name)).then(({ size }) => size)))
  return sum(sizes.map(bytes => ({ files: 1, bytes })))
}

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
