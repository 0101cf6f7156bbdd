import type { ReactNode } from 'react'

export interface CardProps {
  readonly title?: ReactNode
  readonly note?: ReactNode
  readonly actions?: ReactNode
  /** Without padding: for tables and lists that reach the edge. */
  readonly flush?: boolean
  readonly children: ReactNode
}

export function Card({ title, note, actions, flush = false, children }: CardProps) {
  return (
    <section className="card">
      {title !== undefined && (
        <header className="card-head">
          <h2>{title}</h2>
          {note !== undefined && <span className="note">{note}</span>}
          {actions !== undefined && <div className="row push">{actions}</div>}
        </header>
      )}
      <div className={flush ? 'card-body flush' : 'card-body'}>{children}</div>
    </section>
  )
}

/** Terms and their values. Those without a value are left out. */
export function Facts({ facts }: { facts: Readonly<Record<string, ReactNode>> }) {
  return (
    <dl className="facts">
      {Object.entries(facts)
        .filter(([, value]) => value !== undefined && value !== '' && value !== false)
        .map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <output className="skeleton" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <i key={index} />
      ))}
    </output>
  )
}

interface TabsProps<Name extends string> {
  readonly label: string
  readonly tabs: Readonly<Record<Name, string>>
  readonly value: Name
  readonly onChange: (name: Name) => void
}

/** Arrow keys move between tabs [WAI-ARIA, tabs pattern]. */
export function Tabs<Name extends string>({ label, tabs, value, onChange }: TabsProps<Name>) {
  const names = Object.keys(tabs) as Name[]
  const move = (event: React.KeyboardEvent<HTMLDivElement>): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    const index = (names.indexOf(value) + step + names.length) % names.length
    onChange(names[index]!)
    event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus()
  }
  return (
    <div className="tabs" role="tablist" tabIndex={-1} aria-label={label} onKeyDown={move}>
      {names.map(name => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === value}
          tabIndex={name === value ? 0 : -1}
          onClick={() => onChange(name)}
        >
          {tabs[name]}
        </button>
      ))}
    </div>
  )
}
