import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { filesBelow, foldersIn, textsBelow } from './folder.ts'
import { readMeta } from './meta-yaml.ts'
import type { CarriedModel, CarriedVersion } from './record.ts'

/** Deleted versions stay in the store under this stage, with what they were. */
const deletedStage = 'Deleted_Internal'

/** The registered models in the folder `models` of a file store. */
export async function* readMlrunsModels(root: string): AsyncIterable<CarriedModel> {
  for (const name of await foldersIn(root)) {
    const folder = join(root, name)
    const meta = await readMeta(join(folder, 'meta.yaml'))
    if (meta === undefined) continue
    const aliases: { alias: string; version: number }[] = []
    for await (const alias of filesBelow(join(folder, 'aliases'))) {
      aliases.push({ alias, version: Number(await readFile(join(folder, 'aliases', alias), 'utf8')) })
    }
    yield {
      name: meta.text('name'),
      description: meta.text('description'),
      createdAt: meta.number('creation_timestamp'),
      updatedAt: meta.number('last_updated_timestamp'),
      tags: await textsBelow(join(folder, 'tags')),
      aliases,
      versions: await readVersions(folder),
    }
  }
}

async function readVersions(model: string): Promise<readonly CarriedVersion[]> {
  const versions: CarriedVersion[] = []
  for (const name of (await foldersIn(model)).filter(folder => folder.startsWith('version-'))) {
    const folder = join(model, name)
    const meta = await readMeta(join(folder, 'meta.yaml'))
    if (meta === undefined || meta.text('current_stage') === deletedStage) continue
    const [run, runLink] = [meta.text('run_id'), meta.text('run_link')]
    versions.push({
      version: meta.number('version'),
      description: meta.text('description'),
      source: meta.text('source'),
      ...(run !== '' && { run }),
      ...(runLink !== '' && { runLink }),
      stage: meta.text('current_stage') || 'None',
      user: meta.text('user_id'),
      createdAt: meta.number('creation_timestamp'),
      updatedAt: meta.number('last_updated_timestamp'),
      tags: await textsBelow(join(folder, 'tags')),
    })
  }
  return versions.toSorted((a, b) => a.version - b.version)
}
