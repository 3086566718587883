/** The optional peer, as far as it is used: the sources need no types from it. */
declare module 'better-sqlite3' {
  interface Statement {
    run(...values: (string | number | null)[]): { readonly changes: number }
    get(...values: (string | number | null)[]): unknown
    all(...values: (string | number | null)[]): unknown[]
  }

  export default class Database {
    constructor(path: string, options?: { readonly timeout?: number; readonly readonly?: boolean })
    exec(sql: string): this
    prepare(sql: string): Statement
    close(): this
  }
}
