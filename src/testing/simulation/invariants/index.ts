import type { CheckerFactory } from '../checker.js'
import { acceptedOnce } from './accepted-once.js'
import { cancelIsFinal } from './cancel-is-final.js'
import { cleanShutdown } from './clean-shutdown.js'
import { createdOnce } from './created-once.js'
import { interruptsEarlier } from './interrupts-earlier.js'
import { messagesOnce } from './messages-once.js'
import { nothingBroken } from './nothing-broken.js'
import { oneHandler } from './one-handler.js'
import { oneTerminalState } from './one-terminal-state.js'
import { rankOrder } from './rank-order.js'
import { reasonsAreTrue } from './reasons-are-true.js'
import { repeatsAreAnswered } from './repeats-are-answered.js'
import { slotsAndLimits } from './slots-and-limits.js'
import { turnOrder } from './turn-order.js'

/** A checker for each invariant of the architecture page but the ninth, which compares two runs. */
export const INVARIANTS: readonly CheckerFactory[] = [
  oneTerminalState,
  createdOnce,
  repeatsAreAnswered,
  messagesOnce,
  acceptedOnce,
  oneHandler,
  slotsAndLimits,
  turnOrder,
  rankOrder,
  cancelIsFinal,
  interruptsEarlier,
  reasonsAreTrue,
  cleanShutdown,
  nothingBroken,
]
