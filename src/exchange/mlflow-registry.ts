import type { MlflowClient } from './mlflow-client.ts'
import type { ModelJson, VersionJson } from './mlflow-json.ts'
import { isMissing, pagesOf } from './mlflow-pages.ts'
import type { CarriedModel, CarriedVersion } from './record.ts'

/** Prompts are registered models with this tag: found only by those who ask for it. */
const prompts = "tag.`mlflow.prompt.is_prompt` = 'true'"

/** All registered models, then all prompts, each with every version that is not deleted. */
export async function* readModels(client: MlflowClient): AsyncIterable<CarriedModel> {
  const seen = new Set<string>()
  for (const filter of [undefined, prompts]) {
    const pages = pagesOf<ModelJson, 'registered_models'>('registered_models', token =>
      client
        .get<{ registered_models?: ModelJson[] }>('registered-models/search', {
          max_results: 100,
          filter,
          page_token: token,
        })
        // A server of the tracking API alone has no registry.
        .catch((error: unknown) => {
          if (isMissing(error)) return {}
          throw error
        }),
    )
    for await (const page of pages) {
      for (const model of page.filter(({ name }) => !seen.has(name))) {
        seen.add(model.name)
        yield await readModel(client, model, filter !== undefined)
      }
    }
  }
}

async function readModel(client: MlflowClient, model: ModelJson, isPrompt: boolean): Promise<CarriedModel> {
  const quote = model.name.includes("'") ? '"' : "'"
  const filter = `name = ${quote}${model.name}${quote}${isPrompt ? ` AND ${prompts}` : ''}`
  const versions: CarriedVersion[] = []
  const pages = pagesOf<VersionJson, 'model_versions'>('model_versions', token =>
    client.get('model-versions/search', { filter, max_results: 1_000, page_token: token }),
  )
  for await (const page of pages) versions.push(...page.map(toVersion))
  return {
    name: model.name,
    description: model.description ?? '',
    createdAt: model.creation_timestamp ?? 0,
    updatedAt: model.last_updated_timestamp ?? 0,
    tags: (model.tags ?? []).map(({ key, value }) => ({ key, value: value ?? '' })),
    aliases: (model.aliases ?? []).map(({ alias, version }) => ({ alias, version: Number(version) })),
    versions: versions.toSorted((a, b) => a.version - b.version),
  }
}

const toVersion = (json: VersionJson): CarriedVersion => ({
  version: Number(json.version),
  description: json.description ?? '',
  source: json.source ?? '',
  ...(json.run_id ? { run: json.run_id } : {}),
  ...(json.run_link ? { runLink: json.run_link } : {}),
  stage: json.current_stage ?? 'None',
  user: json.user_id ?? '',
  createdAt: json.creation_timestamp ?? 0,
  updatedAt: json.last_updated_timestamp ?? 0,
  tags: (json.tags ?? []).map(({ key, value }) => ({ key, value: value ?? '' })),
})
