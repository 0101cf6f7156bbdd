export { createNotifications, type Notifications } from './notifications.ts'
export { platformChannels } from './channel.ts'
export { notificationDeliveries, notificationMigrations } from './tables.ts'
export { notificationRoutes } from './routes.ts'
