/** What brokers have in common. Adapters must pass queue.contract.ts. */

/** Where messages come from and go to, by the names that the broker has for them. */
export interface QueueRoute {
  readonly deployment: string
  readonly name: string
  /** Address of the broker, with the password in it. */
  readonly broker: string
  readonly input: string
  readonly output: string
  readonly deadLetter: string
  /** Messages that are answered at the same time. */
  readonly inFlight: number
}

export interface QueueMessage {
  /** What stays the same when the broker delivers it again; undefined when it has nothing of the kind. */
  readonly id: string | undefined
  /** When it was sent, in milliseconds since 1970, if the broker says so. */
  readonly at: number | undefined
  readonly body: Buffer
  /** It is done with: the broker forgets it. */
  done(): Promise<void>
  /** It is not: the broker delivers it again, to whoever. */
  release(): Promise<void>
}

/** What is sent: an answer, or a message that cannot be answered with the reason why. */
export interface Sent {
  /** The same when it is sent again. */
  readonly id: string
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** A connection to the queues of one deployment. Whatever rejects, the connection is of no more use. */
export interface QueueLink {
  /** Up to so many messages, as soon as there are any; none when none has come for about a second. */
  receive(max: number): Promise<readonly QueueMessage[]>
  /** Resolves when the broker has it. */
  send(to: 'output' | 'deadLetter', message: Sent): Promise<void>
  /** Messages that are not done with. */
  lag(): Promise<number>
  close(): Promise<void>
}

/** `redeliverMs`: how long a message may take before the broker delivers it again. */
export type OpenLink = (route: QueueRoute, redeliverMs: number) => Promise<QueueLink>

/** Under which a deployment's queue is known to its broker: every model server takes its part of the messages. */
export const consumerName = ({ deployment, name }: QueueRoute): string => `trainyard-${deployment}-${name}`

/** One value, on one line: what a header of any broker takes. */
export const headerText = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 1_000)
