import { z } from 'zod'
import { Name } from '#kernel/wire.ts'
import { column, datatype, path } from './field.ts'

/** A graph of deployments and code that is asked as one. Each node answers rows with columns by name. */

const Value = z.union([z.string().max(4_000), z.number(), z.boolean()])

/** What a row has to fulfil, by one of the graph's inputs. */
const Condition = z
  .strictObject({
    input: column,
    is: Value.optional(),
    in: z.array(Value).min(1).optional(),
    above: z.number().optional(),
    atLeast: z.number().optional(),
    below: z.number().optional(),
    atMost: z.number().optional(),
  })
  .refine(({ input: _, ...comparisons }) => Object.keys(comparisons).length > 0, {
    message: 'a comparison: is, in, above, atLeast, below, atMost',
  })

const Sequence = z.strictObject({
  sequence: z.array(Name).min(1).meta({
    description: 'Nodes one after the other: each gets what came before, and what they answered; the last answers.',
  }),
})
const Switch = z.strictObject({
  switch: z
    .array(z.strictObject({ node: Name, when: Condition.optional() }))
    .min(2)
    .meta({ description: 'Each row goes to the first node whose condition it fulfils. The last has none.' }),
})
const Ensemble = z.strictObject({
  ensemble: z.array(Name).min(2).meta({ description: 'All of these nodes are asked, at once.' }),
  combine: z.enum(['mean', 'vote', 'all']).default('all').meta({
    description:
      'Of outputs of the same name the mean, or what most say (the first, of as many); `all` has every output, as `node.output`.',
  }),
})
const Splitter = z.strictObject({
  splitter: z.array(z.strictObject({ node: Name, weight: z.number().min(0).max(100) })).min(2),
  by: column.optional().meta({
    description: 'An input: rows with the same value meet the same node. Absent: each request is divided by itself.',
  }),
})
const Asked = z.strictObject({ deployment: Name })
const Code = z.strictObject({
  code: path.meta({
    description: 'A module that exports a function of columns by name which answers columns by name.',
  }),
  export: z
    .string()
    .regex(/^[A-Za-z_$][\w$]*$/, 'the name of an export')
    .default('default'),
})

export const GraphNode = z.union([Sequence, Switch, Ensemble, Splitter, Asked, Code])

export const Graph = z.strictObject({
  inputs: z.record(column, datatype).meta({ description: 'What requests send: columns, and their types.' }),
  outputs: z
    .record(column, datatype)
    .meta({ description: 'What of the answer of `root` is given back, in this order.' }),
  nodes: z.record(Name, GraphNode).meta({ description: '`root` is where a request begins.' }),
})

export type GraphSpec = z.output<typeof Graph>
export type GraphNode = z.output<typeof GraphNode>
export type GraphCondition = z.output<typeof Condition>
