import { canonicalJson, type Json } from '#kernel/json.ts'
import { keyTextFacts, modelPointFacts, tallyOf } from '#tracking'
import { carryFiles } from './carry-files.ts'
import type { Journey } from './carry-run.ts'
import type { CarriedLoggedModel, CarriedModel, KeyText } from './record.ts'

/** Brings one logged model over. Saying it again is how it is found out whether it is there. */
export async function carryLoggedModel(
  journey: Journey,
  model: CarriedLoggedModel,
  experimentId: string,
): Promise<void> {
  const { source, target, reporter, choices } = journey
  const { id, ...draft } = model
  const what = `logged model ${id}`
  const here = await target.loggedModel(id, { ...draft, experimentId })
  const owner = { what, of: 'logged-models', id, uri: here.artifactUri } as const
  const wrote = await carryFiles(journey, source.modelFiles(model), owner, choices)
  if (wrote) reporter.written()
  else reporter.passedOver()
  reporter.count('logged models', 1, 1)
  const there = {
    params: tallyOf(model.params.map(keyTextFacts)),
    tags: tallyOf(model.tags.map(keyTextFacts)),
    points: tallyOf(model.points.map(modelPointFacts)),
  }
  for (const part of ['params', 'tags', 'points'] as const)
    if (there[part].digest !== here[part].digest)
      reporter.differ(what, `${part}: ${there[part].count} there, ${here[part].count} here, or not the same ones`)
  for (const field of ['name', 'status', 'createdAt', 'updatedAt'] as const)
    if (model[field] !== here[field]) reporter.differ(what, `${field}: ${model[field]} there, ${here[field]} here`)
}

/** Brings a registered model over with its versions, tags and aliases. */
export async function carryModel({ target, reporter }: Journey, model: CarriedModel): Promise<void> {
  const here = await target.model(model)
  reporter.count('registered models', 1, 1)
  reporter.count('model versions', model.versions.length, here.versions.length)
  const [one, other] = [comparable(model), comparable(here)]
  for (const field of Object.keys(one)) {
    const [there, found] = [canonicalJson(one[field]!), canonicalJson(other[field] ?? null)]
    if (there !== found) reporter.differ(`registered model ${model.name}`, `${field}: ${there} there, ${found} here`)
  }
}

/** What is the same on both sides. The source of a version says where its files are, which is another place here. */
function comparable(model: CarriedModel): Readonly<Record<string, Json>> {
  const { description, createdAt, updatedAt, versions } = model
  const byAlias = model.aliases.toSorted((a, b) => (a.alias < b.alias ? -1 : 1))
  return {
    description,
    createdAt,
    updatedAt,
    tags: sorted(model.tags),
    aliases: byAlias.map(({ alias, version }) => ({ alias, version })),
    ...Object.fromEntries(
      versions.map(version => [
        `version ${version.version}`,
        {
          description: version.description,
          stage: version.stage,
          run: version.run ?? '',
          createdAt: version.createdAt,
          updatedAt: version.updatedAt,
          tags: sorted(version.tags),
        },
      ]),
    ),
  }
}

const sorted = (tags: readonly KeyText[]): { key: string; value: string }[] =>
  tags.map(({ key, value }) => ({ key, value })).toSorted((a, b) => (a.key < b.key ? -1 : 1))
