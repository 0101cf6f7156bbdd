import type { ReadStream } from 'node:tty'

const [enter, newline, backspace, interrupt, end] = ['\r', '\n', '\u007F', '\u0003', '\u0004']

/**
 * A value that must not stand on the screen or among the arguments of a process: typed without an echo, or all of
 * standard input when that is no terminal, without the line's end.
 */
export async function readSecret(stdin: ReadStream, ask: () => void): Promise<string> {
  if (!stdin.isTTY)
    return Buffer.concat(await stdin.toArray())
      .toString()
      .replace(/\r?\n$/, '')
  ask()
  stdin.setRawMode(true)
  try {
    return await typed(stdin)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
  }
}

async function typed(stdin: ReadStream): Promise<string> {
  const characters: string[] = []
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    for (const character of String(chunk)) {
      if (character === enter || character === newline || character === end) return characters.join('')
      if (character === interrupt) process.kill(process.pid, 'SIGINT')
      if (character === backspace) characters.pop()
      else if (character >= ' ') characters.push(character)
    }
  }
  return characters.join('')
}
