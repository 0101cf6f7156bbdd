import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '#http'
import { credentialsOf } from '#http/credentials.ts'
import { isCrossOrigin, isLoopback, isLoopbackName, isReading } from '#http/origin.ts'
import { defaultProject } from '#kernel/default-project.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import type { Access } from './access.ts'
import { grantedIds, hasAnywhere, localActor, may, platformRole, readable, roleIn, type Actor } from './actor.ts'
import type { Permission, Resource, ThingKind } from './permission.ts'
import { ofPath, type Reach } from './reach.ts'
import { allows, type Role } from './role.ts'
import type { Thing } from './store.ts'
import { isTokenSecret } from './token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The thing, if the caller has this permission on it. Throws `forbidden`; and `not_found` in the same words when they
     * may not read it and when looking it up throws `not_found`: so its look-up is given, and not what that has found.
     */
    permit<Found extends Resource>(permission: Permission, resource: Found | Promise<Found>): Promise<Found>
    /** Whether the caller may read things of this project: what lists leave out. */
    mayRead(resource: Resource): Promise<boolean>
    /** Ids of things of a kind that a grant lets the caller read where no role does: what lists show beside `readable`. */
    granted(kind: ThingKind): Promise<readonly string[]>
    /** Gives the caller, who made the thing, `MANAGE` on it. */
    own(resource: Resource): Promise<void>
    /** What was granted on a thing follows it to its new name; without one it is gone. */
    regrant(thing: Thing & { readonly to?: string }): Promise<void>
    /** The project that the caller works in when a name says none: from `X-MLFLOW-WORKSPACE`, or the token's own. */
    workspace: string
    /** The caller's role in the platform as a whole; `viewer` also for those who have none there. */
    role: Role
    /** The caller with everything that decides: set with `actor`. */
    caller: Actor
  }
  interface FastifyContextConfig {
    /** The least role for this route; by default `viewer` reads and `editor` does the rest. `none` is open to all. */
    role?: Role | 'none' | ((request: FastifyRequest) => Role)
    /** Where that role is needed. By default in the `:project` of the path. */
    project?: Reach
    /** What the handler asks of the caller; for the table of routes. */
    may?: string
  }
}

export interface GuardParts {
  readonly access: Access
  /** The address that is listened on. */
  readonly host: string
  /** Where a route's role is needed, by its address, when its own config and path do not say. */
  readonly reachOf?: (url: string) => Reach | undefined
  readonly isProject?: (name: string) => Promise<boolean>
}

/**
 * Asks every request who it is and what it may, before anything of it is read. On a loopback bind the person at the
 * machine needs no token, but the Host header must be a loopback name (no DNS rebinding), and a page of another origin
 * can change nothing (no cross-site request). A route that does not say what it is about cannot be made.
 */
export function guard(app: App, { access, host, reachOf, isProject }: GuardParts): void {
  const local = isLoopback(host)
  decorate(app, access)
  app.addHook('onRoute', route => {
    const config = (route.config ??= {})
    const reach = config.project ?? reachOf?.(route.url) ?? (/\/:project(\/|:|$)/.test(route.url) ? ofPath : undefined)
    if (reach) config.project = reach
    else if (config.role !== 'none')
      throw new Error(
        `${String(route.method)} ${route.url} does not say whose it is: see src/composition/route-reach.ts.`,
      )
  })
  app.addHook('onRequest', async (request, reply) => {
    if (local && !isLoopbackName(request.headers.host))
      throw refused(`Host ${request.headers.host ?? ''} is not this server: it listens on loopback only.`)
    if (!isReading(request.method) && isCrossOrigin(request.headers))
      throw refused('A page of another origin may not change anything here.')
    const required = requiredRole(request)
    if (required === 'none') return
    const known = async (): Promise<void> => {
      const actor = (await identify(access, request)) ?? (local ? localActor : undefined)
      if (!actor) throw askForCredentials(reply)
      request.caller = actor
      request.actor = actor.name
      request.role = platformRole(actor) ?? 'viewer'
      request.readable = readable(actor)
    }
    await known()
    request.refresh = known
    if (!request.is404) await authorise(request, required)
    request.workspace = await workspaceOf(request, isProject)
  })
}

