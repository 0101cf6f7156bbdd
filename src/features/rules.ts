import type { Digest } from '#kernel/digest.ts'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { Projects, Revision } from '#project'
import type { AnyTx, Duckdb, Row } from '#storage'

/** A file of SQL in the project's code: transformation, feature engineering, or a label. A versioned artifact. */
export interface Rules {
  readonly path: string
  readonly digest: Digest
  readonly text: string
}

/** Throws `not_found` when the code has no such file. */
export async function readRules(projects: Pick<Projects, 'file'>, revision: Revision, path: string): Promise<Rules> {
  const { digest, text } = await projects.file(revision, path)
  return { path, digest, text }
}

/** The SELECT of a file, as a relation: line n of a message is line n of the file. */
export const relationOf = ({ text }: Rules): string => `(${text.replace(/;\s*$/, '')}\n)`

/** Writes the rules and what follows from them into the lineage. */
export async function recordRules(
  ledger: Pick<Ledger, 'record' | 'link'>,
  tx: AnyTx,
  { project, to, rules }: { project: string; to: string; rules: readonly Rules[] },
): Promise<void> {
  for (const { path, digest } of rules) {
    const id = `rules_${project}_${digest}`
    await ledger.record(tx, { id, kind: 'rules', label: path, project, facts: { digest, path } })
    await ledger.link(tx, { from: to, to: id, relation: 'follows' })
  }
}

/**
 * Runs statements in which users' SQL takes part. When DuckDB refuses, the stages are tried one after the other, each
 * with all before it, and the first that fails is the file to blame.
 */
export async function runRules(
  duckdb: Duckdb,
  statements: readonly string[],
  stages: readonly { rules: Rules; setup: readonly string[] }[],
  signal: AbortSignal,
): Promise<readonly Row[]> {
  try {
    return await duckdb.query(statements, signal)
  } catch (error) {
    if (!isRefusal(error)) throw error
    for (const { rules, setup } of stages) await blame(duckdb, rules, [...setup, 'select 1'], signal)
    throw error
  }
}

async function blame(duckdb: Duckdb, rules: Rules, statements: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await duckdb.query(statements, signal)
  } catch (error) {
    throw isRefusal(error) ? refused(rules, error.message) : error
  }
}

const isRefusal = (error: unknown): error is TrainyardError =>
  error instanceof TrainyardError && error.code === 'invalid'

/** DuckDB's sentence and line; what it quotes of line 1 has words of ours in it. */
function refused({ path }: Rules, message: string): TrainyardError {
  const [sentence = ''] = message.split('\n\nLINE ')
  const line = /\n\nLINE (\d+):/.exec(message)?.[1]
  return invalid(`${path}${line === undefined ? '' : `, line ${line}`}: ${sentence}`, [
    { field: path, allowed: 'a SELECT that DuckDB runs' },
  ])
}

/** What a file must answer, as an error of it. */
export const unfit = (path: string, column: string, allowed: string): TrainyardError =>
  invalid(`${path} does not answer what it should.`, [{ field: column, allowed }])
