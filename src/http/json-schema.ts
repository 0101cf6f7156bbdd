import { z } from 'zod'

/** Where in a route a schema stands: what is sent is described as it comes in, an answer as it goes out. */
export type Part = 'body' | 'querystring' | 'params' | 'headers' | 'response'

const known = new WeakMap<z.ZodType, Partial<Record<Part, object>>>()

/**
 * The JSON Schema of a zod type, made when it is first asked for: of some hundred routes a server meets a few. Throws on
 * a transform, which has no JSON Schema.
 */
export function jsonSchemaOf(type: z.ZodType, part: Part): object {
  const made = known.get(type) ?? {}
  known.set(type, made)
  return (made[part] ??= toJsonSchema(type, part))
}

function toJsonSchema(type: z.ZodType, part: Part): object {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    target: 'draft-7',
    io: part === 'response' ? 'output' : 'input',
    unrepresentable: 'throw',
    override: ({ jsonSchema }) => {
      // A field that nobody reads was meant to be another one.
      if (jsonSchema.properties && (part === 'body' || part === 'querystring'))
        jsonSchema.additionalProperties ??= false
    },
  })
  return schema
}

/** A route's schema with every zod type in it as JSON Schema. */
export function jsonSchemas(schema: object): object {
  const inPart = (value: unknown, part: Part): unknown => {
    if (value instanceof z.ZodType) return jsonSchemaOf(value, part)
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inPart(inner, part)]))
  }
  return Object.fromEntries(Object.entries(schema).map(([part, value]) => [part, inPart(value, part as Part)]))
}
