import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createClient } from '../../src/cli/client.ts'
import { startServer } from '../server.ts'
import { datasetId, jobRunId } from '../../src/metadata/openlineage.ts'
import { pythonWith } from '../mlflow/environment.ts'

const script = `
import sys
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, OutputDataset, Dataset, DatasetEvent, Job, JobEvent, Run, RunEvent, RunState
from openlineage.client.facet_v2 import schema_dataset
from openlineage.client.transport.http import HttpConfig, HttpTransport, HttpCompression

run, url = sys.argv[1], sys.argv[2]
producer = "https://example.com/spark"
job = Job(namespace="spark", name="nightly")
instant = "2026-11-20T10:00:00Z"
schema = {"schema": schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields(name="rain", type="double")])}
for compression in (None, HttpCompression.GZIP):
    client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=url, compression=compression)))
    client.emit(RunEvent(eventType=RunState.START, eventTime="2026-11-20T10:00:00Z", run=Run(runId=run), job=job, producer=producer))
    client.emit(RunEvent(eventType=RunState.COMPLETE, eventTime="2026-11-20T10:05:00Z", run=Run(runId=run), job=job, producer=producer,
        inputs=[InputDataset(namespace="s3://lake", name="raw", facets=schema)], outputs=[OutputDataset(namespace="s3://lake", name="clean")]))
    client.emit(DatasetEvent(eventTime=instant, producer=producer, dataset=Dataset(namespace="s3://lake", name="clean", facets=schema)))
    client.emit(JobEvent(eventTime=instant, producer=producer, job=job, inputs=[InputDataset(namespace="s3://lake", name="raw")]))
`

test('the OpenLineage client of Python tells of its jobs, packed or not', { timeout: 400_000 }, async t => {
  const data = await mkdtemp(join(tmpdir(), 'trainyard-openlineage-'))
  const server = await startServer({ data })
  const client = createClient({ server: server.url })
  t.after(async () => {
    await client.send('POST', '/api/v1/serving/stop')
    await server.stop()
    await rm(data, { recursive: true, force: true, maxRetries: 5 })
  })
  const run = '0193b2c4-0000-7000-8000-000000000001'

  await promisify(execFile)(await pythonWith('openlineage'), ['-c', script, run, server.url])

  const raw = datasetId('default', 's3://lake', 'raw')
  const lineage = await client.get<{ nodes: { id: string; kind: string; facts: Record<string, unknown> }[] }>(
    `/api/v1/lineage/${datasetId('default', 's3://lake', 'clean')}?direction=up`,
  )
  const node = (id: string) => lineage.nodes.find(one => one.id === id)
  const facets = node(raw)?.facts['facets'] as { schema: { fields: { name: string }[] } } | undefined
  assert.deepEqual(
    [
      lineage.nodes.map(({ kind }) => kind).toSorted(),
      node(jobRunId('default', run))?.facts['state'],
      facets?.schema.fields[0]?.name,
    ],
    [['dataset', 'dataset', 'job', 'job_run'], 'succeeded', 'rain'],
  )
})
