import { canonicalJson } from '#kernel/json.ts'
import { bytesOf } from '#kernel/size.ts'
import type { MachineRoom, MachineSize } from '#project'
import { isLocal, isUsersCode, type RunTask } from './run.ts'

/**
 * What a task takes while it runs: amounts by owner and name. `rain/gpu` is a pool of project rain, `/gpu` one of the
 * server, `@/cpu` what the machine has that it runs on, in thousandths of processors, bytes and devices.
 */
export type Demand = Readonly<Record<string, number>>

/** What there is and what is taken, by owner and name; the owner of a machine's is `@` and its name. */
export interface Room {
  readonly slots: Demand
  readonly taken: Demand
}

export const machineOwner = (machine: string): string => `@${machine}`

export const machineSlots = ({ cpu, memoryBytes, gpus }: MachineRoom): Demand => ({
  cpu: Math.floor(cpu * 1_000),
  memory: memoryBytes,
  gpu: gpus.length,
})

/** The machines of all servers, as {@link machineSlots} of each says. */
export function machinesIn(slots: Demand): readonly MachineSize[] {
  const owners = new Set(
    Object.keys(slots).flatMap(key => (key.startsWith('@') ? [key.slice(0, key.indexOf('/'))] : [])),
  )
  const of = (owner: string, name: string): number => slots[`${owner}/${name}`] ?? 0
  return [...owners].map(owner => ({
    cpu: of(owner, 'cpu') / 1_000,
    memoryBytes: of(owner, 'memory'),
    gpu: of(owner, 'gpu'),
  }))
}

/** As the queue keeps it: tasks that take the same have the same text. Undefined when it takes nothing. */
export function demandOf(
  task: RunTask,
  { project, own }: { project: string; own: Readonly<Record<string, number>> },
): string | undefined {
  const pools = Object.entries(task.pools ?? {}).map(([name, slots]) => [
    `${Object.hasOwn(own, name) ? project : ''}/${name}`,
    slots,
  ])
  const taken = Object.fromEntries([
    ...pools,
    ...(isUsersCode(task) && isLocal(task) ? Object.entries(ofMachine(task)) : []),
  ])
  return Object.keys(taken).length === 0 ? undefined : canonicalJson(taken)
}

const ofMachine = ({ resources: { cpu, memory, gpu } = {} }: RunTask): Demand => ({
  ...(cpu !== undefined && { '@/cpu': Math.ceil(cpu * 1_000) }),
  ...(memory !== undefined && { '@/memory': bytesOf(memory) }),
  ...(gpu !== undefined && { '@/gpu': gpu }),
})

/** How many GPUs of its machine a task takes, by the text of its demand. */
export const gpusIn = (demand: string): number => (demand === '' ? 0 : ((JSON.parse(demand) as Demand)['@/gpu'] ?? 0))

/** Gives each as many devices as it takes, no device to two, and none that is taken. */
export function divided<Taker extends { readonly gpus: number }>(
  takers: readonly Taker[],
  { devices, taken }: { devices: readonly string[]; taken: ReadonlySet<string> },
): ReadonlyMap<Taker, readonly string[]> {
  const free = devices.filter(device => !taken.has(device))
  return new Map(takers.map(taker => [taker, free.splice(0, taker.gpus)]))
}

/** The same with the machine by its name. */
export const on = (machine: string, demand: Demand): Demand =>
  Object.fromEntries(
    Object.entries(demand).map(([key, amount]) => [key.startsWith('@/') ? `@${machine}${key.slice(1)}` : key, amount]),
  )

/** What is too little for a task, by owner and name. */
export const lacking = (demand: Demand, { slots, taken }: Room): readonly string[] =>
  Object.entries(demand)
    .filter(([key, amount]) => amount > (slots[key] ?? 0) - (taken[key] ?? 0))
    .map(([key]) => key)

export const take = (taken: Demand, demand: Demand, times = 1): Demand => ({
  ...taken,
  ...Object.fromEntries(Object.entries(demand).map(([key, amount]) => [key, (taken[key] ?? 0) + amount * times])),
})

/** A due task as the queue sees it, before it is taken. */
export interface Candidate {
  readonly id: string
  /** Whoever has the least is first. */
  readonly rank: number
  readonly demand: Demand | undefined
}

/**
 * Which tasks may begin, at most `limit`: in the order of rank, each as long as there is room for it. Nothing overtakes
 * a task that waits for room by taking of what that one waits for; what asks for more than there is at all, as on a
 * machine that is smaller than another one, waits for nothing here.
 */
export function fitting(candidates: readonly Candidate[], room: Room, limit: number): readonly string[] {
  const chosen: string[] = []
  const awaited = new Set<string>()
  let { taken } = room
  for (const { id, demand } of candidates.toSorted((x, y) => x.rank - y.rank || (x.id < y.id ? -1 : 1))) {
    if (chosen.length === limit) break
    if (demand && lacking(demand, { ...room, taken: {} }).length > 0) continue
    const lacks = demand ? lacking(demand, { ...room, taken }) : []
    for (const key of lacks) awaited.add(key)
    if (lacks.length > 0 || (demand && Object.keys(demand).some(key => awaited.has(key)))) continue
    if (demand) taken = take(taken, demand)
    chosen.push(id)
  }
  return chosen
}

/** What a due task waits for, in words. */
export function waitOf(demand: Demand, room: Room): string {
  const lacks = lacking(demand, room)
  if (lacks.length === 0) return `its turn at ${Object.keys(demand).map(nameOf).join(', ')}`
  return lacks.map(key => `${amountOf(key, demand[key]!)} of ${nameOf(key)}, ${freeOf(key, room)}`).join('; ')
}

function freeOf(key: string, { slots, taken }: Room): string {
  if (slots[key] === undefined) return 'which there is not'
  return `of ${amountOf(key, slots[key])} ${amountOf(key, Math.max(0, slots[key] - (taken[key] ?? 0)))} are free`
}

const nameOf = (key: string): string => {
  const name = key.slice(key.indexOf('/') + 1)
  return key.startsWith('@') ? `${name} of machine ${key.slice(1, key.indexOf('/'))}` : `pool ${name}`
}

function amountOf(key: string, amount: number): string {
  if (!key.startsWith('@')) return String(amount)
  if (key.endsWith('/cpu')) return String(amount / 1_000)
  return key.endsWith('/memory') ? `${Math.round(amount / 2 ** 20)} MiB` : String(amount)
}
