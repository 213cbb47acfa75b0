import type { Message } from '../../src/wire/message.js';
import { frameOf, type Model } from './differential/model.js';
import type { Difference } from './differential/rewriting.js';
import { hexOf, received, type Step } from './differential/script.js';
import type { Seen } from './differential/seen.js';

const SETTINGS = { parity: 'odd', maxConcurrentRequests: 64 } as const;
const HELLO = hexOf({ type: 'ConnectionOpen', connectionId: 0, connectionSettings: SETTINGS, metadata: [] });
const EMPTY_CLOSE = hexOf({ type: 'ConnectionClose', connectionId: 0, metadata: [] });

const frame = (message: Message): Step => ({ do: 'frame', hex: hexOf(message) });

const GREETING = frame({
  type: 'HelloYourself',
  connectionId: 0,
  connectionSettings: { parity: 'even', maxConcurrentRequests: 64 },
  metadata: [],
});
const open = (ref: number): Step => ({ do: 'open', ref, hex: HELLO });
const reject = (connectionId: number): Step => frame({ type: 'ConnectionReject', connectionId, metadata: [] });
const openOf = (connectionId: number): Step =>
  frame({ type: 'ConnectionOpen', connectionId, connectionSettings: SETTINGS, metadata: [] });
const closeOf = (connectionId: number): Step => frame({ type: 'ConnectionClose', connectionId, metadata: [] });
const cancel: Message = { type: 'RequestMessage', connectionId: 0, id: 1, body: { type: 'Cancel', metadata: [] } };
const cancelOf = (connectionId: number): Step => frame({ ...cancel, connectionId });

/** An initiator of odd parity, with an acceptor, that has been greeted. */
const session = (...steps: readonly Step[]) => ({
  role: 'initiator' as const,
  hello: HELLO,
  accept: HELLO,
  reject: EMPTY_CLOSE,
  steps: [GREETING, ...steps],
});

const cause = (theirs: string, ours: string) => (seen: Seen) =>
  seen.replace({ ev: 'session-ended', why: theirs }, { ev: 'session-ended', why: ours });

const opensFailedBy = (ref: number | undefined) => (seen: Seen) =>
  seen.replace(
    { ev: 'open-failed', ref, text: 'session closed' },
    { ev: 'open-failed', ref, text: 'connection closed' },
  );

/** The frame that a running session takes with this step. */
function taken(step: Step, model: Model): Message | undefined {
  return model.phase === 'running' && !model.isBlocked ? frameOf(step) : undefined;
}

