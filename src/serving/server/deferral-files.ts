import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { isRunning } from '../process-ticks.ts'
import { readJsonFile, replaceFile } from '../routes-file.ts'

/** A request that is answered later, as its client sent it. */
const DeferredRequest = z.object({
  id: z.string(),
  deployment: z.string(),
  /** Name of who asked, and by which their requests are counted. */
  caller: z.object({ name: z.string(), client: z.string() }),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  /** In base64. */
  body: z.string(),
  /** Milliseconds since 1970. */
  acceptedAt: z.number(),
})
export type DeferredRequest = z.output<typeof DeferredRequest>

/** What it was answered, as its client would have got it. */
const DeferredAnswer = z.object({
  id: z.string(),
  deployment: z.string(),
  status: z.int(),
  type: z.string(),
  headers: z.record(z.string(), z.string()),
  /** In base64. */
  body: z.string(),
  acceptedAt: z.number(),
  answeredAt: z.number(),
})
export type DeferredAnswer = z.output<typeof DeferredAnswer>

/** A webhook that is to be sent. */
const DueHook = z.object({
  id: z.string(),
  deployment: z.string(),
  attempts: z.int(),
  since: z.number(),
  nextAt: z.number(),
})
export type DueHook = z.output<typeof DueHook>

interface Owner {
  readonly pid: number
  readonly ticks: number
}

/**
 * Deferred requests in a folder, which several processes share and which outlives them: `waiting/<process>/<id>.json`,
 * `answers/<deployment>/<id>.json`, `hooks/<id>.json`. Each file is written whole; what is accepted, or answered, survives
 * the end of the process and of the machine.
 */
export function deferralFiles(folder: string, owner: Owner) {
  const [waiting, answers, hooks] = ['waiting', 'answers', 'hooks'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const own = join(waiting, `${owner.pid}-${owner.ticks}`)
  const fileOf = (id: string): string => `${id}.json`

  async function write(path: string, value: object): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await replaceFile(path, JSON.stringify(value), 0o600)
  }

  async function isKept(id: string): Promise<boolean> {
    for (const name of await names(waiting))
      if (await stat(join(waiting, name, fileOf(id))).catch(() => undefined)) return true
    return false
  }

  return {
    accept: (request: DeferredRequest) => write(join(own, fileOf(request.id)), request),
    read: (id: string) => readJsonFile(join(own, fileOf(id)), DeferredRequest),

    /** Takes what processes have left that are no more; answers the ids. */
    async adopt(): Promise<readonly string[]> {
      const taken: string[] = []
      for (const name of await names(waiting)) {
        const [pid = 0, ticks = 0] = name.split('-').map(Number)
        if (isRunning({ pid, ticks })) continue
        await mkdir(own, { recursive: true, mode: 0o700 })
        for (const file of (await names(join(waiting, name))).filter(isWhole)) {
          await rename(join(waiting, name, file), join(own, file))
          taken.push(idIn(file))
        }
        await rm(join(waiting, name), { recursive: true, force: true })
      }
      return taken
    },

    /**
     * Whether it was accepted, and has no answer yet. Looked for twice: what another process takes over meanwhile may go
     * from a place that is still to be looked at to one that has been.
     */
    isWaiting: async (id: string): Promise<boolean> => (await isKept(id)) || (await isKept(id)),

    answer: (deployment: string, id: string) => readJsonFile(join(answers, deployment, fileOf(id)), DeferredAnswer),
    putAnswer: (answer: DeferredAnswer) => write(join(answers, answer.deployment, fileOf(answer.id)), answer),
    /** It has been answered, or never will be. */
    done: (id: string) => rm(join(own, fileOf(id)), { force: true }),

    putHook: (hook: DueHook) => write(join(hooks, fileOf(hook.id)), hook),
    doneHook: (id: string) => rm(join(hooks, fileOf(id)), { force: true }),
    async dueHooks(now: number): Promise<readonly DueHook[]> {
      const files = (await names(hooks)).filter(isWhole)
      const found = await Promise.all(files.map(file => readJsonFile(join(hooks, file), DueHook)))
      return found.filter(hook => hook !== undefined && hook.nextAt <= now) as DueHook[]
    },

    /** Of which there are answers. */
    deployments: () => names(answers),

    /** Removes answers of a deployment that are older than so long, and the oldest when all have more than so many bytes. */
    async sweep(deployment: string, { before, bytesMax }: { before: number; bytesMax: number }): Promise<void> {
      const place = join(answers, deployment)
      // Ids are in the order of acceptance.
      const files = (await names(place)).filter(isWhole).toSorted().toReversed()
      let bytes = 0
      for (const file of files) {
        const found = await stat(join(place, file)).catch(() => undefined)
        bytes += found?.size ?? 0
        if (!found || (found.mtimeMs >= before && bytes <= bytesMax)) continue
        await rm(join(place, file), { force: true })
        await rm(join(hooks, file), { force: true })
      }
    },
  }
}

export type DeferralFiles = ReturnType<typeof deferralFiles>

const names = async (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => [])
const isWhole = (file: string): boolean => file.endsWith('.json')
const idIn = (file: string): string => file.slice(0, -'.json'.length)
