import type { Bus } from '../../bus/bus.js'
import { ChannelBus } from '../../bus/channel/channel-bus.js'
import { BusHub } from '../../bus/in-process-bus.js'
import type { NodeContext } from '../node-context.js'

/** The storage's channel carries hints, where it has one; else they stay in this process. */
export function busOf({
  storage,
  clock,
  newId,
  peers,
}: Pick<NodeContext, 'storage' | 'clock' | 'newId' | 'peers'>): Bus {
  const { channel } = storage
  if (channel === undefined) return new BusHub().connect()
  return new ChannelBus(() => channel.call(storage), {
    clock,
    sender: newId(),
    isHeard: () => peers.areHere,
    onHeard: () => peers.heard(),
  })
}
