import type { Clock } from '#kernel/clock.ts'
import { digestOfJson, type Digest } from '#kernel/digest.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { Secrets } from '#secrets'
import { readTree, treeFile, type AnyTx, type Blobs, type Outbox, type Tree } from '#storage'
import { changesBetween, type Change } from './change.ts'
import { projectApplied } from './events.ts'
import { roomProblems, type RoomAt } from './room-problems.ts'
import { executorProblems, type ExecutorsAt } from './executor-problems.ts'
import { parseProjectFile } from './parse.ts'
import type { ProjectFile } from './project-file.ts'
import { remember } from './remember.ts'
import { clean, missingFiles } from './repository-files.ts'
import { foreignQueues } from './foreign-queues.ts'
import { missingSecrets } from './missing-secrets.ts'
import type { ProjectStore, ProjectSummary, Revision } from './store.ts'

/** What projects declare: one file each, applied as a whole, every revision kept. */
export interface Projects {
  /** What applying the file would change. Throws `invalid` like `apply`; changes nothing. */
  plan(spec: unknown, code?: Digest): Promise<readonly Change[]>
  /** What a file takes for granted and is not there: secrets that nobody has set. Throws `invalid` like `plan`. */
  warnings(spec: unknown): Promise<readonly string[]>
  /**
   * Makes the file the project's current revision, in one transaction with its event. A file that declares what is
   * declared already, with the same code and commit, is answered with the current revision. Without `code` the
   * project has no files. Throws `invalid` with every problem, files missing in the code among them.
   */
  apply(request: ApplyRequest): Promise<{ revision: Revision; changes: readonly Change[] }>
  /** Throws `not_found`. */
  current(project: string): Promise<Revision>
  find(project: string): Promise<Revision | undefined>
  /** Throws `not_found`. */
  revision(id: string): Promise<Revision>
  /** Last applied first; some of them when named. */
  list(page: PageRequest, names?: readonly string[]): Promise<Page<ProjectSummary>>
  /** Newest first. Empty for a project that nobody has applied. */
  history(project: string, page: PageRequest): Promise<Page<Revision>>
  /** A file of the revision's code. Throws `not_found`. */
  file(revision: Revision, path: string): Promise<{ digest: Digest; text: string }>
}

export interface ApplyRequest {
  readonly spec: unknown
  readonly code?: Digest | undefined
  readonly commit?: string | undefined
  /** Where a working tree came from. Two that differ in nothing else are one revision. */
  readonly base?: Revision['base']
  readonly actor: string
}

export interface ProjectsDeps {
  readonly store: ProjectStore
  readonly outbox: Outbox
  readonly blobs: Blobs
  readonly clock: Clock
  readonly secrets?: Pick<Secrets, 'missing'>
  /** Where tasks can run; what a file says of it is not looked at when left out. */
  readonly executors?: ExecutorsAt
  /** What there is for tasks to take. */
  readonly room?: RoomAt
  /** Notes a new revision elsewhere (the ledger), in the transaction that makes it. */
  readonly record?: (tx: AnyTx, revision: Revision) => Promise<void>
}

const revisionsKept = 200
const filesKept = 200

