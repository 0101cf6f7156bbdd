import { Fragment, type ReactNode } from 'react'
import { Fetched } from './panel.tsx'
import { To } from './link.tsx'

interface PageProps {
  readonly title: string
  /** Where this page lies: name and path of each page above it. */
  readonly above?: readonly (readonly [name: string, path: string])[]
  readonly badge?: ReactNode
  readonly lede?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** Head and body of every page; the browser's title follows. */
export function Page({ title, above = [], badge, lede, actions, children }: PageProps) {
  return (
    <div className="page">
      <title>{`${title} · Trainyard`}</title>
      <header className="page-head">
        <div className="titles">
          {above.length > 0 && (
            <nav className="crumbs" aria-label="Above this page">
              {above.map(([name, path], index) => (
                <Fragment key={path}>
                  {index > 0 && <span aria-hidden>/</span>}
                  <To to={path}>{name}</To>
                </Fragment>
              ))}
            </nav>
          )}
          <div className="row">
            <h1>{title}</h1>
            {badge}
          </div>
          {lede !== undefined && <div className="lede">{lede}</div>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </header>
      <Fetched lines={8}>{children}</Fetched>
    </div>
  )
}
