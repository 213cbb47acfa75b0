import { opposite } from '../../src/wire/id.js';
import type { ChannelMessage, ConnectionOpen, DataMessage, Message } from '../../src/wire/message.js';
import { NO_PROPAGATE } from '../../src/wire/metadata.js';
import { METHOD } from './differential/calls-model.js';
import { frameOf, type Model } from './differential/model.js';
import type { Difference, Rewriting } from './differential/rewriting.js';
import { bytesOf, type Event, hexOf, received, refusal, type Step } from './differential/script.js';
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

const drivers = (...steps: readonly Step[]) => ({ ...session(...steps), calls: true as const });

const call = (ref: number): Step => ({ do: 'call', id: 0, ref, method: 1, hex: '' });
const callOf = (id: number, method: number, channels: readonly number[] = [], ...args: readonly number[]): Step =>
  frame({
    type: 'RequestMessage',
    connectionId: 0,
    id,
    body: { type: 'Call', methodId: BigInt(method), channels, metadata: [], args: Uint8Array.from(args) },
  });
const onChannel = (id: number, body: ChannelMessage['body'], connectionId = 0): Message => ({
  type: 'ChannelMessage',
  connectionId,
  id,
  body,
});
const grantOf = (id: number, additional: number, connectionId = 0): Step =>
  frame(onChannel(id, { type: 'GrantCredit', additional }, connectionId));
const acceptOf = (connectionId: number): Step =>
  frame({ type: 'ConnectionAccept', connectionId, connectionSettings: SETTINGS, metadata: [] });
const CLOSE = { type: 'Close', metadata: [] } as const;
const RESET = { type: 'Reset', metadata: [] } as const;
const itemOf = (hex: string) => ({ type: 'Item', item: bytesOf(hex) }) as const;

const EVEN = { parity: 'even', maxConcurrentRequests: 64 } as const;
const RESPONSE = { type: 'Response', channels: [], metadata: [], ret: Uint8Array.of(0) } as const;
const responseTo = (id: number) => ({ type: 'RequestMessage', connectionId: 0, id, body: RESPONSE }) as const;

/** Makes `count` messages for the root's inbox at once, and a Ping behind them. */
function filling(count: number): Step[] {
  return [
    ...Array.from({ length: count }, (): Step => ({ ...cancelOf(0), more: true })),
    frame({ type: 'Ping', connectionId: 0, nonce: 1n }),
  ];
}

/** The channel of ours that a message on an active connection is about. */
function ourChannel(message: Message | undefined, model: Model) {
  if (message?.type !== 'ChannelMessage') return undefined;
  return model.live.get(message.connectionId)?.calls?.ours.get(message.id);
}