function withMore<S extends Step>(step: S, like: Step): S {
  return like.more === true ? { ...step, more: true } : step;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    row: '9b.09',
    line: 'session/mod.rs:742',
    reference: 'ignores that a message could not be sent, and goes on',
    ours: 'the session ends',
    rewrite(step, model) {
      if (!model.isRefusing || !model.sends(step)) return undefined;
      const message = frameOf(step);
      const isAsked = message?.type === 'ConnectionOpen' && model.script.accept !== undefined;
      return {
        before: [{ do: 'fail' }],
        ...(isAsked && model.isOpenable(message.connectionId)
          ? {
              adjust: (seen) => {
                const { connectionId, connectionSettings: peer, metadata } = message;
                const hex = hexOf({ type: 'ConnectionReject', connectionId, metadata });
                const shown = { parity: peer.parity, max: peer.maxConcurrentRequests };
                seen.add({ ev: 'asked', id: connectionId, peer: shown, hex });
                return true;
              },
            }
          : {}),
      };
    },
    example: session({ do: 'refuse' }, frame({ type: 'Ping', connectionId: 0, nonce: 1n })),
  },
  {
    row: '9a.12',
    line: 'session/mod.rs:718',
    reference: 'takes ids of 64 bits, bytes behind a message, and integers longer or larger than their type',
    ours: 'the session ends: the bytes are no message',
    rewrite(step, model) {
      if (step.do !== 'frame' || model.phase === 'over' || model.isBlocked || received(step.hex) !== undefined) {
        return undefined;
      }
      // What the reference refuses, too, needs no rewriting: see `malformed` in compare.ts.
      if (step.lenient !== true) return undefined;
      return { instead: { do: 'fail' }, adjust: model.phase === 'running' ? cause('link', 'violation') : noMessage };
    },
    // Pong on connection 2⁵³.
    example: session({ do: 'frame', hex: '80808080808080100a00', lenient: true }),
  },
  {
    row: '9b.16',
    line: 'session/mod.rs:821',
    reference: 'ignores a ProtocolError after the handshake',
    ours: 'the session ends with its description',
    rewrite(step, model) {
      if (taken(step, model)?.type !== 'ProtocolError') return undefined;
      return { instead: withMore({ do: 'end' }, step), adjust: cause('peer', 'accused') };
    },
    example: session(frame({ type: 'ProtocolError', connectionId: 0, description: 'no' })),
  },
  {
    row: '9b.03',
    line: 'session/mod.rs:775',
    reference: 'forgets the root on its Close, and limps on',
    ours: 'the session ends, as closed by the peer',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ConnectionClose' || message.connectionId !== 0) return undefined;
      return { instead: withMore({ do: 'end' }, step) };
    },
    example: session(closeOf(0)),
  },
  {
    row: '9b.02',
    line: 'session/mod.rs:992',
    reference: 'takes a stray Accept or Reject for the end of an active handle, though its messages still flow',
    ours: 'nothing changes',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ConnectionAccept' && message?.type !== 'ConnectionReject') return undefined;
      return model.live.get(message.connectionId)?.state === 'active' ? { instead: null } : undefined;
    },
    example: session(openOf(2), reject(2)),
  },
  {
    row: '9b.17',
    line: 'session/mod.rs:1028',
    reference: 'gives the opener metadata of a Reject that points into freed memory',
    ours: 'the metadata as it was sent',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ConnectionReject' || message.metadata.length === 0) return undefined;
      const { connectionId, metadata } = message;
      const instead = withMore(reject(connectionId), step);
      const live = model.live.get(connectionId);
      if (live?.state !== 'pending') return { instead };
      const told = (entries: typeof metadata) => ({
        ev: 'open-rejected',
        ref: live.ref,
        hex: hexOf({ type: 'ConnectionReject', connectionId: 0, metadata: entries }),
      });
      return { instead, adjust: (seen) => seen.replace(told([]), told(metadata)) };
    },
    example: session(open(1), {
      do: 'frame',
      hex: hexOf({
        type: 'ConnectionReject',
        connectionId: 1,
        metadata: [{ key: 'why', value: 'no room', flags: 0n }],
      }),
    }),
  },
  {
    row: '9b.04',
    line: 'session/mod.rs:1023',
    reference:
      'does not look whether the root was the last after a Reject, and takes more frames before it does otherwise',
    ours: 'the check runs in the same step as every removal',
    rewrite(step, model) {
      if ((step.do === 'frame' || step.do === 'end') && model.hasJustEnded) return { instead: null };
      const message = taken(step, model);
      if (message?.type !== 'ConnectionReject') return undefined;
      const { connectionId: id } = message;
      if (model.live.get(id)?.state !== 'pending' || !model.isLast(id)) return undefined;
      return { after: [{ do: 'shutdown' }], adjust: cause('shutdown', 'released') };
    },
    example: session(open(1), { do: 'release', id: 0 }, reject(1)),
  },
  {
    row: '9b.05',
    line: 'session/mod.rs:792',
    reference: 'sends nothing when the reader of an inbox is gone, and forgets a root whose reader is',
    ours: 'a virtual connection is closed, and the session ends with the root',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' && message?.type !== 'ChannelMessage') return undefined;
      const { connectionId: id } = message;
      const live = model.live.get(id);
      if (live?.state !== 'active' || !live.isReaderGone || (model.isRefusing && id !== 0)) return undefined;
      if (id === 0) return { instead: { do: 'shutdown' }, adjust: cause('shutdown', 'abandoned') };
      return {
        instead: { do: 'close', id, hex: EMPTY_CLOSE },
        adjust: (seen) => seen.remove({ ev: 'close-ok', id }),
      };
    },
    example: session(openOf(2), { do: 'drop', id: 2 }, cancelOf(2)),
  },
  {
    row: '9b.07',
    line: 'session/mod.rs:1001',
    reference: 'keeps a connection whose opener has given up',
    ours: 'it is closed at once',
    rewrite(step, model) {
      if (step.do !== 'abandon' || model.phase !== 'running' || model.isRefusing) return undefined;
      const live = model.opens.get(step.ref);
      if (live?.state !== 'pending') return undefined;
      const { id, ref } = live;
      return {
        instead: { do: 'close', id, hex: EMPTY_CLOSE },
        adjust: (seen) => seen.remove({ ev: 'close-ok', id }) && opensFailedBy(ref)(seen),
      };
    },
    example: session(open(1), { do: 'abandon', ref: 1 }),
  },
  {
    row: '9b.08',
    line: 'session/mod.rs:127',
    reference: 'an opener whose pending connection is closed hears that the session is',
    ours: 'it hears that the connection is',
    rewrite(step, model) {
      const message = taken(step, model);
      let id: number | undefined;
      if (message?.type === 'ConnectionClose') id = message.connectionId;
      else if (step.do === 'close' && model.phase === 'running' && !model.isRefusing) id = step.id;
      const live = id === undefined ? undefined : model.live.get(id);
      return live?.state === 'pending' ? { adjust: opensFailedBy(live.ref) } : undefined;
    },
    example: session(open(1), closeOf(1)),
  },
  {
    row: '9b.01',
    line: 'session/mod.rs:327',
    reference: 'sends on a connection that is closed',
    ours: 'nothing is sent: the connection is closed',
    rewrite(step, model) {
      if (step.do !== 'send') return undefined;
      const { id } = step;
      if (model.handle(step)?.state !== 'closed') return undefined;
      return {
        instead: null,
        adjust: (seen) => {
          seen.add({ ev: 'send-failed', id });
          return true;
        },
      };
    },
    example: session(openOf(2), closeOf(2), { do: 'send', id: 2, hex: hexOf(cancel) }),
  },
  {
    row: '9b.18',
    line: 'session/mod.rs:1118',
    reference: 'the last caller of a closed connection closes a new one of the same id',
    ours: 'nothing happens to the new one',
    rewrite(step, model) {
      if (step.do !== 'release' || model.phase !== 'running' || step.id === 0) return undefined;
      return model.handle(step)?.state === 'closed' && model.live.has(step.id) ? { instead: null } : undefined;
    },
    example: session(openOf(2), closeOf(2), openOf(2), { do: 'release', id: 2, which: 1 }),
  },
  {
    row: '9b.23',
    line: 'session/mod.rs:155',
    reference: 'a second shutdown fails',
    ours: 'it has no effect',
    rewrite(step, model) {
      if (step.do !== 'shutdown' || model.phase !== 'over' || model.handles.size === 0) return undefined;
      return { adjust: (seen) => seen.remove({ ev: 'shutdown-failed', text: 'session closed' }) };
    },
    example: session({ do: 'shutdown' }, { do: 'shutdown' }),
  },
  {
    row: '9b.23',
    line: 'session/mod.rs:386',
    reference: 'a failure that is noted after the end is still told',
    ours: 'it is not told',
    rewrite(step, model) {
      if (step.do !== 'failure' || model.handle(step)?.state !== 'closed') return undefined;
      return { instead: null };
    },
    example: session(openOf(2), closeOf(2), { do: 'failure', id: 2, request: 1 }),
  },
];

function noMessage(seen: Seen): boolean {
  return seen.replace({ ev: 'handshake-failed', text: 'link failed' }, { ev: 'handshake-failed', text: 'malformed' });
}
