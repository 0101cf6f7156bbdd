import { PassThrough } from 'node:stream'
import { show } from './bind.ts'
import { refusal, type Asked, type Call, type Reply } from './call.ts'
import { waitIn } from './deadline.ts'
import { bindJson, readJson, requireObject } from './json-body.ts'
import { readSubjects } from './lookup.ts'
import { answerHeaders } from './predictions.ts'
import { isBatchIn } from './priority.ts'
import { badRequest } from './request-error.ts'
import { bindTable, tableOfInstances } from './table.ts'
import { textName, type Begun } from './text-stream.ts'

/** Texts by `/generate` and `/generate_stream` [Triton, extension generate]: one row, its inputs and outputs by their names. */

export const generatePath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/(generate|generate_stream)\/?$/

type HearEvent = (event: string, begun: Begun) => void

/** Reads a request for a text; `hear` has each part of it as an event. Throws `RequestError`. */
export function readGenerate({ body, gone }: Pick<Call, 'body' | 'gone'>, hear?: HearEvent): Asked {
  const request = readJson(body, 'The body must be an object with the inputs by their names, such as "text_input"')
  const { id, parameters = {} } = request.members
  if (id !== undefined && typeof id !== 'string') throw badRequest(`"id" must be a text, not ${show(id)}.`)
  const given = requireObject(parameters, '"parameters" must be an object')
  const write = ({ deployment, revision }: Begun, values: object): string =>
    JSON.stringify({
      ...(id !== undefined && { id }),
      model_name: deployment.name,
      model_version: String(revision.number),
      ...values,
    })
  return {
    content: manifest =>
      bindJson(request, members => {
        const { parameters: nested = {}, ...own } = members
        const values = { ...(nested as object), ...own } as Record<string, unknown>
        const names = manifest.signature.inputs.map(({ name }) => name).filter(name => Object.hasOwn(values, name))
        // Whatever is no input is a parameter, as the extension has it.
        const row = Object.fromEntries(names.map(name => [name, values[name]]))
        const bound = bindTable(manifest, tableOfInstances(manifest, [row], 'instances'), { strict: true })
        return { ...bound, ...readSubjects(given) }
      }),
    waitMs: waitIn(given),
    isBatch: isBatchIn(given),
    text: {
      isRequired: true,
      gone: gone?.(),
      part: (text, begun) => hear?.(write(begun, { [textName(begun.revision.model.manifest)]: text }), begun),
    },
    reply: inference => ({
      status: 200,
      body: write(
        inference,
        Object.fromEntries(
          inference.outputs.map(({ name, width, values }) => [name, width === 1 ? values[0] : values]),
        ),
      ),
      headers: answerHeaders(inference),
    }),
  }
}

/**
 * What is asked, as server-sent events: the first part, or what is wrong before it, makes the status, and what goes wrong
 * later is an event.
 */
export function asEvents(id: string, ask: (hear: HearEvent) => Promise<Reply>): Promise<Reply> {
  const events = new PassThrough()
  // The client is gone, which whoever makes the text hears too.
  events.on('error', () => {})
  const tell = (data: string): void => void (events.writable && events.write(`data: ${data}\n\n`))
  return new Promise((resolve, reject) => {
    let isBegun = false
    const begin = (headers: Reply['headers']): void => {
      isBegun = true
      resolve({
        status: 200,
        body: '',
        type: 'text/event-stream; charset=utf-8',
        headers: { ...headers, 'cache-control': 'no-cache' },
        parts: events,
      })
    }
    const hear: HearEvent = (event, begun) => {
      if (!isBegun) begin(answerHeaders(begun))
      tell(event)
    }
    ask(hear).then(
      ({ headers }) => {
        if (!isBegun) begin(headers)
        events.end()
      },
      (error: unknown) => {
        if (!isBegun) return reject(error)
        tell(refusal(error, id).body.toString())
        events.end()
      },
    )
  })
}