/** The channel of the peer's that it is about. */
function theirChannel(message: Message | undefined, model: Model) {
  if (message?.type !== 'ChannelMessage') return undefined;
  return model.live.get(message.connectionId)?.calls?.theirs.get(message.id);
}

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
    line: 'session/mod.rs:808',
    code: 'let _ = self',
    reference: 'ignores that a message could not be sent, and goes on',
    ours: 'the session ends',
    rewrite(step, model) {
      if (!model.isRefusing || !model.sends(step)) return undefined;
      const message = frameOf(step);
      if (message?.type === 'ConnectionOpen') {
        const isAsked = model.script.accept !== undefined && model.isOpenable(message.connectionId);
        return { before: [{ do: 'fail' }], ...(isAsked ? { adjust: (seen) => seen.add(askedOf(message)) } : {}) };
      }
      // An open that our application has given up fails for that reason, before the session ends.
      let live = step.do === 'abandon' ? model.opens.get(step.ref) : undefined;
      if (step.do === 'close' || step.do === 'release') live = model.live.get(step.id);
      // A message for an inbox whose reader is gone closes its connection.
      if (message?.type === 'RequestMessage' || message?.type === 'ChannelMessage') {
        live = model.live.get(message.connectionId);
      }
      const isGivenUp = live?.state === 'pending';
      // If the step removes the last connection, the session ends for that reason, in the same step.
      const isLast = live !== undefined && model.isLast(live.id);
      return {
        before: [{ do: 'fail' }],
        adjust: (seen) => {
          if (isGivenUp) opensFailedBy(live?.ref)(seen);
          if (isLast) cause('link', 'released')(seen);
        },
      };
    },
    example: session({ do: 'refuse' }, frame({ type: 'Ping', connectionId: 0, nonce: 1n })),
  },
  {
    row: '9a.12',
    line: 'session/mod.rs:717',
    code: 'msg = self.rx.recv() => {',
    reference: 'takes ids of 64 bits, bytes behind a message, and integers longer or larger than their type',
    ours: 'the session ends: the bytes are no message',
    rewrite(step, model) {
      if (step.do !== 'frame' || model.phase === 'over' || model.isBlocked || received(step.hex) !== undefined) {
        return undefined;
      }
      // Bytes that the reference also refuses need no rewriting: see `malformed` in compare.ts.
      if (step.lenient !== true) return undefined;
      return {
        instead: { do: 'fail' },
        adjust: model.phase === 'running' ? cause('link', refusal(step.hex)) : noMessage,
      };
    },
    // Pong on connection 2⁵³.
    example: session({ do: 'frame', hex: '80808080808080100a00', lenient: true }),
  },
  {
    row: '9b.16',
    line: 'session/mod.rs:821',
    code: '// Hello, HelloYourself, ProtocolError: not valid post-handshake, drop.',
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
    code: 'self.remove_connection(&conn_id);',
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
    line: 'session/mod.rs:996',
    code: 'let slot = self.remove_connection(&conn_id);',
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
    code: 'let _ = tx.send(Err(SessionError::Rejected(reject.metadata.to_vec())));',
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
    line: 'session/mod.rs:1024',
    code: 'let slot = self.remove_connection(&conn_id);',
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
    code: 'if conn_tx.send(r.map(ConnectionMessage::Request)).await.is_err() {',
    reference: 'sends nothing when the reader of an inbox is gone, and forgets a root whose reader is',
    ours: 'a virtual connection is closed, and the session ends with the root',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' && message?.type !== 'ChannelMessage') return undefined;
      const { connectionId: id } = message;
      const live = model.live.get(id);
      if (live?.state !== 'active' || !live.isReaderGone || (model.isRefusing && id !== 0)) return undefined;
      if (id === 0) {
        const unread = [...model.justOpened].filter((opened) => model.live.get(opened)?.state === 'active');
        const adjust = (seen: Seen) => {
          cause('shutdown', 'abandoned')(seen);
          // Our session drops messages that came before a reader was taken: section 5.
          for (const opened of unread) seen.messagesOf(opened).length = 0;
        };
        return { instead: { do: 'shutdown' }, adjust };
      }
      return {
        instead: { do: 'close', id, hex: EMPTY_CLOSE },
        adjust: (seen) => seen.remove({ ev: 'close-ok', id }),
      };
    },
    example: session(openOf(2), { do: 'drop', id: 2 }, cancelOf(2)),
  },
  {
    row: '9b.07',
    line: 'session/mod.rs:1006',
    code: 'let _ = tx.send(Ok(handle));',
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
    line: 'session/mod.rs:136',
    code: '.map_err(|_| SessionError::Protocol("session closed".into()))?',
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
    line: 'session/mod.rs:336',
    code: 'self.sess_core.send(message).await.map_err(|_| ())',
    reference: 'sends on a connection that is closed',
    ours: 'nothing is sent: the connection is closed',
    rewrite: (step, model) => (model.phase === 'over' ? undefined : sendingLate(step, model)),
    example: session(openOf(2), closeOf(2), { do: 'send', id: 2, hex: hexOf(cancel) }),
  },
  {
    row: '9b.10',
    line: 'session/mod.rs:755',
    code: 'debug!("session recv loop exited");',
    reference: 'leaves the conduit open when the session has ended: what is sent then still leaves',
    ours: 'the link is closed, and nothing is sent',
    rewrite: (step, model) => (model.phase === 'over' ? sendingLate(step, model) : undefined),
    example: session({ do: 'shutdown' }, { do: 'send', id: 0, hex: hexOf(cancel) }),
  },
  {
    row: '9b.18',
    line: 'session/mod.rs:1128',
    code: 'if self.remove_connection(&conn_id).is_some() {',
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
    line: 'session/mod.rs:166',
    code: 'send_drop_control(&self.control_tx, DropControlRequest::Shutdown)',
    reference: 'a second shutdown fails',
    ours: 'it has no effect',
    rewrite(step, model) {
      if (step.do !== 'shutdown' || model.phase !== 'over' || !model.wasEstablished) return undefined;
      return { adjust: (seen) => seen.remove({ ev: 'shutdown-failed', text: 'session closed' }) };
    },
    example: session({ do: 'shutdown' }, { do: 'shutdown' }),
  },
  {
    row: '9b.23',
    line: 'session/mod.rs:380',
    code: 'let _ = self.failures.send((request_id, reason));',
    reference: 'a failure that is noted after the end is still told',
    ours: 'it is not told',
    rewrite(step, model) {
      if (step.do !== 'failure' || model.handle(step)?.state !== 'closed') return undefined;
      return { instead: null };
    },
    example: session(openOf(2), closeOf(2), { do: 'failure', id: 2, request: 1 }),
  },
  {
    row: '9a',
    line: 'driver.rs:491',
    code: "let response_msg: SelfRef<RequestMessage<'static>> = rx",
    reference: 'never sends a Cancel: a call that is given up is forgotten',
    ours: 'the peer is told',
    rewrite(step, model) {
      if (step.do !== 'give-up' || model.phase !== 'running') return undefined;
      const made = model.waiting(step.ref);
      if (made === undefined) return undefined;
      const { id: connectionId } = made.live;
      const { request: id } = made.call;
      const told = hexOf({ type: 'RequestMessage', connectionId, id, body: { type: 'Cancel', metadata: [] } });
      return { adjust: (seen) => seen.frames.unshift(told) };
    },
    example: drivers(call(1), { do: 'give-up', ref: 1 }),
  },
  {
    row: '9a',
    line: 'driver.rs:819',
    code: 'handle.abort();',
    reference: 'never sends a Reset: a receiver that is dropped does not tell its peer',
    ours: 'the sender is told to stop',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' || message.body.type !== 'Cancel') return undefined;
      const { calls } = model.live.get(message.connectionId) ?? {};
      const handler = calls?.handlers.get(message.id);
      const [channel = 0] = handler?.channels ?? [];
      if (calls?.theirs.get(channel)?.state !== 'receiving' || calls.theirs.get(channel)?.handler !== handler)
        return undefined;
      const told = onChannel(channel, RESET, message.connectionId);
      return { adjust: (seen) => seen.insertFrame(told) };
    },
    example: drivers(callOf(2, METHOD.receive, [2]), frame({ ...cancel, id: 2 })),
  },
  {
    row: '9.28',
    line: 'driver.rs:194',
    code: 'fn close_channel_on_drop(&self) {',
    reference: 'a sender that is dropped ends its channel as if nothing were missing',
    ours: 'the Close of a sender that is aborted says so',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' || message.body.type !== 'Cancel') return undefined;
      const { connectionId } = message;
      const { calls } = model.live.get(connectionId) ?? {};
      const handler = calls?.handlers.get(message.id);
      const [id = 0] = handler?.channels ?? [];
      const channel = calls?.theirs.get(id);
      if (channel?.state !== 'sending' || channel.handler !== handler) return undefined;
      const theirs = hexOf(onChannel(id, CLOSE, connectionId));
      const ours = hexOf(
        onChannel(id, { type: 'Close', metadata: [{ key: 'aborted', value: 1n, flags: 0n }] }, connectionId),
      );
      return { adjust: (seen) => seen.frames.splice(seen.frames.indexOf(theirs), 1, ours) };
    },
    example: drivers(callOf(2, METHOD.send, [2], 9), frame({ ...cancel, id: 2 })),
  },
  {
    row: '9b.13',
    line: 'driver.rs:903',
    code: 'self.shared.channel_credits.lock().remove(&chan_id);',
    reference: 'a sender whose receiver has reset the channel sends while it has credit, and then waits for ever',
    ours: 'it rejects at once, and so do the sends that wait',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ChannelMessage' || message.body.type !== 'Reset') return undefined;
      const { connectionId, id } = message;
      const own = ourChannel(message, model);
      if (own?.kind === 'tx' && !own.isOver) {
        const { waiting } = own;
        const granted = waiting.length === 0 ? null : grantOf(id, waiting.length, connectionId);
        return {
          instead: granted,
          after: [{ do: 'close-channel', channel: id, hex: '' }],
          adjust: (seen) => {
            for (const item of waiting) {
              seen.removeFrame(onChannel(id, itemOf(item), connectionId));
              seen.replace({ ev: 'channel-sent', channel: id }, { ev: 'channel-failed', channel: id });
            }
            seen.removeFrame(onChannel(id, CLOSE, connectionId));
            seen.remove({ ev: 'channel-sent', channel: id });
          },
        };
      }
      const their = theirChannel(message, model);
      const { handler } = their ?? {};
      if (their?.state !== 'sending' || handler === undefined) return undefined;
      const { left, args } = handler;
      return {
        instead: grantOf(id, left, connectionId),
        adjust: (seen) => {
          const count = args[0] ?? 0;
          for (let item = count - left; item < count; item++) {
            seen.removeFrame(onChannel(id, { type: 'Item', item: Uint8Array.of(item) }, connectionId));
          }
          seen.removeFrame(onChannel(id, CLOSE, connectionId));
        },
      };
    },
    example: drivers(callOf(2, METHOD.send, [2], 9), frame(onChannel(2, RESET))),
  },
  {
    row: '9b.13',
    line: 'driver.rs:732',
    code: 'self.shared.channel_credits.lock().clear();',
    reference: 'a send that waits for credit when its connection ends waits for ever',
    ours: 'it rejects',
    ended({ calls }) {
      const waiting = [...(calls?.ours.values() ?? [])].flatMap(({ id, waiting: items }) => items.map(() => id));
      if (waiting.length === 0) return undefined;
      return (seen) => {
        for (const channel of waiting) seen.add({ ev: 'channel-failed', channel });
      };
    },
    example: drivers(
      { do: 'call-tx', id: 0, ref: 1, method: 1, hex: '' },
      ...[0, 1, 2, 3, 4].map((): Step => ({ do: 'item', channel: 1, hex: '00' })),
      { do: 'end' },
    ),
  },
  {
    row: '9b.13',
    line: 'driver.rs:163',
    code: '.send(ConnectionMessage::Channel(ChannelMessage {',
    reference: 'sends on a channel that was reset, or whose connection is closed',
    ours: 'nothing is sent',
    rewrite(step, model) {
      if (step.do !== 'item' && step.do !== 'close-channel') return undefined;
      const sink = model.sinks.get(step.channel);
      if (sink === undefined || !sink.channel.isOver) return undefined;
      const ev = step.do === 'item' ? 'channel-failed' : 'channel-sent';
      const { channel } = step;
      return { instead: null, adjust: (seen) => seen.add({ ev, channel }) };
    },
    example: drivers(
      { do: 'call-tx', id: 0, ref: 1, method: 1, hex: '' },
      { do: 'end' },
      { do: 'item', channel: 1, hex: '00' },
    ),
  },
  {
    row: '9a.19',
    line: 'driver.rs:879',
    code: 'self.shared.channel_credits.lock().remove(&chan_id);',
    reference: 'a sender takes a Close by its receiver for a Reset, and hangs',
    ours: 'it is ignored',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ChannelMessage' || message.body.type !== 'Close') return undefined;
      const own = ourChannel(message, model);
      const isSending = (own?.kind === 'tx' && !own.isOver) || theirChannel(message, model)?.state === 'sending';
      return isSending ? { instead: null } : undefined;
    },
    example: drivers(callOf(2, METHOD.send, [2], 9), frame(onChannel(2, CLOSE)), grantOf(2, 9)),
  },
  {
    row: '9b.21',
    line: 'driver.rs:908',
    code: 'if let Some(semaphore) = self.shared.channel_credits.lock().get(&chan_id) {',
    reference: 'forgets credit that was granted before the Call that names the channel',
    ours: 'it counts',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' || message.body.type !== 'Call') return undefined;
      const { methodId, channels } = message.body;
      const [id] = channels;
      if (Number(methodId) !== METHOD.send || channels.length !== 1 || id === undefined) return undefined;
      const early = model.live.get(message.connectionId)?.calls?.theirs.get(id);
      if (early?.state !== 'offered' || early.granted === 0) return undefined;
      return { after: [grantOf(id, early.granted, message.connectionId)] };
    },
    example: drivers(grantOf(2, 9), callOf(2, METHOD.send, [2], 9)),
  },
  {
    row: '9b.22',
    line: 'driver.rs:491',
    code: "let response_msg: SelfRef<RequestMessage<'static>> = rx",
    reference: 'a call on a connection that is closed never settles',
    ours: 'it rejects',
    rewrite(step, model) {
      if (step.do !== 'call') return undefined;
      const live = model.handle(step);
      if (live?.state !== 'closed' || live.calls === undefined || live.calls.isReleased) return undefined;
      const { ref } = step;
      return { instead: null, adjust: (seen) => seen.add({ ev: 'call-failed', ref }) };
    },
    example: drivers({ do: 'end' }, call(1)),
  },
  {
    row: '9a.18',
    line: 'driver.rs:854',
    code: '.push(IncomingChannelMessage::Item(item));',
    reference: 'keeps what comes on an id of ours that we have not named, and delivers it later',
    ours: 'it is dropped',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ChannelMessage') return undefined;
      const { calls } = model.live.get(message.connectionId) ?? {};
      if (calls === undefined || calls.isTheirs(message.id) || message.id < calls.nextChannel) return undefined;
      return { instead: null };
    },
    example: drivers(frame(onChannel(1, itemOf('00'))), { do: 'call-rx', id: 0, ref: 1, method: 1, hex: '' }),
  },
  {
    row: '9a.21',
    line: 'driver.rs:122',
    code: 'if let Err(_e) = sender.send_response(self.request_id, response).await {',
    reference: 'says nothing of a channel that no handler took',
    ours: 'it is declined as soon as it is known who sends there',
    declined(live, id, by) {
      const told = onChannel(id, by === 'Reset' ? RESET : CLOSE, live.id);
      return (seen) => seen.insertFrame(told);
    },
    example: drivers(frame(onChannel(2, itemOf('00'))), callOf(2, METHOD.echo, [2])),
  },
  {
    row: '9b.20',
    line: 'driver.rs:807',
    code: 'self.in_flight_handlers.insert(req_id, join_handle);',
    reference: 'a Call with an id in flight forgets the first handler, which is not aborted at the end',
    ours: 'both are aborted',
    ended({ id, calls }) {
      if (calls === undefined || calls.duplicates.size === 0) return undefined;
      const aborted = [...calls.duplicates].map(({ args }) => ({
        ev: 'aborted',
        id,
        args: Buffer.from(args).toString('hex'),
      }));
      return (seen) => {
        for (const event of aborted) seen.add(event);
      };
    },
    example: drivers(callOf(2, METHOD.held), callOf(2, METHOD.held), { do: 'end' }),
  },
  {
    row: '9b.20',
    line: 'driver.rs:723',
    code: 'for (_, handle) in std::mem::take(&mut self.in_flight_handlers) {',
    reference: 'a handler that was forgotten answers after the end of its connection',
    ours: 'nothing is sent',
    rewrite(step, model) {
      const handler = step.do === 'answer' ? model.held[0]?.handler : undefined;
      if (handler?.isForgotten !== true) return undefined;
      const { request: id, args } = handler;
      const ret = Uint8Array.of(0, ...args);
      const body = { type: 'Response', channels: [], metadata: [], ret } as const;
      return {
        adjust: (seen) =>
          seen.frames.splice(
            seen.frames.findIndex((hex) => isResponse(hex, id, body.ret)),
            1,
          ),
      };
    },
    example: drivers(callOf(2, METHOD.held), callOf(2, METHOD.held), { do: 'end' }, { do: 'answer' }),
  },
  {
    row: '9b.15',
    line: 'session/mod.rs:347',
    code: 'body: forwarded_request_body(&request.body),',
    reference: 'a proxy forwards metadata that is marked NO_PROPAGATE',
    ours: 'it is left out',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' && message?.type !== 'ChannelMessage') return undefined;
      if (model.script.proxied?.includes(message.connectionId) !== true) return undefined;
      const stripped = withoutHops(message);
      return stripped === message ? undefined : { instead: withMore(frame(stripped), step) };
    },
    example: {
      ...session(
        open(1),
        acceptOf(1),
        openOf(2),
        frame({
          type: 'RequestMessage',
          connectionId: 2,
          id: 2,
          body: { type: 'Cancel', metadata: [{ key: 'hop', value: 1n, flags: NO_PROPAGATE }] },
        }),
      ),
      proxied: [1, 2],
    },
  },
  {
    row: '9b.06',
    line: 'session/mod.rs:792',
    code: 'if conn_tx.send(r.map(ConnectionMessage::Request)).await.is_err() {',
    reference: 'takes nothing while an inbox is full: no local open, close or shutdown, no Ping of its own',
    ours: 'only the reading stops',
    isOfFullInbox: true,
    example: session({ do: 'hold', id: 0 }, ...filling(66), open(1)),
  },
  {
    row: '9b.12',
    line: 'session/mod.rs:863',
    code: 'if now >= runtime.pong_deadline {',
    reference: 'takes a Pong that lies unread behind a full inbox for one that did not come',
    ours: 'the deadline is suspended',
    rewrite(step, model) {
      if (step.do !== 'advance' || !model.isBlocked || !model.isPinging) return undefined;
      return { before: [frame({ type: 'Pong', connectionId: 0, nonce: model.lastNonce })] };
    },
    example: {
      ...session(
        { do: 'advance', ms: 50 },
        { do: 'hold', id: 0 },
        ...filling(66),
        frame({ type: 'Pong', connectionId: 0, nonce: 1n }),
        { do: 'advance', ms: 40 },
        { do: 'read', id: 0 },
      ),
      keepalive: [50, 20],
    },
  },
  {
    row: '9b.23',
    line: 'session/mod.rs:710',
    code: 'let mut interval = tokio::time::interval(Duration::from_millis(10));',
    reference: 'looks at its keepalive every 10 ms',
    ours: 'the Ping leaves on time',
    rewrite(step, model) {
      if (step.do !== 'advance' || step.ms % 10 === 0 || model.script.keepalive === undefined) return undefined;
      return { instead: { ...step, ms: Math.ceil(step.ms / 10) * 10 } };
    },
    example: { ...session({ do: 'advance', ms: 15 }), keepalive: [15, 10] },
  },
  {
    row: '9b.14',
    line: 'driver.rs:472',
    code: 'self.shared.pending_responses.lock().insert(req_id, tx);',
    reference: 'makes calls beyond the number that the peer allows',
    ours: 'they wait for their turn',
    rewrite(step, model) {
      if (step.do === 'call') {
        const live = model.handle(step);
        const isWaiting = live?.state === 'active' && live.calls?.isReleased === false && live.calls.isFull;
        return isWaiting ? { instead: null } : undefined;
      }
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' || message.body.type !== 'Response') return undefined;
      const { calls } = model.live.get(message.connectionId) ?? {};
      const next = calls?.calls.has(message.id) === true ? calls.turn[0] : undefined;
      return next === undefined ? undefined : { after: [next.step] };
    },
    ended({ calls }) {
      if (calls === undefined || calls.turn.length === 0) return undefined;
      const refs = calls.turn.map(({ call: { ref } }) => ref);
      return (seen) => {
        for (const ref of refs) seen.add({ ev: 'call-failed', ref });
      };
    },
    example: {
      ...drivers(call(1), call(2), frame(responseTo(1)), { do: 'end' }),
      steps: [
        frame({
          type: 'HelloYourself',
          connectionId: 0,
          connectionSettings: { parity: 'even', maxConcurrentRequests: 1 },
          metadata: [],
        }),
        call(1),
        call(2),
        frame(responseTo(1)),
        { do: 'end' },
      ],
    },
  },
  {
    row: '9b.19',
    line: 'driver.rs:704',
    code: 'if self.shared.pending_responses.lock().remove(&req_id).is_none() {',
    reference:
      'a Call of the peer\u2019s that fails with the id of a call of ours makes that fail, and gets no Response',
    ours: 'they are kept apart',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'RequestMessage' || message.body.type !== 'Call') return undefined;
      const { connectionId, id, body } = message;
      if (Number(body.methodId) !== METHOD.noReply) return undefined;
      if (model.live.get(connectionId)?.calls?.calls.has(id) !== true) return undefined;
      const called = (method: number): Event => ({
        ev: 'call',
        id: connectionId,
        method,
        channels: body.channels,
        args: Buffer.from(body.args).toString('hex'),
      });
      const answered = (ret: Uint8Array): Message => ({ ...responseTo(id), connectionId, body: { ...RESPONSE, ret } });
      return {
        instead: frame({ ...message, body: { ...body, methodId: BigInt(METHOD.unknown) } }),
        adjust: (seen) => {
          seen.replace(called(METHOD.unknown), called(METHOD.noReply));
          const index = seen.frames.indexOf(hexOf(answered(Uint8Array.of(1, 1))));
          if (index >= 0) seen.frames[index] = hexOf(answered(Uint8Array.of(1, 3)));
        },
      };
    },
    example: drivers(call(1), callOf(1, METHOD.noReply)),
  },
  {
    row: '9a.18',
    line: 'driver.rs:854',
    code: '.push(IncomingChannelMessage::Item(item));',
    reference: 'keeps without a bound what comes on a channel that is not bound',
    ours: 'beyond the credit that it begins with, the channel is reset',
    rewrite(step, model) {
      const message = taken(step, model);
      const channel = theirChannel(message, model);
      if (message?.type !== 'ChannelMessage' || message.body.type !== 'Item') return undefined;
      if (channel?.state !== 'offered' || channel.isClosed || channel.items < channel.room) return undefined;
      const told = onChannel(message.id, RESET, message.connectionId);
      return { adjust: (seen) => seen.insertFrame(told) };
    },
    example: drivers(...Array.from({ length: 17 }, () => frame(onChannel(2, itemOf('00'))))),
  },
  {
    row: '5',
    line: 'session/mod.rs:459',
    code: 'msg = left_rx.recv() => {',
    reference: 'keeps what has no reader when we close a connection',
    ours: 'it is dropped',
    rewrite(step, model) {
      const message = taken(step, model);
      const first = model.waitingLeg;
      if (message === undefined || first?.isClosedByUs !== true || first.queued.length === 0) return undefined;
      const { connectionId } = message;
      const isThere =
        model.accepts(message) ||
        (message.type === 'ConnectionAccept' && model.live.get(connectionId)?.state === 'pending');
      if (!isThere || model.script.proxied?.includes(connectionId) !== true) return undefined;
      const dropped = first.queued.map(withoutHops).map((one) => ({ ...one, connectionId }));
      return {
        adjust: (seen) => {
          for (const one of dropped) seen.removeFrame(one);
        },
      };
    },
    example: {
      ...session(open(1), acceptOf(1), cancelOf(1), { do: 'close', id: 1, hex: EMPTY_CLOSE }, openOf(2)),
      proxied: [1, 2],
    },
  },
  {
    row: '8',
    line: 'session/mod.rs:437',
    code: 'pub async fn proxy_connections(left: ConnectionHandle, right: ConnectionHandle) {',
    reference: 'proxies two connections whose ids collide',
    ours: 'that is an InvalidArgument',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ConnectionOpen' || !model.accepts(message)) return undefined;
      const [one, other] = model.script.proxied ?? [];
      const id = message.connectionId === one ? other : message.connectionId === other ? one : undefined;
      const parity = opposite(message.connectionSettings.parity);
      const leg = id === undefined ? undefined : model.live.get(id);
      if (leg?.state !== 'active' || leg.parity !== parity) return undefined;
      const text = `request ids can't be kept: both connections have ${parity} parity on our side`;
      return { adjust: (seen) => seen.add({ ev: 'proxy-failed', text }) };
    },
    example: {
      ...session(
        open(1),
        acceptOf(1),
        frame({ type: 'ConnectionOpen', connectionId: 2, connectionSettings: EVEN, metadata: [] }),
      ),
      proxied: [1, 2],
    },
  },
  {
    row: '4',
    line: 'session/mod.rs:956',
    code: 'let handle = self.make_connection_handle(',
    reference: 'an acceptor may ask for the parity that the opener has',
    ours: 'that is an InvalidArgument, and rejects the open',
    rewrite(step, model) {
      const message = taken(step, model);
      if (message?.type !== 'ConnectionOpen' || !message.metadata.some(({ key }) => key === 'same')) return undefined;
      const refused = { ...message, metadata: [{ key: 'no', value: 1n, flags: 0n }] };
      return { instead: frame(refused), adjust: (seen) => seen.replace(askedOf(refused), askedOf(message)) };
    },
    example: session(
      frame({
        type: 'ConnectionOpen',
        connectionId: 2,
        connectionSettings: SETTINGS,
        metadata: [{ key: 'same', value: 1n, flags: 0n }],
      }),
    ),
  },
];

