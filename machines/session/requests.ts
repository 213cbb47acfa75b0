/**
 * The requests that the application may make of a running session: the rows of the protocol's table of local requests. A
 * request that comes after the end of its connection has no effect.
 */
import type { ConnectionRequest, ConnectionStart, Outcome, RequestNumber } from '../events.js';
import { conclude, session } from './context.js';

/** Forwards a request to its connection. */
const pass = {
  type: 'forward',
  params: ({ event }: { event: ConnectionRequest }) => ({ id: event.id, event }),
} as const;

export function settle(outcome: Outcome) {
  return {
    type: 'settle',
    params: ({ event }: { event: { request: RequestNumber } }) => ({ request: event.request, outcome }),
  } as const;
}

export const requestRows = session.createStateConfig({
  on: {
    'app.open': [
      // 5.22
      { guard: 'isFull', actions: settle({ type: 'limited' }) },
      // 5.21
      {
        actions: [
          'open',
          {
            type: 'spawn',
            params: ({ context, event }): ConnectionStart => ({
              id: context.localHigh,
              origin: 'local',
              request: event.request,
              localSettings: event.settings,
              metadata: event.metadata,
            }),
          },
        ],
      },
    ],
    'app.close': [
      // 5.24
      { guard: 'isForRoot', actions: settle({ type: 'invalid', message: 'cannot close root connection' }) },
      // 5.26
      { guard: 'isLive', actions: pass },
      // 5.25
      { actions: settle({ type: 'invalid', message: 'connection not found' }) },
    ],
    'app.release': [
      // 5.28: r[rpc.caller.liveness.root-internal-close]
      { guard: 'isForRoot', actions: 'releaseRoot' },
      // 5.27: r[rpc.caller.liveness.last-drop-closes-connection]
      { guard: 'isLive', actions: pass },
      {},
    ],
    'app.abandonOpen': [{ guard: 'isLive', actions: pass }, {}],
    'app.accept': [{ guard: 'isLive', actions: pass }, {}],
    'app.reject': [{ guard: 'isLive', actions: pass }, {}],
    'app.leave': [{ guard: 'isRouted', actions: pass }, {}],
    // 5.29
    'app.shutdown': { target: 'ending', actions: conclude({ cause: 'shutdown' }) },
  },
}).on;
