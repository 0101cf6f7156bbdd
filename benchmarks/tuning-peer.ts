/** Optuna and the objectives that both sides are measured on, in a Python with exactly what its requirements list. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../test/mlflow/environment.ts'

export interface Peer {
  ask(question: object): Promise<number>
  stop(): void
}

export async function startPeer(): Promise<Peer> {
  const script = fileURLToPath(new URL('tuning-objectives.py', import.meta.url))
  const child = spawn(await pythonWith('optuna'), ['-W', 'ignore', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('The peer has ended.')
      return JSON.parse(value) as number
    },
    stop: () => void child.stdin.end(),
  }
}
