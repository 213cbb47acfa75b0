/**
 * The region for new credentials of the peer: 5.31. A peer that was authenticated shows them in a notice, and the application is
 * asked again. Meanwhile all goes on as before, and a refusal changes nothing. The answer is the Reject of the notice.
 *
 * It asks one question at a time. A notice that comes meanwhile is refused as `unavailable`.
 */

import type { ConnectionId } from '../../src/wire/id.js';
import type { ConnectionReject } from '../../src/wire/message.js';
import { NOTICE, REASON } from '../../src/wire/metadata.js';
import { type Refusal, UNDECIDED } from '../../src/wire/refusal.js';
import type { Received } from '../events.js';
import { noteOpen } from './connections.js';
import { type SessionContext, session } from './context.js';

interface Args {
  context: SessionContext;
}

type Open = Extract<Received, { type: 'rx.ConnectionOpen' }>;

function accepted(id: ConnectionId): ConnectionReject {
  return { type: 'ConnectionReject', connectionId: id, metadata: [{ key: NOTICE, value: 'ok', flags: 0n }] };
}

function refused(id: ConnectionId, { reason, text }: Refusal): ConnectionReject {
  return {
    type: 'ConnectionReject',
    connectionId: id,
    metadata: [
      { key: NOTICE, value: `refused.${reason}`, flags: 0n },
      { key: REASON, value: text, flags: 0n },
    ],
  };
}

export const renewal = session.createStateConfig({
  initial: 'settled',
  states: {
    settled: {
      on: {
        'rx.ConnectionOpen': {
          guard: 'isRenewal',
          target: 'asking',
          actions: [
            noteOpen,
            { type: 'noteRenewal', params: ({ event }: { event: Open }) => ({ id: event.message.connectionId }) },
            { type: 'renew', params: ({ event }: { event: Open }) => ({ metadata: event.message.metadata }) },
          ],
        },
      },
    },
    asking: {
      exit: 'stopRenewing',
      after: {
        authenticateTimeout: {
          target: 'settled',
          actions: [
            'reportUnanswered',
            { type: 'transmit', params: ({ context }: Args) => refused(context.renewal, UNDECIDED) },
          ],
        },
      },
      on: {
        'auth.accepted': {
          target: 'settled',
          actions: { type: 'transmit', params: ({ context }: Args) => accepted(context.renewal) },
        },
        'auth.refused': {
          target: 'settled',
          actions: {
            type: 'transmit',
            params: ({ context, event }: Args & { event: Refusal }) => refused(context.renewal, event),
          },
        },
        'rx.ConnectionOpen': {
          guard: 'isRenewal',
          actions: [
            noteOpen,
            {
              type: 'transmit',
              params: ({ event }: { event: Open }) => refused(event.message.connectionId, UNDECIDED),
            },
          ],
        },
      },
    },
  },
});
