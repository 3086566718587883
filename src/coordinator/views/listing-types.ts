import type { Task } from '../../task/task.js'
import type { TaskStatus } from '../../task/task-status.js'

/** Which tasks to list. Status and times are found by an index; type and tenant are picked out of what it gives. */
export interface ListFilter {
  /** Default: all of them. */
  readonly status?: TaskStatus | readonly TaskStatus[] | undefined
  readonly type?: string | undefined
  readonly tenant?: string | undefined
  /** Created at this moment or later. */
  readonly from?: Date | number | undefined
  /** Created before this moment. */
  readonly until?: Date | number | undefined
  /** Default `desc`: newest first. */
  readonly order?: 'asc' | 'desc' | undefined
  /** Tasks per page, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
  /** Goes on after an earlier page with the same filter. */
  readonly cursor?: string | undefined
}

/** One page of tasks. */
export interface ListPage {
  /** May be fewer than `limit` although more follow. */
  readonly tasks: readonly Task[]
  /** Where to go on; absent on the last page. */
  readonly cursor?: string
}

/** Which failed tasks to make anew. */
export interface RedriveFilter {
  /** These tasks. */
  readonly ids?: readonly string[] | undefined
  readonly type?: string | undefined
  readonly tenant?: string | undefined
  /** The code of the error that they failed with. */
  readonly code?: string | undefined
  /** Failed at this moment or later. */
  readonly from?: Date | number | undefined
  /** Failed before this moment. */
  readonly until?: Date | number | undefined
  /** At most so many, oldest first, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
}

/** How `redrive` goes about it. */
export interface RedriveOptions {
  /** Only says what would be done. */
  readonly dryRun?: boolean | undefined
}

/** What a redrive did. */
export interface RedriveResult {
  readonly dryRun: boolean
  /** Each failed task with the one made from it; without `to` in a dry run. */
  readonly tasks: readonly { readonly from: string; readonly to?: string; readonly type: string }[]
  /** Whether more tasks match than the limit let through. */
  readonly more: boolean
}
