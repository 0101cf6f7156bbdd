import { TrainyardError } from '#kernel/error.ts'
import { verb } from '../command.ts'
import { followRun } from '../follow-run.ts'

interface Reproduction {
  run: string
  isIdentical: boolean
  tasks: { name: string; verdict: string; outputs: string[]; inputs: string[]; environment?: boolean }[]
}

export const reproduceVerb = verb(
  'reproduce <run>',
  'Do a run again from its record, and say whether it gives the same.',
  command => command,
  async (context, _, [run]) => {
    const { client, output } = context
    const started = await client.send<{ id: string }>('POST', `/api/v1/runs/${encodeURIComponent(run!)}/reproductions`)
    output.note(`Run ${started.id} does it again.`)
    await followRun(context, started.id)
    const found = await client.get<Reproduction>(`/api/v1/runs/${started.id}/reproduction`)
    output.result(found, () => found.tasks.map(sentence))
    if (!found.isIdentical)
      throw new TrainyardError('gate_failed', `Run ${run} was not reproduced.`, { run: found.run })
  },
)

function sentence({ name, verdict, outputs, inputs, environment }: Reproduction['tasks'][number]): string {
  if (verdict === 'identical') return `${name}: the same bytes`
  if (verdict === 'unknown') return `${name}: gave nothing`
  const given = [...inputs.map(input => `input ${input}`), ...(environment ? ['the environment'] : [])]
  return `${name}: other ${outputs.join(', ')}; ${given.length > 0 ? `${given.join(', ')} differed` : 'what it was given was the same'}`
}
