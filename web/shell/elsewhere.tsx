import { Navigate, useParams } from '@tanstack/react-router'

/** An address whose matter is on another page of the project: leads there. */
export function Elsewhere({ page }: { page: string }) {
  const { project } = useParams({ strict: false })
  // The address is made from data, which the router's types cannot know.
  return <Navigate to={`/p/${project}/${page}` as '/'} replace />
}
