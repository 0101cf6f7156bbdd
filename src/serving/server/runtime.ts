import type { Column } from './bind.ts'
import type { RefusalCode } from './request-error.ts'

/** The rows of one request: a column for each input of the signature, in its order. */
export interface Rows {
  readonly rows: number
  readonly columns: readonly Column[]
  /** How long a run with them may take, in milliseconds, where that is more than usual. */
  readonly runMs?: number | undefined
  /** Of one row, to a model that streams: who hears its text while it is made. */
  readonly listener?: TextListener | undefined
}

/** Who hears the text of an answer in parts. */
export interface TextListener {
  part(text: string): void
  /** Aborted with what the request is answered with, when nobody waits for more. */
  readonly signal: AbortSignal
}

/** One output for the rows of one request, row by row; `width` values for each row. */
export interface OutputColumn {
  readonly name: string
  readonly datatype: string
  readonly width: number
  readonly values: readonly (number | string | boolean)[]
}

/** What computes a loaded model's answers: ONNX in this process, or a process of another language. */
export interface Runtime {
  /** A run takes at most this many rows, unless one request alone has more. */
  readonly rowsPerRun: number
  /** How many rows may wait before a request is refused. */
  readonly rowsWaitingMax: number
  /** Its answers are texts that can be heard in parts. */
  readonly isStreaming?: boolean
  /**
   * The outputs of each request, in the order of the requests; they are computed in one go. Called again only when it has
   * answered. Throws {@link ModelFault} when there is no answer; no request of the batch has one then.
   */
  run(batch: readonly Rows[]): Promise<readonly (readonly OutputColumn[])[]>
  /** What it takes of the machine's memory, in bytes; 0 while it rests. */
  readonly memoryBytes: number
  /** Undefined when it can run at once; else resolves when it can, or cannot be brought back, which a run then says. */
  awake?(): Promise<void> | undefined
  /** Ends what it holds. Nothing is run afterwards. */
  release(): Promise<void>
}

/** Why a model gave no answer, as a sentence for whoever asked. */
export class ModelFault extends Error {
  override readonly name = 'ModelFault'
  readonly code: Extract<RefusalCode, 'model_failed' | 'unavailable' | 'deadline_exceeded' | 'client_gone'>
  /** Whether the requests of a batch may be tried one by one: no, when what failed is not the answer but the process. */
  readonly isOfRows: boolean

  constructor(code: ModelFault['code'], message: string, isOfRows = false) {
    super(message)
    this.code = code
    this.isOfRows = isOfRows
  }
}
