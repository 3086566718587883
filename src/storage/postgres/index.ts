export { postgresDdl } from './postgres-ddl.js'
export type {
  PostgresClient,
  PostgresConnectionSettings,
  PostgresNotification,
  PostgresPool,
  PostgresQuery,
} from './postgres-driver.js'
export type { PostgresStorageOptions } from './postgres-options.js'
export { postgresStorage } from './postgres-storage.js'