/**
 * Returns the message that a proxy passes on: without the metadata that must not propagate. Returns the same object if it
 * has none.
 */
function withoutHops(message: DataMessage): DataMessage {
  if (!('metadata' in message.body)) return message;
  const metadata = message.body.metadata.filter(({ flags }) => (flags & NO_PROPAGATE) === 0n);
  if (metadata.length === message.body.metadata.length) return message;
  return { ...message, body: { ...message.body, metadata } } as DataMessage;
}

/** Rewrites a send on a handle that is closed. */
function sendingLate(step: Step, model: Model): Rewriting | undefined {
  if (step.do !== 'send' || model.handle(step)?.state !== 'closed') return undefined;
  const { id } = step;
  return { instead: null, adjust: (seen) => seen.add({ ev: 'send-failed', id }) };
}

/** Returns the event that a session logs when it asks its application about an open. */
function askedOf({ connectionId: id, connectionSettings, metadata }: ConnectionOpen): Event {
  const hex = hexOf({ type: 'ConnectionReject', connectionId: id, metadata });
  const { parity, maxConcurrentRequests: max } = connectionSettings;
  return { ev: 'asked', id, peer: { parity, max }, hex };
}

function isResponse(hex: string, id: number, ret: Uint8Array): boolean {
  const message = received(hex);
  if (message?.type !== 'RequestMessage' || message.id !== id) return false;
  return message.body.type === 'Response' && Buffer.compare(message.body.ret, ret) === 0;
}

function noMessage(seen: Seen): boolean {
  return seen.replace({ ev: 'handshake-failed', text: 'link failed' }, { ev: 'handshake-failed', text: 'malformed' });
}
