export { createApp, type App } from './app.ts'
export { eventRoutes, type EventTail } from './events.ts'
export { statusOf } from './problem.ts'
export { pageRoutes } from './pages.ts'
