export type {
  PostgresClient,
  PostgresConnectionSettings,
  PostgresNotification,
  PostgresPool,
  PostgresQuery,
} from './postgres-driver.js'
export { postgresDdl } from './postgres-migration.js'
export type { PostgresStorageOptions } from './postgres-options.js'
export { postgresStorage } from './postgres-storage.js'
