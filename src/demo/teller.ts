import { styleText } from 'node:util'
import { messageOf } from '#kernel/error.ts'

/** How the story is told: a heading for each chapter, a line for each step, indented evidence, a bar for what takes time. */
export interface Teller {
  chapter(title: string): void
  /**
   * Tells one step of the paper's figure 4. `happen` makes it happen and answers the evidence, read back from the
   * platform. Throws {@link StepFailed} with the number when it does not.
   */
  step(number: number, title: string, happen: () => Promise<readonly string[]>): Promise<void>
  /** A remark between steps. */
  say(line: string): void
  /** A bar from 0 to 1; gone when it is full. */
  progress(share: number, label: string): void
}

/** A step of the paper that did not happen. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed'
  readonly step: number

  constructor(step: number, title: string, cause: unknown) {
    super(`Step (${step}) ${title} did not happen: ${messageOf(cause)}`, { cause })
    this.step = step
  }
}

const barWidth = 30

export function createTeller({
  write,
  terminal,
}: {
  write: (text: string) => void
  terminal: boolean
}): Teller & { readonly told: ReadonlySet<number> } {
  const told = new Set<number>()
  let shown = false
  const clear = (): void => {
    if (shown) write('\r\u001b[2K')
    shown = false
  }
  const line = (text: string): void => {
    clear()
    write(`${text}\n`)
  }

  return {
    told,
    chapter: title => line(`\n${styleText('bold', title)}`),
    say: text => line(`      ${styleText('dim', text)}`),
    async step(number, title, happen) {
      const evidence = await happen().catch(error => {
        throw new StepFailed(number, title, error)
      })
      if (evidence.length === 0) throw new StepFailed(number, title, new Error('there is no evidence of it.'))
      told.add(number)
      line(`${styleText('green', `(${number})`.padStart(5))} ${title}`)
      for (const fact of evidence) line(`        ${fact}`)
    },
    progress(share, label) {
      if (!terminal) return
      const full = Math.round(share * barWidth)
      clear()
      if (share >= 1) return
      write(`\r      ${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${label}`)
      shown = true
    },
  }
}