function decorate(app: App, access: Access): void {
  const grantsOf = async ({ user }: Actor): ReturnType<Access['grants']['levels']> =>
    user === undefined ? new Map() : access.grants.levels(user)
  const isAllowed = async (caller: Actor, permission: Permission, resource: Resource): Promise<boolean> =>
    may(caller, permission, { resource, grants: await grantsOf(caller) })

  app.decorateRequest('permit', async function (this: FastifyRequest, permission, given) {
    const resource = await found(this.caller, given)
    if (!resource || !(await isAllowed(this.caller, 'read', resource))) throw hidden(this.actor)
    if (await isAllowed(this.caller, permission, resource)) return resource
    const { project, kind = 'project', id = project } = resource
    throw new TrainyardError('forbidden', `${this.actor} may not ${permission} ${kind.replace('_', ' ')} ${id}.`, {
      required: permission,
    })
  })
  app.decorateRequest('mayRead', function (this: FastifyRequest, resource: Resource) {
    return isAllowed(this.caller, 'read', resource)
  })
  app.decorateRequest('granted', async function (this: FastifyRequest, kind: ThingKind) {
    return grantedIds(this.caller, kind, await grantsOf(this.caller))
  })
  app.decorateRequest('own', async function (this: FastifyRequest, { project, kind, id }: Resource) {
    const { user } = this.caller
    if (user === undefined || kind === undefined || id === undefined) return
    await access.grants.put({ user, project, kind, id, level: 'MANAGE' })
  })
  app.decorateRequest('regrant', async ({ to, ...thing }: Thing & { readonly to?: string }) =>
    access.grants.move(thing, to),
  )
  app.decorateRequest('workspace', defaultProject)
  app.decorateRequest('role', 'viewer')
  // Until the hook below has asked who it is, a request may nothing: `permit` fails.
  app.decorateRequest('caller', null as never)
}

/** By token, or by name and password; undefined when the request brings neither. */
async function identify(access: Access, { headers, ip }: FastifyRequest): Promise<Actor | undefined> {
  const given = credentialsOf(headers.authorization)
  if (!given) return undefined
  const { name, secret } = given
  // git and browsers ask their user for a name too; a token is enough, under any.
  if (name === undefined || isTokenSecret(secret)) return access.authenticate(secret)
  return access.signIn(name, secret, ip)
}

/** Throws `forbidden`, or `not_found` for what is of a project that the caller does not know. */
async function authorise(request: FastifyRequest, required: Role): Promise<void> {
  const { caller, routeOptions } = request
  const reach = routeOptions.config.project
  const everywhere = platformRole(caller)
  if (allows(everywhere, required)) return
  if (reach === 'platform') throw tooLittle(everywhere, required)
  if (reach === 'caller') {
    if (required === 'viewer' || hasAnywhere(caller, required)) return
    throw tooLittle(everywhere, required)
  }
  const project = await projectOf(request, reach)
  const role = project === undefined ? everywhere : roleIn(caller, project)
  if (role === undefined) throw unseen(request)
  if (!allows(role, required)) throw tooLittle(role, required)
}

async function projectOf(
  request: FastifyRequest,
  reach: Exclude<Reach, string> | undefined,
): Promise<string | undefined> {
  try {
    return await reach?.(request)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Undefined when it is not there. From administrators nothing is hidden: they are told what exactly is missing. */
async function found<Found>(caller: Actor, resource: Found | Promise<Found>): Promise<Found | undefined> {
  try {
    return await resource
  } catch (error) {
    if (isNotFound(error) && platformRole(caller) !== 'admin') return undefined
    throw error
  }
}

const isNotFound = (error: unknown): boolean => error instanceof TrainyardError && error.code === 'not_found'

const hidden = (actor: string): TrainyardError =>
  new TrainyardError('not_found', `What this names is not there, or ${actor} may not see it.`)

/** In the same words whether the thing is of another project or not at all. */
function unseen({ params, url }: FastifyRequest): TrainyardError {
  const { project } = (params ?? {}) as { project?: string }
  return project === undefined ? notFound('path', url.split('?')[0]!) : notFound('project', project)
}

async function workspaceOf(
  { headers, caller, readable: known }: FastifyRequest,
  isProject: GuardParts['isProject'],
): Promise<string> {
  const wanted = headers['x-mlflow-workspace']
  if (wanted === undefined || wanted === '') return known !== 'all' && known.length === 1 ? known[0]! : defaultProject
  const name = String(wanted)
  if (roleIn(caller, name) === undefined && name !== defaultProject) throw notFound('project', name)
  if (known === 'all' && name !== defaultProject && (await isProject?.(name)) === false) throw notFound('project', name)
  return name
}

function requiredRole(request: FastifyRequest): Role | 'none' {
  const { role } = request.routeOptions.config
  if (typeof role === 'function') return role(request)
  return role ?? (isReading(request.method) ? 'viewer' : 'editor')
}

/** git, curl and browsers ask again with credentials only when they are told how. */
function askForCredentials(reply: FastifyReply): TrainyardError {
  void reply.header('www-authenticate', 'Basic realm="trainyard"')
  return new TrainyardError(
    'unauthorized',
    'Sign in: send a token as `Authorization: Bearer <token>` or as password, or name and password.',
  )
}

const refused = (message: string): TrainyardError => new TrainyardError('forbidden', message)

const tooLittle = (role: Role | undefined, required: Role): TrainyardError =>
  new TrainyardError(
    'forbidden',
    role === undefined ? 'This takes a role in every project.' : `The role ${role} does not allow this.`,
    {
      ...(role && { role }),
      required,
    },
  )
