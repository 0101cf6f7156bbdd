import type { Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { Claim } from './claim.ts'
import { leaseMs } from './lease.ts'
import { createLeases } from './leases.ts'
import { holds, type AddStep, type CallState, type Server, type World } from './exploration-world.ts'
import { outcomeOf } from './outcome.ts'
import type { AttemptId, TaskId } from './run.ts'
import type { SettleRequest } from './settle.ts'
import { stop, type StopKind } from './stop.ts'
import type { WorkflowStore } from './store.ts'
import { inProcess } from './testing.ts'

interface Around {
  readonly store: WorkflowStore
  readonly world: World
  readonly server: Server
  readonly add: AddStep
}

/** What a server may do next, and what may befall it. */
export function serverSteps(around: Around): void {
  const { world, server, add } = around
  const { name } = server
  if (!server.isUp) {
    add(`${name} starts again.`, async () => {
      const desk = deskOf({ ...around, server: { ...server, isUp: true } })
      await desk.leases.takeBack()
      return desk.left()
    })
    return
  }
  const dead = { name, isUp: false, follows: [], seen: undefined, words: [] }
  add(`${name} dies.`, become(world, dead, world.isHeld ? {} : endsOf(server, 'gone')), 'fault')
  if (server.follows.length === 0) addClaim(around)
  for (const { claim, isBegun } of server.follows) {
    if (!isBegun) addBegin(around, claim)
    else if (!world.isHeld) addCall(around, claim)
    else if (world.calls[claim.attempt] !== 'runs')
      add(`${name} sees the end.`, says(around, claim, world.calls[claim.attempt]!))
  }
  addWords(around)
  addLeases(around)
}

const become = (world: World, server: Server, calls: World['calls'] = {}): Partial<World> => ({
  servers: world.servers.map(one => (one.name === server.name ? server : one)),
  calls: { ...world.calls, ...calls },
})

const endsOf = ({ follows }: Server, state: CallState): World['calls'] =>
  Object.fromEntries(follows.map(({ claim }) => [claim.attempt, state]))

function addClaim({ store, world, server, add }: Around): void {
  const { now, isHeld } = world
  const taker = { owner: server.name, machine: 'here', devices: [], now, leaseUntil: now + leaseMs }
  const claim = () => store.transaction(tx => store.claim(tx, { pool: 'platform', limit: 1, ...taker }))
  add(`${server.name} claims.`, async () => {
    const follows = (await claim()).map(one => ({ claim: one, isBegun: !isHeld }))
    return become(world, { ...server, follows }, isHeld ? {} : endsOf({ ...server, follows }, 'runs'))
  })
  add(
    `${server.name} claims, and is not told.`,
    async () => {
      await claim()
      return {}
    },
    'fault',
  )
}

/** A call that goes on by itself begins when it is noted where it is. */
function addBegin({ store, world, server, add }: Around, claim: Claim): void {
  add(`${server.name} begins.`, async () => {
    if (!(await store.setHandle(claim, server.name, { pid: 1 }))) return become(world, { ...server, follows: [] })
    const isSecond = Object.hasOwn(world.calls, claim.attempt)
    return {
      ...become(world, { ...server, follows: [{ claim, isBegun: true }] }, { [claim.attempt]: 'runs' }),
      wrong: isSecond ? 'An attempt was begun twice.' : undefined,
    }
  })
}

/** A call that is part of its server. */
function addCall(around: Around, claim: Claim): void {
  for (const state of ['succeeded', 'failed', 'waits'] as const) {
    const change = says(around, claim, state)
    around.add(`${around.server.name}: the call has ${state}.`, {
      ...change,
      calls: { ...around.world.calls, [claim.attempt]: state },
    })
  }
}

/** It is about to write what a call has come to. */
function says({ world, server }: Around, claim: Claim, state: CallState): Partial<World> {
  const word = {
    run: claim.run.id,
    task: claim.task,
    attempt: claim.attempt,
    call: claim.call,
    owner: server.name,
    outcome: outcome(claim, state, world.now),
  }
  const follows = server.follows.filter(one => one.claim !== claim)
  return become(world, { ...server, follows, words: [...server.words, word] })
}

function outcome(claim: Claim, state: CallState, now: number): SettleRequest['outcome'] {
  if (state === 'succeeded') return { state, outputs: {}, metrics: {} }
  if (state === 'waits') return { state: 'waiting', waitingFor: 'rain', nextAt: now }
  const cause = { kind: state === 'failed' ? 'exit' : 'lost' }
  const error = new TrainyardError('task_failed', `The call is ${state}.`, { cause })
  return outcomeOf(error, claim, { signal: new AbortController().signal, now })
}

/** A result is written; or it is, and nobody hears of that; or it never is. */
function addWords({ store, world, server, add }: Around): void {
  const [word, ...words] = server.words
  if (!word) return
  const said = `${server.name} writes ${word.outcome.state}`
  const write = async (): Promise<Pick<World, 'wrong'>> => {
    const [done] = await store.transaction(tx => store.finish(tx, [{ ...word, at: world.now }]))
    const isHolder = world.rows.workflow_lease.some(one => one.attempt === word.attempt && one.owner === word.owner)
    return { wrong: done && !isHolder ? 'A result was taken from one that does not hold the attempt.' : undefined }
  }
  add(`${said}.`, async () => ({ ...(await write()), ...become(world, { ...server, words }) }))
  add(`${said}, and is not told.`, write, 'fault')
  add(`${said} in vain.`, become(world, { ...server, words }), 'fault')
}

function addLeases(around: Around): void {
  const { store, world, server, add } = around
  if (server.follows.length > 0)
    add(`${server.name} renews.`, async () => {
      const desk = deskOf(around)
      await desk.renew()
      return desk.left()
    })
  const [lease] = world.rows.workflow_lease.filter(one => one.lease_until < world.now)
  if (server.seen === undefined && lease && !holds(server, lease.attempt))
    add(`${server.name} looks for leases that have run out.`, async () =>
      become(world, { ...server, seen: (await store.expired(world.now, 1))[0] }),
    )
  if (server.seen)
    add(`${server.name} takes over.`, async () => {
      const desk = deskOf(around)
      await desk.takeOver()
      return desk.left()
    })
}

/** The leases of a server, and what it knows once they have done with it. */
function deskOf({ store, world, server }: Omit<Around, 'add'>) {
  let { now, calls } = world
  let { follows } = server
  const words = [...server.words]
  const running = new Map<AttemptId, { readonly task: TaskId }>()
  const sit = (): void => {
    for (const { claim } of follows) running.set(claim.attempt, claim)
    for (const word of words) running.set(word.attempt, word)
  }
  const end = (id: AttemptId, kind: StopKind): void => {
    const followed = follows.find(one => one.claim.attempt === id)
    // One whose call is over is about to write, whatever is said to it.
    if (!followed) return
    follows = follows.filter(one => one !== followed)
    if (kind === 'left' && followed.isBegun && world.isHeld) return
    if (calls[id] === 'runs') calls = { ...calls, [id]: 'gone' }
    if (kind !== 'lost') words.push(stopped(followed.claim, kind, world.now, server.name))
  }
  const leases = createLeases(
    {
      store: { ...store, expired: async () => (server.seen ? [server.seen] : []) },
      turns: { settle: async request => words.push(request) > 0 },
      clock: { now: () => now as Millis },
      owner: server.name,
      executor: () => ({
        ...inProcess(() => Promise.reject(new Error('Nothing is begun here.'))),
        canReach: async () => true,
      }),
      warn: () => {},
    },
    { running, launch: claim => void (follows = [...follows, { claim, isBegun: claim.begun !== undefined }]), end },
  )
  return {
    leases,
    async renew() {
      sit()
      await leases.renew()
    },
    /** Of one to whom the database has answered for as long as a lease lasts. */
    async takeOver() {
      now = world.now - leaseMs
      await leases.renew()
      ;({ now } = world)
      sit()
      await leases.takeOver()
    },
    left: () => become(world, { ...server, follows, words, seen: undefined }, calls),
  }
}

/** What an attempt comes to that its server has ended. */
function stopped(claim: Claim, kind: StopKind, now: number, owner: string): SettleRequest {
  const controller = new AbortController()
  stop(controller, kind)
  const { signal } = controller
  const { run, task, attempt, call } = claim
  return { run: run.id, task, attempt, call, owner, outcome: outcomeOf(signal.reason, claim, { signal, now }) }
}
