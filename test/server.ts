/** Servers as they are shipped, made anew when the source has changed. */
import '../scripts/built.ts'

export { startServer, type ServerProcess } from '../src/demo/server.ts'
export { keepServer, type Kept } from '../src/demo/world.ts'
