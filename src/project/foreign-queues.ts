import { showPath } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import type { RoomAt } from './room-problems.ts'
import { tasksIn } from './tasks-in.ts'

/** A sentence for every task whose queue this server does not serve: another one may. */
export const foreignQueues = (file: ProjectFile, queues: RoomAt['queues'] = {}): readonly string[] =>
  tasksIn(file).flatMap(({ task: { queue }, path }) =>
    queue === undefined || Object.hasOwn(queues, queue)
      ? []
      : [
          `${showPath([...path, 'queue'])}: this server takes no tasks of queue ${queue}: another one has to (taskQueues)`,
        ],
  )
