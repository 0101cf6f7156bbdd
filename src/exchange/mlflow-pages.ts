import { TrainyardError } from '#kernel/error.ts'

/** All pages of a list. A server may give a token for an empty last page. */
export async function* pagesOf<Item, Name extends string>(
  name: Name,
  ask: (
    token: string | undefined,
  ) => Promise<{ readonly [key in Name]?: readonly Item[] } & { next_page_token?: string }>,
): AsyncIterable<readonly Item[]> {
  let token: string | undefined
  do {
    const answer = await ask(token)
    const items = answer[name]
    if (items !== undefined && items.length > 0) yield items
    token = answer.next_page_token || undefined
  } while (token !== undefined)
}

/** Whether the server does not know what was asked, or knows no such route. */
export const isMissing = (error: unknown): boolean => error instanceof TrainyardError && error.code === 'not_found'
