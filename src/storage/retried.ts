/** What PostgreSQL says of transactions that stood in each other's way: deadlock_detected, serialization_failure. */
const collisions: ReadonlySet<unknown> = new Set(['40P01', '40001'])
const triesMax = 5

/** The result of a transaction, begun anew when the database gave it up in favour of another one. */
export async function retried<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await transaction()
    } catch (error) {
      const isCollision = error instanceof Error && 'code' in error && collisions.has(error.code)
      if (!isCollision || tries === triesMax) throw error
    }
  }
}
