import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrainyardError } from '../../src/kernel/error.ts'
import type { ExecutorBed } from '../../src/compute/executor.contract.ts'

/** A task on several nodes: its ranks find each other, and all of them are one attempt. */
export function distributes(name: string, open: () => Promise<ExecutorBed>): void {
  test(`${name} runs a task on several nodes`, { timeout: 300_000 }, async t => {
    const bed = await open()

    await t.test(
      'its ranks meet at the first, each line of the log says whose it is, and the first gives the outputs',
      async () => {
        const one = await bed.attempt(
          { run: 'python3 meet.py', outputs: ['sum'], nodes: 2 },
          { files: { 'meet.py': meet } },
        )
        const { outputs } = await bed.executor().execute(one)
        assert.equal((await bed.blobs.bytes(outputs['sum']!.digest!)).toString(), '3')
        assert.deepEqual(one.lines.filter(line => line.includes('rank')).toSorted(), [
          '[0] rank 0 of 2',
          '[1] rank 1 of 2',
        ])
      },
    )

    await t.test('one that fails fails all', async () => {
      const one = await bed.attempt({ run: 'if [ "$RANK" = 1 ]; then exit 5; fi; sleep 600', nodes: 2 })
      const error = await bed
        .executor()
        .execute(one)
        .then(
          () => assert.fail('It succeeded.'),
          (thrown: TrainyardError) => thrown,
        )
      assert.deepEqual(error.detail, { cause: { kind: 'exit', code: 5 } })
    })
  })
}

/** Each rank tells the first its number, which adds them up. */
const meet = `
import os, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
print("rank", rank, "of", size)
if rank == 0:
    server = socket.create_server(("", address[1]))
    total = 1
    for _ in range(size - 1):
        total += int(server.accept()[0].recv(16))
    with open(os.environ["TRAINYARD_OUTPUT_SUM"], "w") as file:
        file.write(str(total))
else:
    while True:
        try:
            socket.create_connection(address).sendall(str(rank + 1).encode())
            break
        except OSError:
            time.sleep(0.1)
`
