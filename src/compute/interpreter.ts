import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * The path of the Python of this name, asked once: the name on the PATH may be that of a script which looks for the real
 * one, and takes five times as long. Rejects when it cannot be started, and asks again the next time.
 */
export function interpreterOf({
  python,
  path = '/usr/local/bin:/usr/bin:/bin',
}: {
  python: string
  path?: string | undefined
}): () => Promise<string> {
  let found: Promise<string> | undefined
  return () =>
    (found ??= promisify(execFile)(python, ['-I', '-S', '-c', 'import sys; print(sys.executable)'], {
      env: { PATH: path },
    }).then(
      ({ stdout }) => stdout.trim(),
      (error: unknown) => {
        found = undefined
        throw error
      },
    ))
}
