import { CircleX } from 'lucide-react'
import { Component, type ReactNode } from 'react'
import { inline } from '../format.ts'
import { Problem } from '../http.ts'

/** What went wrong, in the API's own words: the sentence, and each field with what is allowed. */
export function Trouble({ error, onRetry }: { error: Error; onRetry?: (() => void) | undefined }) {
  const problems = error instanceof Problem ? error.problems : []
  // The server's sentence goes on with the problems, which are listed below.
  const [sentence] = problems.length > 0 ? error.message.split('\n') : [error.message]
  return (
    <div className="trouble" role="alert">
      <b>
        <CircleX size={15} aria-hidden />
        {sentence}
      </b>
      {problems.length > 0 && (
        <ul className="stack-tight">
          {problems.map(({ field, value, allowed }) => (
            <li key={field + allowed}>
              <code>{field}</code>
              {value !== undefined && <> = {inline(value)}</>}: {allowed}
            </li>
          ))}
        </ul>
      )}
      <div className="row">
        {onRetry && (
          <button type="button" className="tag" onClick={onRetry}>
            Try again
          </button>
        )}
        {error instanceof Problem && error.type.startsWith('/errors/') && (
          <a className="small" href={error.type}>
            What this error means
          </a>
        )}
      </div>
    </div>
  )
}

interface BoundaryProps {
  readonly children: ReactNode
  readonly onReset: () => void
  /** What was asked for when it went wrong: when this changes, it is tried again. */
  readonly asked: string
}

/** Keeps the trouble of one card inside that card. */
export class Boundary extends Component<BoundaryProps, { error?: Error | undefined }> {
  override state: { error?: Error | undefined } = {}

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override componentDidUpdate({ asked }: BoundaryProps): void {
    if (asked !== this.props.asked && this.state.error) this.retry()
  }

  retry = (): void => {
    this.props.onReset()
    this.setState({ error: undefined })
  }

  override render(): ReactNode {
    const { error } = this.state
    if (!error) return this.props.children
    return (
      <div className="card-body">
        <Trouble error={error} onRetry={this.retry} />
      </div>
    )
  }
}
