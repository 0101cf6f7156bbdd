import type { z } from 'zod'
import type { EventType } from '#kernel/event.ts'
import {
  aliasMoved,
  modelCreated,
  modelTagDeleted,
  modelTagSet,
  versionRegistered,
  versionTagDeleted,
  versionTagSet,
} from './events.ts'
import { promptTag } from './registered-model.ts'
import type { Subject } from './webhook.ts'

/** What is told of an event, in MLflow's words [MLflow: REST API]. */
export interface Told extends Subject {
  readonly data: object
}

/** One row for each event that webhooks can be told of. */
export interface Teller {
  readonly event: EventType<unknown>
  /** Undefined for what MLflow has no name for. */
  tell(data: never): Told | undefined
}

const teller = <Data>(event: EventType<Data>, tell: (data: Data) => Told | undefined): Teller => ({
  event: event as EventType<unknown>,
  tell: tell as Teller['tell'],
})

const promptText = 'mlflow.prompt.text'
const promptType = '_mlflow_prompt_type'

/** Of prompts some tags are how they are kept, not what people said. */
const plain = (tags: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => ![promptTag, promptText, promptType].includes(key)))

export const tellers: readonly Teller[] = [
  teller(modelCreated, ({ fullName: name, prompt, tags, description }) => ({
    entity: prompt ? 'prompt' : 'registered_model',
    action: 'created',
    data: { name, tags: prompt ? plain(tags) : tags, description },
  })),
  teller(versionRegistered, toldOfVersion),
  teller(modelTagSet, ({ fullName: name, prompt, key, value }) =>
    prompt ? { entity: 'prompt_tag', action: 'set', data: { name, key, value } } : undefined,
  ),
  teller(modelTagDeleted, ({ fullName: name, prompt, key }) =>
    prompt ? { entity: 'prompt_tag', action: 'deleted', data: { name, key } } : undefined,
  ),
  teller(versionTagSet, ({ fullName: name, prompt, number, key, value }) => ({
    entity: prompt ? 'prompt_version_tag' : 'model_version_tag',
    action: 'set',
    data: { name, version: String(number), key, value },
  })),
  teller(versionTagDeleted, ({ fullName: name, prompt, number, key }) => ({
    entity: prompt ? 'prompt_version_tag' : 'model_version_tag',
    action: 'deleted',
    data: { name, version: String(number), key },
  })),
  teller(aliasMoved, ({ fullName: name, prompt, alias, to }) => ({
    entity: prompt ? 'prompt_alias' : 'model_version_alias',
    action: to === undefined ? 'deleted' : 'created',
    data: { name, alias, ...(to !== undefined && { version: String(to) }) },
  })),
]

function toldOfVersion(version: z.output<typeof versionRegistered.schema>): Told | undefined {
  const { fullName: name, number, prompt, source, trackingRun, tags = {}, description = '' } = version
  // Events that are older than webhooks.
  if (name === undefined) return undefined
  const said = { name, version: String(number) }
  return prompt
    ? {
        entity: 'prompt_version',
        action: 'created',
        data: { ...said, template: tags[promptText] ?? null, tags: plain(tags), description },
      }
    : {
        entity: 'model_version',
        action: 'created',
        data: { ...said, source, run_id: trackingRun ?? null, tags, description },
      }
}

/** What a test call tells. */
export function exampleOf({ entity }: Subject): object {
  const isPrompt = entity.startsWith('prompt')
  const name = isPrompt ? 'example_prompt' : 'example_model'
  const tags = { example_key: 'example_value' }
  const tag = { key: 'example_key', value: 'example_value' }
  const examples: Readonly<Record<string, object>> = {
    registered_model: { name, tags, description: 'An example registered model' },
    model_version: {
      name,
      version: '1',
      source: 'models:/123',
      run_id: 'abcd1234abcd5678',
      tags,
      description: 'An example model version',
    },
    model_version_tag: { name, version: '1', ...tag },
    model_version_alias: { name, alias: 'example_alias', version: '1' },
    prompt: { name, tags, description: 'An example prompt' },
    prompt_version: {
      name,
      version: '1',
      template: 'Hello {{name}}!',
      tags,
      description: 'An example prompt version',
    },
    prompt_tag: { name, ...tag },
    prompt_version_tag: { name, version: '1', ...tag },
    prompt_alias: { name, alias: 'example_alias', version: '1' },
  }
  return examples[entity] ?? { name }
}
