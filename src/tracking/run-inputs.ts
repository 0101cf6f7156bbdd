import type { Ledger } from '#metadata'
import type { AnyTx, Db } from '#storage'
import { recordDatasets } from './dataset-node.ts'
import { checkDataset, type Dataset, type DatasetInput, type DatasetSummary, type ModelLink } from './run-input.ts'
import type { RunLog } from './run-log.ts'
import type { InputStore } from './store.ts'

/** What runs read and made, which is also the lineage of what clients of MLflow train. */
export interface RunInputs {
  /** Datasets and logged models that a run read. Throws `invalid` on a run that is not active. */
  addInputs(run: string, inputs: { datasets?: readonly DatasetInput[]; models?: readonly string[] }): Promise<void>
  /** Logged models that a run made. */
  addOutputs(run: string, models: readonly ModelLink[]): Promise<void>
  /** The datasets of experiments, 1,000 at most. */
  summaries(experiments: readonly string[]): Promise<readonly DatasetSummary[]>
}

interface RunInputParts {
  readonly db: Db
  readonly store: InputStore
  readonly log: RunLog
  readonly ledger: Ledger
  /** Those of these that are logged models of the run's project. */
  ownModels(tx: AnyTx, run: string, models: readonly string[]): Promise<readonly string[]>
  /** Whose a run is. */
  ownerOf(run: string): Promise<{ readonly project: string }>
}

const summariesMax = 1_000
const idsMax = 100
const dataId = /\b(?:dsv|ftv|trs)_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g

export function createRunInputs({ db, store, log, ledger, ownModels, ownerOf }: RunInputParts): RunInputs {
  async function addModels(
    tx: AnyTx,
    run: string,
    { direction, links }: { direction: 'input' | 'output'; links: readonly ModelLink[] },
  ): Promise<void> {
    await store.addModels(tx, run, direction, links)
    // The link is the run's own word; an edge says something of the model too.
    const own = await ownModels(
      tx,
      run,
      links.map(link => link.model),
    )
    await ledger.recordAll(
      tx,
      direction === 'input'
        ? { edges: own.map(model => ({ from: run, to: model, relation: 'read' })) }
        : { firstEdges: own.map(model => ({ from: model, to: run, relation: 'made_by' })) },
    )
  }

  /** The dataset versions, features and training sets of a project that a dataset names by their id. */
  async function ownData(project: string, { name, source }: Dataset): Promise<readonly string[]> {
    const ids = new Set(`${name} ${source}`.match(dataId))
    const nodes = await Promise.all([...ids].slice(0, idsMax).map(id => ledger.node(id)))
    return nodes.flatMap(node => (node?.project === project ? [node.id] : []))
  }

  return {
    async addInputs(run, { datasets = [], models = [] }) {
      for (const input of datasets) checkDataset(input)
      const { project } = await ownerOf(run)
      const own = await Promise.all(datasets.map(({ dataset }) => ownData(project, dataset)))
      const foreign = datasets.flatMap(({ dataset }, index) => (own[index]!.length === 0 ? [dataset] : []))
      await db.transaction().execute(async tx => {
        await log.addIn(tx, { run })
        await store.addDatasets(tx, run, datasets)
        await ledger.recordAll(tx, { edges: own.flat().map(version => ({ from: run, to: version, relation: 'read' })) })
        await recordDatasets(ledger, tx, { run, project }, foreign)
        const links = models.map(model => ({ model, step: 0 }))
        await addModels(tx, run, { direction: 'input', links })
      })
    },

    async addOutputs(run, links) {
      await db.transaction().execute(async tx => {
        await log.addIn(tx, { run })
        await addModels(tx, run, { direction: 'output', links })
      })
    },

    summaries: async experiments => (experiments.length > 0 ? store.summaries(experiments, summariesMax) : []),
  }
}
