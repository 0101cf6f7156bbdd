import type { BundleManifest } from '../bundle.ts'
import { badRequest } from './request-error.ts'
import type { LiveDeployment, LiveRevision } from './route-table.ts'
import { ModelFault, type TextListener } from './runtime.ts'

/** What is known of an answer before it is whole. */
export interface Begun {
  readonly deployment: LiveDeployment
  readonly revision: LiveRevision
  /** Of the predictions, one for each row. */
  readonly ids: readonly string[]
  /** Inputs of which values were missing and have been filled. */
  readonly filled: readonly string[]
}

/** How a request hears a text while it is made; of models that do not stream, and of several rows, it hears nothing. */
export interface TextWish {
  /** Nothing but a model that streams is asked. */
  readonly isRequired: boolean
  /** Aborted when the client is gone; undefined when it cannot go. */
  readonly gone: AbortSignal | undefined
  part(text: string, begun: Begun): void
}

/** Of the output that is the text of a model that streams: its only one. */
export const textName = ({ signature }: Pick<BundleManifest, 'signature'>): string => signature.outputs[0]!.name

/** A text that is being heard. */
export interface TextStream {
  readonly listener: TextListener
  /** What has been heard. */
  text(): string
  /** Nothing is heard any more. */
  close(): void
}

/** Throws `RequestError` 400 when a text is wished for that this model does not stream. */
export function requireStreaming(wish: TextWish | undefined, { name }: LiveDeployment, { model }: LiveRevision): void {
  if (!wish?.isRequired || model.isStreaming) return
  throw badRequest(
    `Deployment ${name} does not stream texts: ask /v2/models/${name}/infer. What streams is a Python class whose predict yields texts.`,
  )
}

/** Hears until the client is gone, or `until` on the clock of `performance.now()`. */
export function openTextStream({ gone, part }: TextWish, begun: Begun, until: number): TextStream {
  const ending = new AbortController()
  const { signal } = ending
  const end = (code: ModelFault['code'], message: string): void => ending.abort(new ModelFault(code, message))
  const leave = (): void => end('client_gone', 'The client was gone before the text was whole.')
  const timer = setTimeout(
    () => end('deadline_exceeded', 'The time of the request was up before the text was whole.'),
    Math.max(0, until - performance.now()),
  )
  if (gone?.aborted) leave()
  gone?.addEventListener('abort', leave, { once: true })
  let heard = ''
  return {
    listener: {
      signal,
      part(text) {
        if (signal.aborted) return
        heard += text
        part(text, begun)
      },
    },
    text: () => heard,
    close() {
      clearTimeout(timer)
      gone?.removeEventListener('abort', leave)
    },
  }
}
