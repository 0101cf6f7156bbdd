/**
 * A named place at which a test may kill the process, to prove that what was acknowledged survives.
 * `TRAINYARD_CRASHPOINT=workflow.task_claimed:3` kills it the third time it passes there; without the variable this
 * is one comparison. The names are listed in docs/crash-points.md.
 */
export function crashPoint(name: string): void {
  if (armed === undefined || armed.name !== name) return
  armed.passes -= 1
  if (armed.passes <= 0) process.kill(process.pid, 'SIGKILL')
}

const armed = parse(process.env['TRAINYARD_CRASHPOINT']) // oxlint-disable-line node/no-process-env -- must be armed before any setting is read

function parse(text: string | undefined): { name: string; passes: number } | undefined {
  const [name, passes] = text?.split(':') ?? []
  return name ? { name, passes: Number(passes ?? 1) } : undefined
}
