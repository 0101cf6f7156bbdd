import type { ProjectFileInput as Input } from './project/project-file.ts'

/**
 * The package as a project imports it: `import { defineProject } from 'trainyard'`. Inside the platform's checkouts the
 * name resolves to this file, whether or not the package is installed there.
 */

/** What is declared may be constant, at any depth. */
type Declared<T> = T extends object ? { readonly [Key in keyof T]: Declared<T[Key]> } : T

export type ProjectFileInput = Declared<Input>

/** A project file with types: gives back what it is given. The platform reads the module's default export. */
export const defineProject = (project: ProjectFileInput): ProjectFileInput => project

/** What a function task is called with: files and typed values, never an object of the platform. */
export interface TaskContext {
  /** Absolute path of each input file. Read only. */
  readonly inputs: Readonly<Record<string, string>>
  /** Absolute path at which each declared output must stand when the function returns. */
  readonly outputs: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string | number | boolean>>
  /** Records a value of a metric; `step` counts epochs and is 0 otherwise. Throws RangeError when it is not finite. */
  metric(name: string, value: number, step?: number): void
  /** Writes a line to the task's log. */
  log(line: string): void
}
