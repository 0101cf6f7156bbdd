import { useQueryClient } from '@tanstack/react-query'
import { Outlet, useLocation } from '@tanstack/react-router'
import { Menu as MenuIcon, X } from 'lucide-react'
import { useState } from 'react'
import { useLive } from '../live.ts'
import { Mark } from './brand.tsx'
import { To } from './link.tsx'
import { Side } from './side.tsx'

/** Navigation at the left, or behind a burger on narrow screens; the page at the right. */
export function Shell() {
  useLive(useQueryClient())
  const { pathname } = useLocation()
  // Open at one address only: following a link closes it.
  const [openAt, setOpenAt] = useState<string>()
  const isOpen = openAt === pathname
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        <To to="/" className="brand">
          <Mark />
          Trainyard
        </To>
        <button
          type="button"
          className="copy push"
          aria-expanded={isOpen}
          aria-controls="side"
          aria-label={isOpen ? 'Close the navigation' : 'Open the navigation'}
          onClick={() => setOpenAt(isOpen ? undefined : pathname)}
        >
          {isOpen ? <X size={20} /> : <MenuIcon size={20} />}
        </button>
      </header>
      <Side isOpen={isOpen} />
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  )
}
