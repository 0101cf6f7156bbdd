import { verb } from '../command.ts'

interface Task {
  name: string
  state: string
}

export const approveVerb = verb(
  'approve <run> <task>',
  'Say that a run may go on where it waits for approval, or that it may not.',
  command =>
    command
      .requiredOption('--reason <text>', 'why; it is kept with the decision')
      .option('--reject', 'the run may not go on'),
  async ({ client, output }, { reason, reject }, [run, name]) => {
    const path = `/api/v1/runs/${encodeURIComponent(run!)}/tasks/${encodeURIComponent(name!)}/decision`
    const task = await client.send<Task>('POST', path, { verdict: reject ? 'reject' : 'approve', reason })
    output.result(task, () => [`${task.name} is ${reject ? 'rejected' : 'approved'}.`])
  },
)
