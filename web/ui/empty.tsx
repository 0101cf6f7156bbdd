import type { ReactNode } from 'react'
import { Command } from './copy.tsx'
import { Prose } from './prose.tsx'

/** A place where nothing is yet: what would be here, and the command that fills it. */
export function Empty({
  title,
  children,
  commands = [],
}: {
  title: string
  children?: ReactNode
  commands?: readonly string[]
}) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      {children && <p>{typeof children === 'string' ? <Prose text={children} /> : children}</p>}
      {commands.map(command => (
        <Command key={command} text={command} />
      ))}
    </div>
  )
}
