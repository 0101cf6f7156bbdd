import { invalid } from '#kernel/error.ts'
import type { Found, Readable } from '#registry'
import type { Caller } from './route.ts'

/** What searches of the registry say. */
interface SearchInput {
  readonly filter?: string | undefined
  readonly max_results: number
  readonly order_by: readonly string[]
  readonly page_token?: string | undefined
}

interface Request {
  readonly readable: Readable
  readonly filter?: string | undefined
  readonly workspace: string
  readonly orderBy: readonly string[]
  readonly limit: number
  readonly after?: string | undefined
}

interface OfModel {
  readonly project: string
  readonly fullName: string
}

/** A page of at most `max_results` rows that the caller may read, with the token of the next one if there is one. */
export async function pageOf<Row extends OfModel>(
  { filter, max_results: limit, order_by: orderBy, page_token: token }: SearchInput,
  limitMax: number,
  caller: Pick<Caller, 'readable' | 'granted' | 'mayRead' | 'workspace'>,
  search: (request: Request) => Promise<Found<Row>>,
): Promise<{ rows: readonly Row[]; token: string | undefined }> {
  if (limit < 1 || limit > limitMax)
    throw invalid(`Invalid value ${limit} for parameter 'max_results' supplied: from 1 to ${limitMax}`, [])
  const after = token === undefined || token === '' ? undefined : token
  const { readable: projects } = caller
  const readable = projects === 'all' ? projects : { projects, fullNames: await caller.granted('registered_model') }
  const found = await search({ readable, filter, workspace: caller.workspace, orderBy, limit, after })
  const shown = found.slice(0, limit)
  return {
    rows: await readableOf(
      shown.map(({ row }) => row),
      caller,
    ),
    token: found.length > limit ? shown.at(-1)?.token : undefined,
  }
}

/** Within a project that is open a model may be closed: a page can have fewer rows than it might. */
async function readableOf<Row extends OfModel>(
  rows: readonly Row[],
  caller: Pick<Caller, 'mayRead'>,
): Promise<readonly Row[]> {
  const names = new Map(rows.map(({ fullName, project }) => [fullName, project]))
  const open = new Set<string>()
  for (const [id, project] of names) if (await caller.mayRead({ project, kind: 'registered_model', id })) open.add(id)
  return rows.filter(({ fullName }) => open.has(fullName))
}
