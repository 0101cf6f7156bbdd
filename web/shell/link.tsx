import { useRouter } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { shortId } from '../format.ts'
import { pathOf } from '../paths.ts'

interface ToProps {
  /** A path inside the UI that was made from data; typed links use the router's own Link. */
  readonly to: string
  readonly className?: string | undefined
  readonly title?: string
  readonly children: ReactNode
}

/** A link whose address comes from data. Opens in place, unless the reader asks for a new tab. */
export function To({ to, children, ...rest }: ToProps) {
  const router = useRouter()
  const follow = (event: React.MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    router.history.push(to)
  }
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  )
}

/** A thing of the ledger by its id, leading to its page or to its lineage. */
export const Ref = ({ id, project, children }: { id: string; project: string; children?: ReactNode }) => (
  <To to={pathOf(id, project)} title={id} className={children ? undefined : 'mono small'}>
    {children ?? shortId(id)}
  </To>
)
