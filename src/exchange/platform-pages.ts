import type { MlflowClient } from './mlflow-client.ts'
import { isMissing } from './mlflow-pages.ts'

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: string
}

/** All items of a list of the platform's own API; other servers have no such list. */
export async function* itemsOf<Item>(client: MlflowClient, path: string): AsyncIterable<Item> {
  let after: string | undefined
  do {
    const page: Page<Item> = await client.get<Page<Item>>(path, { limit: 500, after }).catch((error: unknown) => {
      if (isMissing(error)) return { items: [] }
      throw error
    })
    yield* page.items
    after = page.next
  } while (after !== undefined)
}

/** Names of the projects that the caller may read. */
export async function* projectsOf(client: MlflowClient): AsyncIterable<string> {
  for await (const { name } of itemsOf<{ name: string }>(client, '/api/v1/projects')) yield name
}
