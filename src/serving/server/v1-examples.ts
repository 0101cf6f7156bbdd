import type { BundleManifest } from '../bundle.ts'
import { show } from './bind.ts'
import { json, type Asked, type Call } from './call.ts'
import type { Inference } from './infer.ts'
import { bindJson, readJson, requireObject, type JsonBody, type Members } from './json-body.ts'
import { answerHeaders } from './predictions.ts'
import { badRequest } from './request-error.ts'
import type { OutputColumn } from './runtime.ts'
import { bindTable, tableOfRecords } from './table.ts'

/** `:classify` and `:regress` of TensorFlow Serving: rows are `examples`, what they have in common is `context`. */

export type ExampleVerb = 'classify' | 'regress'

/** Reads such a request. Throws `RequestError`. */
export const readExamples =
  (verb: ExampleVerb) =>
  ({ body }: Pick<Call, 'body'>): Asked => {
    const request = readJson(body, 'The body must be an object with "examples"')
    requireSignature(request.members['signature_name'], verb)
    return {
      content(manifest) {
        outputFor(verb, manifest.signature.outputs)
        return bindJson(request, members => bindTable(manifest, tableOf(members), { strict: true }))
      },
      reply: inference => ({
        ...json({ results: resultsOf(verb, inference), prediction_ids: inference.ids }),
        headers: answerHeaders(inference),
      }),
    }
  }

function requireSignature(name: unknown, verb: ExampleVerb): void {
  const known = ['serving_default', `tensorflow/serving/${verb}`]
  if (name === undefined || name === '' || known.includes(name as string)) return
  throw badRequest(`"signature_name": ${show(name)}; there is ${known.join(' and ')}.`)
}

function tableOf({ examples, context = {} }: JsonBody['members']) {
  if (!Array.isArray(examples)) throw badRequest(`"examples" must be a list of objects, not ${show(examples)}.`)
  const common = requireObject(context, '"context" must be an object')
  const records = examples.map((example: unknown, row) => {
    const own: Members = requireObject(example, `examples, row ${row + 1}: expected an object`)
    const twice = Object.keys(common).find(name => Object.hasOwn(own, name))
    if (twice !== undefined) throw badRequest(`examples, row ${row + 1}: ${show(twice)} is in "context" too.`)
    return { ...common, ...own }
  })
  return tableOfRecords(records, 'examples')
}

/** The output that is the scores, or the value. */
function outputFor(
  verb: ExampleVerb,
  outputs: readonly Pick<BundleManifest['signature']['outputs'][number], 'name' | 'datatype' | 'shape'>[],
): string {
  const found = outputs.find(
    ({ datatype, shape }) => datatype !== 'BYTES' && (verb === 'classify' || (shape[1] ?? 1) === 1),
  )
  if (found) return found.name
  const names = outputs.map(({ name }) => name).join(', ')
  throw badRequest(`:${verb} takes an output of ${verb === 'classify' ? 'scores' : 'one number'}; there is ${names}.`)
}

function resultsOf(verb: ExampleVerb, { revision, outputs, rows }: Inference): readonly unknown[] {
  const name = outputFor(verb, revision.model.manifest.signature.outputs)
  const scores = outputs.find(output => output.name === name)!
  if (verb === 'regress') return scores.values.map(Number)
  const { width } = scores
  const labels = outputs.find(output => output.datatype === 'BYTES' && output.width === width)
  const values = scores.values.map(Number)
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (__, at) => [labelAt(labels, scores, row * width + at), values[row * width + at]]),
  )
}

/** The model's own, or the place of the class; a single score has no label. */
function labelAt(labels: OutputColumn | undefined, { width }: OutputColumn, index: number): string {
  if (labels) return String(labels.values[index])
  return width === 1 ? '' : String(index % width)
}
