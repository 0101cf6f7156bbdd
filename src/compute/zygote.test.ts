import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { processesWith } from './testing.ts'
import { createZygote } from './zygote.ts'

/** A zygote of which nobody else in this process knows, and the place where it listens. */
async function open(t: TestContext) {
  const before = new Set(await processesWith('zygote.py'))
  const zygote = createZygote(async () => 'python3', { silenceMsMax: 2_000 })
  t.after(() => zygote.stop())
  const fork = async () => {
    const forked = await zygote.fork(tmpdir())
    t.after(() => forked.line.destroy())
    return forked
  }
  await fork()
  const own = (await processesWith('zygote.py')).filter(pid => !before.has(pid))
  const pid = Math.min(...own)
  const path = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').at(-2)!
  t.after(() => rm(path, { force: true }))
  return { fork, pid, path }
}

test('who is not its server is given no shim', async t => {
  const { path } = await open(t)
  const ask = `
    import socket, sys
    line = socket.socket(socket.AF_UNIX)
    line.connect(sys.argv[1])
    try:
        line.sendall(b"/tmp\\0")
        print(line.recv(20))
    except OSError:
        print(b"")`

  const { stdout } = await promisify(execFile)('python3', ['-c', ask.replaceAll('\n    ', '\n'), path])

  assert.equal(stdout, "b''\n")
})

const ends: Readonly<Record<string, (one: { pid: number; path: string }) => unknown>> = {
  'stands still': ({ pid }) => process.kill(pid, 'SIGSTOP'),
  'was killed': ({ pid }) => process.kill(pid, 'SIGKILL'),
  'cannot be found': ({ path }) => unlink(path),
}
for (const [what, end] of Object.entries(ends))
  test(`one that ${what} is followed by another; what it has begun goes on`, async t => {
    const { fork, pid, path } = await open(t)
    const first = await fork()

    await end({ pid, path })
    const second = await fork()
    await setTimeout(50)

    assert.deepEqual([first.line.destroyed, second.line.destroyed], [false, false])
  })
