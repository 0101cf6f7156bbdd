/** JSON Schema as Markdown: a table for each object, fields in the order of the schema. */

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: string | number | boolean
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
}

/** The sections below `name`, which is shown with as many `#` as `level`. */
export function sections(name: string, schema: unknown, level: number): readonly string[] {
  const { properties = {}, required = [] } = schema as Schema
  const fields = Object.entries(properties)
  const rows = fields.map(
    ([field, inner]) =>
      `| \`${field}\` | ${typeOf(inner)} | ${fallback(inner, required.includes(field))} | ${inner.description ?? ''} |`,
  )
  const nested = fields.flatMap(([field, inner]) =>
    objectsOf(inner).flatMap(([suffix, object]) => sections(`${name}${field}${suffix}`, object, level + 1)),
  )
  return [
    ...(name ? [`${'#'.repeat(Math.min(level, 4))} \`${name.replace(/\.$/, '')}\``, ''] : []),
    '| field | type | default | |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...nested,
  ]
}

/** The objects inside a field, each with what is written after the field's name to get there. */
function objectsOf(schema: Schema): readonly (readonly [string, Schema])[] {
  if (schema.properties) return [['.', schema]]
  if (schema.items) return objectsOf(schema.items).map(([suffix, object]) => [`[]${suffix}`, object] as const)
  if (typeof schema.additionalProperties === 'object')
    return objectsOf(schema.additionalProperties).map(([suffix, object]) => [`.<name>${suffix}`, object] as const)
  const variants = schema.anyOf ?? schema.oneOf ?? []
  return variants.flatMap(variant =>
    objectsOf(variant).map(([, object]) => [` (${discriminator(object)}).`, object] as const),
  )
}

const discriminator = ({ properties = {} }: Schema): string =>
  Object.entries(properties)
    .flatMap(([name, { const: value }]) => (value === undefined ? [] : [`${name}: ${String(value)}`]))
    .join(', ') || 'object'

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.enum) return schema.enum.map(value => `\`${String(value)}\``).join(' ')
  const variants = schema.anyOf ?? schema.oneOf
  if (variants) return [...new Set(variants.map(typeOf))].join(' or ')
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (typeof schema.additionalProperties === 'object') return `name → ${typeOf(schema.additionalProperties)}`
  const { minimum, maximum } = schema
  const range =
    schema.type === 'integer' || schema.type === 'number'
      ? [
          minimum !== undefined && minimum > -1e9 ? `≥ ${minimum}` : '',
          maximum !== undefined && maximum < 1e9 ? `≤ ${maximum}` : '',
        ]
          .filter(Boolean)
          .join(', ')
      : ''
  return [schema.type ?? 'any', range].filter(Boolean).join(' ')
}

const fallback = (schema: Schema, required: boolean): string =>
  schema.default !== undefined ? `\`${JSON.stringify(schema.default)}\`` : required ? 'required' : ''
