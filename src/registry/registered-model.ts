import { defaultProject } from '#kernel/default-project.ts'
import type { Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'

/** A named line of versions, whether a project declares it or a client made it. */
export interface RegisteredModel {
  readonly id: string
  readonly project: string
  readonly name: string
  /** The name that MLflow's clients use. */
  readonly fullName: string
  readonly description: string
  readonly user: string
  /** Has had a version that the platform evaluated: production is behind the gate for good. */
  readonly gated: boolean
  /** How many version numbers were given out. */
  readonly versions: number
  readonly tags: Readonly<Record<string, string>>
  /** Version number by alias. */
  readonly aliases: Readonly<Record<string, number>>
  readonly createdAt: Millis
  readonly updatedAt: Millis
}

const nameMax = 256
const aliasMax = 255
const tagKeyMax = 250
const tagValueMax = 100_000

/** MLflow has one space of names: outside of the default project a model's name begins with its project. */
export const fullNameOf = (project: string, name: string): string =>
  project === defaultProject ? name : `${project}.${name}`

/** Prompts are registered models with this tag [MLflow: REST API]. */
export const promptTag = 'mlflow.prompt.is_prompt'
export const isPrompt = (tags: Readonly<Record<string, string>>): boolean => tags[promptTag]?.toLowerCase() === 'true'

export function checkModelName(name: string, field = 'name'): void {
  if (name.trim() === '') refuse(`Missing value for required parameter '${field}'.`, field, name)
  if (name.length > nameMax) refuse(`Registered model names have ${nameMax} characters at most.`, field, name)
  if (/[/:]/.test(name)) refuse(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`, field, name)
  if (name === '.' || name === '..' || hasControl(name)) refuse(`Invalid model name '${name}'.`, field, name)
}

/** Any name of an alias but those which MLflow reads as versions. */
export function checkAlias(alias: string): void {
  if (alias === '') refuse('Registered model alias name cannot be empty.', 'alias', alias)
  if (!/^[\p{L}\p{N}_-]+$/u.test(alias) || alias.length > aliasMax)
    refuse(`Invalid alias name: '${alias}'. Letters, digits, _ and - are allowed, ${aliasMax} at most.`, 'alias', alias)
}

export function checkNewAlias(alias: string): void {
  checkAlias(alias)
  if (alias.toLowerCase() === 'latest') refuse("'latest' alias name (case insensitive) is reserved.", 'alias', alias)
  if (/^v\d+$/i.test(alias)) refuse(`Version alias name '${alias}' is reserved.`, 'alias', alias)
}

/** Keys are names that could be paths: as MLflow's servers check them [MLflow: REST API]. */
export function checkTag(key: string, value: string): void {
  const segments = key.split('/')
  if (!/^[/\p{L}\p{N}_.\- :]+$/u.test(key) || segments.some(part => part === '' || part === '.' || part === '..'))
    refuse(
      `Invalid value "${key}" for parameter 'key' supplied: letters, digits, _ / . - : and space, as a plain path`,
      'key',
      key,
    )
  if (key.length > tagKeyMax) refuse(`Tag keys have ${tagKeyMax} characters at most.`, 'key', key)
  if (value.length > tagValueMax)
    refuse(`'value' exceeds the maximum length of ${tagValueMax} characters`, 'value', `${value.slice(0, 40)}…`)
}

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const hasControl = (text: string): boolean => /[\u0000-\u001f\u007f]/.test(text)

function refuse(message: string, field: string, value: string): never {
  throw new TrainyardError('invalid', message, { problems: [{ field, value, allowed: message }] })
}

/** What events say of a model. */
export const namesOf = ({
  name,
  fullName,
  tags,
}: RegisteredModel): { model: string; fullName: string; prompt: boolean } => ({
  model: name,
  fullName,
  prompt: isPrompt(tags),
})

export const modelNotFound = (name: string): TrainyardError =>
  new TrainyardError('not_found', `Registered Model with name=${name} not found`, {
    what: 'registered model',
    key: name,
  })

export const versionNotFound = (name: string, version: number | string): TrainyardError =>
  new TrainyardError('not_found', `Model Version (name=${name}, version=${version}) not found`, {
    what: 'model version',
    key: `${name} ${version}`,
  })
