import { z } from 'zod'
import { invalid, type Problem } from '#kernel/error.ts'
import { ProjectFile } from './project-file.ts'
import { referenceProblems } from './references.ts'
import { schemaProblems } from './schema-problems.ts'
import { withPipelineOutputs } from './sub-pipelines.ts'
import { outputNames } from './task-edges.ts'
import type { TaskSpec } from './task-spec.ts'

/**
 * Checks a project file and fills in every default, the outputs of platform tasks among them. Parsing its own answer
 * changes nothing. Throws `invalid` with every problem of the fields, or, when those are right, of what they refer to.
 */
export function parseProjectFile(json: unknown): ProjectFile {
  const result = z.safeParse(ProjectFile, json)
  if (!result.success) throw refuse(schemaProblems(result.error.issues, json))
  const file = withPipelineOutputs(result.data)
  const problems = referenceProblems(file)
  if (problems.length > 0) throw refuse(problems)
  return withOutputs(file)
}

const refuse = (problems: readonly Problem[]): Error =>
  invalid(`The project file has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}.`, problems)

const withOutputs = (file: ProjectFile): ProjectFile => ({
  ...file,
  pipelines: mapValues(file.pipelines, pipeline => ({
    ...pipeline,
    tasks: mapValues(pipeline.tasks, filled),
    ...(pipeline.finally && { finally: mapValues(pipeline.finally, filled) }),
  })),
})

const filled = (task: TaskSpec): TaskSpec => (task.uses ? { ...task, outputs: outputNames(task) } : task)

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
