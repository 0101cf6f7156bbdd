import { z } from 'zod'
import { messageOf, TrainyardError } from '#kernel/error.ts'
import type { MetricPoint } from '#workflow'

const MetricLine = z.strictObject({
  name: z.string().min(1).max(250),
  value: z.number(),
  step: z.int().min(0).optional(),
})

/**
 * The metrics of a task: JSON lines `{"name": "loss", "value": 0.3, "step": 4}`. Throws `task_failed` naming the first
 * line that is something else; empty lines are passed over.
 */
export function parseMetrics(text: string): readonly MetricPoint[] {
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parseLine(line, index + 1)]))
}

function parseLine(line: string, number: number): MetricPoint {
  try {
    return MetricLine.parse(JSON.parse(line))
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? error.issues.map(issue => `${issue.path.join('.') || 'line'}: ${issue.message}`).join('; ')
        : messageOf(error)
    throw new TrainyardError(
      'task_failed',
      `Line ${number} of the metrics file is no metric: ${line.slice(0, 200)}\n  ${why}\n  allowed: {"name": text, "value": finite number, "step": whole number, optional}`,
      {
        cause: { kind: 'metrics', line: number },
      },
    )
  }
}
