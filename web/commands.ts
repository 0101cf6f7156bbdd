import type { Revision } from './wire.ts'

/** Commands to copy, with the names that the project declares: what stands on an empty page must work as it stands. */

type Spec = Pick<Revision['spec'], 'pipelines' | 'models' | 'deployments'>

/** Where the command line looks by itself. */
const usual = 'http://127.0.0.1:7070'

export function commandsOf({ project, spec, server }: { project: string; spec: Spec; server: string }) {
  const where = [`-p ${project}`, ...at(server)].join(' ')
  const [model = '<model>'] = Object.keys(spec.models)
  const [deployment = '<deployment>'] = Object.keys(spec.deployments)
  return {
    /** Starts the pipeline that has a task which uses this part of the platform; else the first. */
    run(uses?: string): string {
      const pipelines = Object.entries(spec.pipelines)
      const fitting = pipelines.find(([, { tasks }]) =>
        Object.values(tasks).some(task => 'uses' in task && task.uses === uses),
      )
      return `trainyard run ${(fitting ?? pipelines[0])?.[0] ?? '<pipeline>'} ${where}`
    },
    promote: `trainyard promote ${model} ${where}`,
    predict: ['trainyard predict', deployment, '--entity <key>', ...at(server)].join(' '),
  }
}

const at = (server: string): readonly string[] =>
  server === usual || server === usual.replace('127.0.0.1', 'localhost') ? [] : [`--server ${server}`]
