import { useSuspenseQuery } from '@tanstack/react-query'
import { Navigate, useParams } from '@tanstack/react-router'
import { modelVersionNumbered, registeredModelNamed } from '../api.ts'
import { modelPath, pathOf } from '../paths.ts'

/** A model by its name for MLflow's clients, as their links have it: leads to its page in its project. */
export function RegisteredModelPage() {
  const { name } = useParams({ from: '/models/$name' })
  const { data } = useSuspenseQuery(registeredModelNamed(name))
  return <Leads to={modelPath(data.project, data.name)} />
}

export function RegisteredVersionPage() {
  const { name, version } = useParams({ from: '/models/$name/versions/$version' })
  const { data: model } = useSuspenseQuery(registeredModelNamed(name))
  const { data } = useSuspenseQuery(modelVersionNumbered(model.project, model.name, version))
  return <Leads to={pathOf(data.id, model.project)} />
}

// The address is made from data, which the router's types cannot know.
const Leads = ({ to }: { to: string }) => <Navigate to={to as '/'} replace />
