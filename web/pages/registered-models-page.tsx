import { useSuspenseInfiniteQuery } from '@tanstack/react-query'
import { registeredModelsOf } from '../api.ts'
import { number, plural } from '../format.ts'
import { modelPath } from '../paths.ts'
import { To } from '../shell/link.tsx'
import { Page } from '../shell/page.tsx'
import { Card } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { Tag } from '../ui/state.tsx'
import { Table, type Column } from '../ui/table.tsx'
import { Ago } from '../ui/time.tsx'
import type { RegisteredModel } from '../wire.ts'

/** Which models are registered, over all projects? */
export function RegisteredModelsPage() {
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = useSuspenseInfiniteQuery(registeredModelsOf)
  const rows = data.pages.flatMap(({ items }) => items)
  return (
    <Page title="Models of all projects" lede={hasNextPage ? undefined : plural(rows.length, 'model')}>
      <Card flush>
        <Table
          label="Registered models"
          rows={rows}
          columns={columns}
          keyOf={({ fullName }) => fullName}
          empty={
            <Empty
              title="No model has been registered yet"
              commands={[
                `export MLFLOW_TRACKING_URI=${location.origin}`,
                "mlflow.sklearn.log_model(model, name='model', registered_model_name='my-model')",
              ]}
            >
              Pipelines register theirs by `registry.register`, clients of MLflow as usual.
            </Empty>
          }
        />
        {hasNextPage && (
          <div className="more row">
            <button type="button" className="tag" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              {isFetchingNextPage ? 'Fetching…' : 'Load more'}
            </button>
          </div>
        )}
      </Card>
    </Page>
  )
}

const columns: readonly Column<RegisteredModel>[] = [
  {
    title: 'Model',
    cell: ({ project, name, fullName, description }) => (
      <>
        <span className="strong">
          <To to={modelPath(project, name)}>{fullName}</To>
        </span>
        {description && <div className="muted small lines">{description}</div>}
      </>
    ),
  },
  { title: 'Project', cell: ({ project }) => project },
  {
    title: 'Aliases',
    cell: ({ aliases }) => (
      <span className="row">
        {Object.entries(aliases).map(([alias, version]) => (
          <Tag key={alias}>
            {alias} → v{version}
          </Tag>
        ))}
      </span>
    ),
    wide: true,
  },
  { title: 'Versions', cell: ({ versions }) => number(versions), align: 'right' },
  { title: 'Changed', cell: ({ updatedAt }) => <Ago at={updatedAt} />, align: 'right' },
]
