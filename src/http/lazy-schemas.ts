import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'
import { z } from 'zod'
import { jsonSchemaOf, type Part } from './json-schema.ts'

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

/** What Ajv makes of a schema. */
interface Validator {
  (data: unknown): unknown
  errors?: unknown
}

/** A schema where it stands in a route; in an answer when no other part is named. */
interface RouteSchema {
  readonly schema?: unknown
  readonly httpPart?: string
}

/**
 * Fastify's own compilers, each schema when a request first needs it: of some hundred routes a server meets a few, and all
 * of them are a quarter of its start and 30 MiB of its memory (benchmarks/startup.ts).
 */
export const lazyCompilers: Compilers = {
  buildValidator: ((schemas, options) => {
    const compile = AjvCompiler()(schemas, options)
    return route => {
      let compiled: Validator | undefined
      const validate: Validator = data => {
        compiled ??= compile(described(route as unknown as RouteSchema) as never) as Validator
        const isValid = compiled(data)
        validate.errors = compiled.errors
        return isValid
      }
      return validate as ReturnType<typeof compile>
    }
  }) satisfies ReturnType<typeof AjvCompiler>,

  buildSerializer(schemas, options) {
    const compile = SerializerSelector()(schemas, options)
    return route => {
      let compiled: ReturnType<typeof compile> | undefined
      return data => (compiled ??= compile(described(route as RouteSchema) as typeof route))(data)
    }
  },
}

/** With JSON Schema in the place of zod. */
const described = <Route extends RouteSchema>(route: Route): Route =>
  route.schema instanceof z.ZodType
    ? { ...route, schema: jsonSchemaOf(route.schema, (route.httpPart ?? 'response') as Part) }
    : route
