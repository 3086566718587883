export type {
  MongodbClient,
  MongodbCursor,
  MongodbDatabase,
  MongodbDocument,
  MongodbSession,
} from './mongodb-client.js'
export { mongodbLayoutCommands } from './mongodb-layout.js'
export type { MongodbStorageOptions } from './mongodb-options.js'
export { mongodbStorage } from './mongodb-storage.js'
