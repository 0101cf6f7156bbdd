import type { FastifyRequest } from 'fastify'

/**
 * What a route is about, which decides whose role it takes: the installation, something of one project, or what the
 * caller may see of several, which the handler then asks for or leaves out. There is no default: a route which says
 * nothing is not let in, see guard.ts.
 */
export type Reach =
  /** The role is needed in every project. */
  | 'platform'
  /** The role is needed somewhere (`viewer`: none at all). The handler asks `request.permit`, or leaves things out. */
  | 'caller'
  /** The project of the thing that the request names. Undefined, or a `not_found` that is thrown: there is none. */
  | ((request: FastifyRequest) => string | undefined | Promise<string | undefined>)

export const ofPath: Reach = ({ params }) => (params as { project?: string }).project