export function createProjects(deps: ProjectsDeps): Projects {
  const { store, outbox, blobs, clock, secrets, record, room } = deps
  const revision = remember(revisionsKept, async id => {
    const found = await store.find(id)
    if (!found) throw notFound('project revision', id)
    return found
  })
  const file = remember(filesKept, key =>
    treeFile(blobs, key.slice(0, digestLength) as Digest, key.slice(digestLength)),
  )

  async function find(project: string): Promise<Revision | undefined> {
    const head = await store.head(project)
    return head && revision(head)
  }

  /** Parses, and looks for the files when there are any to look at. */
  async function check(spec: unknown, code: Digest | undefined): Promise<ProjectFile> {
    const parsed = parseProjectFile(spec)
    await checkServer(parsed, deps)
    if (code === undefined) return parsed
    const problems = missingFiles(parsed, await treeOf(blobs, code))
    if (problems.length > 0) throw invalid('The project file names files that its repository does not have.', problems)
    return parsed
  }

  return {
    async plan(spec, code) {
      const parsed = await check(spec, code)
      return allChanges(await find(parsed.name), { spec: parsed, code })
    },

    async warnings(spec) {
      const file = parseProjectFile(spec)
      return [...(await missingSecrets(file, secrets)), ...foreignQueues(file, room?.queues)]
    },

    async apply({ spec, code, commit, base, actor }) {
      const parsed = await check(spec, code)
      await checkBase(blobs, base)
      const tree = code ?? (await blobs.put(emptyTree)).digest
      const draft = {
        id: newId<'revision'>('prv'),
        project: parsed.name,
        spec: parsed,
        code: tree,
        ...(commit === undefined ? {} : { commit }),
        ...(base && { base }),
        actor,
        at: clock.now(),
      }
      const fingerprint = digestOfJson({ spec: parsed, code: tree, commit })
      const {
        revision: applied,
        before,
        added,
      } = await store.append({ ...draft, fingerprint }, async (tx, appended) => {
        await announce(tx, outbox, appended)
        await record?.(tx, appended.revision)
      })
      return { revision: applied, changes: added ? allChanges(before, applied) : [] }
    },

    async current(project) {
      const found = await find(project)
      if (!found) throw notFound('project', project)
      return found
    },

    find,
    revision,
    list: (page, names) => store.list(page, names),
    history: (project, page) => store.history(project, page),
    file: ({ code }, path) => file(code + clean(path)),
  }
}

const digestLength = 64
/** A tree lists 10,000 files at most, each with a path of a few hundred characters. */
const treeBytesMax = 16 * 1024 * 1024
const emptyTree = canonicalJson({})

/** Throws `invalid` for what neither this server nor, of room, another one has. */
async function checkServer(
  file: ProjectFile,
  { executors, room }: Pick<ProjectsDeps, 'executors' | 'room'>,
): Promise<void> {
  const misplaced = executors ? executorProblems(file, executors) : []
  if (misplaced.length > 0)
    throw invalid('The project file asks for what this server’s executors do not have.', misplaced)
  const tooMuch = room ? await roomProblems(file, room, executors?.fallback ?? 'local') : []
  if (tooMuch.length > 0) throw invalid('The project file asks for more room than there is.', tooMuch)
}

async function announce(
  tx: AnyTx,
  outbox: Outbox,
  { revision, before }: { revision: Revision; before: Revision | undefined },
): Promise<void> {
  const { id, project, number, commit, actor } = revision
  const changes = allChanges(before, revision).map(change => change.path)
  await outbox.emit(tx, projectApplied, {
    project,
    actor,
    data: { project, revision: id, number, ...(commit === undefined ? {} : { commit }), changes },
  })
}

/** The differences of the file, and of the code behind it as one. */
function allChanges(
  before: Revision | undefined,
  { spec, code }: { spec: ProjectFile; code?: Digest | undefined },
): Change[] {
  const changes = changesBetween(before?.spec, spec)
  if (before && code !== undefined && code !== before.code)
    changes.push({ action: 'change', path: 'code', before: before.code, after: code })
  return changes
}

async function checkBase(blobs: Blobs, base: Revision['base']): Promise<void> {
  if (base?.diff === undefined || (await blobs.find(base.diff as Digest))) return
  const problem = { field: 'base.diff', value: base.diff, allowed: 'the digest of a diff that was uploaded' }
  throw invalid('The diff is not here.', [problem])
}

async function treeOf(blobs: Blobs, code: Digest): Promise<Tree> {
  const refuse = (message: string, allowed: string): never => {
    throw invalid(message, [{ field: 'code', value: code, allowed }])
  }
  const blob = (await blobs.find(code)) ?? refuse('The code is not here.', 'the digest of a tree that was uploaded')
  if (blob.size > treeBytesMax) refuse('The code is no tree.', `${treeBytesMax >> 20} MiB of JSON at most`)
  const tree = await readTree(blobs, code).catch(() =>
    refuse('The code is no tree.', 'the digest of a tree: path to digest, size, executable'),
  )
  const missing = []
  for (const [path, { digest }] of Object.entries(tree)) if (!(await blobs.find(digest))) missing.push(path)
  if (missing.length > 0)
    throw invalid(
      'Files of the code were not uploaded.',
      missing.slice(0, 20).map(path => ({ field: `code: ${path}`, allowed: 'a file whose bytes are uploaded first' })),
    )
  return tree
}
