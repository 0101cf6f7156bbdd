import { Search } from 'lucide-react'
import { useState } from 'react'

interface FilterBoxProps {
  readonly filter: string | undefined
  /** Enter was pressed, or the box cleared. */
  readonly onChange: (filter: string | undefined) => void
  readonly example: string
}

/** A filter in the search language. What the server says against it is shown below, by whoever asked. */
export function FilterBox({ filter, onChange, example }: FilterBoxProps) {
  const [text, setText] = useState(filter ?? '')
  return (
    <form
      className="filter-box"
      role="search"
      onSubmit={event => {
        event.preventDefault()
        onChange(text.trim() || undefined)
      }}
    >
      <Search size={14} aria-hidden className="muted" />
      <input
        type="search"
        aria-label="Filter of runs"
        placeholder={example}
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        onChange={event => {
          setText(event.currentTarget.value)
          if (event.currentTarget.value === '' && filter !== undefined) onChange(undefined)
        }}
      />
      <button type="submit" className="tag">
        Filter
      </button>
    </form>
  )
}
