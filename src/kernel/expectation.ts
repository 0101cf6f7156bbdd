import type { z } from 'zod'
import { oneOf } from './nearest.ts'

type Issue = z.core.$ZodIssue

/** What would have been right where a schema refuses a value, in the words of the one who wrote it. */
export function expectation(issue: Issue, value?: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return article(issue.expected)
    case 'invalid_value':
      return oneOf(
        value,
        issue.values.map(allowed => String(allowed) || "''"),
      )
    case 'invalid_union': {
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : undefined
      return options
        ? oneOf(value, options)
        : issue.errors.map(([first]) => (first ? expectation(first) : '')).join(' or ')
    }
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array' ? `not empty` : `at least ${issue.minimum}`
    case 'not_multiple_of':
    case 'invalid_format':
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return issue.message
  }
}

const article = (type: string): string =>
  `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type === 'record' ? 'object' : type === 'int' ? 'whole number' : type === 'string' ? 'text' : type}`
