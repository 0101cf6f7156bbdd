/** Prints rows as a table, the machine first: a number without its machine says nothing. */
import { cpus, totalmem } from 'node:os'

export function printTable(title: string, rows: readonly Readonly<Record<string, string | number>>[]): void {
  console.log(`\n${title}\n${cpus().length} cores, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB, Node ${process.version}`)
  console.table(rows)
}
