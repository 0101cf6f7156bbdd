import { useClipboard } from '@mantine/hooks'
import { Check, Copy } from 'lucide-react'
import { shortId } from '../format.ts'

function CopyButton({ text, label }: { text: string; label: string }) {
  const clipboard = useClipboard({ timeout: 1_500 })
  return (
    <button
      type="button"
      className="copy"
      aria-label={clipboard.copied ? 'Copied' : label}
      title={label}
      onClick={() => clipboard.copy(text)}
    >
      {clipboard.copied ? <Check size={14} /> : <Copy size={13} />}
    </button>
  )
}

/** A command to paste into a terminal. */
export function Command({ text, block = false }: { text: string; block?: boolean }) {
  return (
    <div className={block ? 'command command-block' : 'command'}>
      {/* A long command scrolls: it must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <code tabIndex={text.length > 60 ? 0 : undefined}>{text}</code>
      <CopyButton text={text} label="Copy the command" />
    </div>
  )
}

/** An id or digest, shortened, that can be copied whole. */
export function Id({ id }: { id: string }) {
  return (
    <span className="id" title={id}>
      {shortId(id)}
      <CopyButton text={id} label={`Copy ${id}`} />
    </span>
  )
}
