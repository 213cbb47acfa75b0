import { hasParity, opposite } from '../../src/wire/id.js';
import type { Message } from '../../src/wire/message.js';
import { type Effect, nothing, type ReceivedEvent, tolerated } from './oracle.js';
import { cut, type Outcome, type SessionState, violate, wasOpened } from './session-state.js';

// Section 5, inbound, as far as the session itself decides.

function forward(state: SessionState, event: ReceivedEvent): Outcome {
  const { connectionId: id } = event.message;
  return { state, effects: [['forward', { id, event }]] };
}

function reject(state: SessionState, connectionId: number): Outcome {
  const message: Message = { type: 'ConnectionReject', connectionId, metadata: [] };
  return { state, effects: [['transmit', message]] };
}

/** 5.01 to 5.03, 9a.03. */
function open(
  state: SessionState,
  { connectionId: id, connectionSettings, metadata }: Message & { type: 'ConnectionOpen' },
): Outcome {
  const { mode, live, undecided, limits } = state;
  const isTheirs = hasParity(id, opposite(state.localSettings.parity));
  if (!isTheirs) return mode === 'reference' ? reject(state, id) : violate(state, 'session.parity');
  if (live.includes(id)) return mode === 'reference' ? reject(state, id) : violate(state, 'connection.open');
  const noted = { ...state, theirs: Math.max(state.theirs, id) };
  // 5.31
  const notice = metadata.find(({ key }) => key === 'roam-actors.notice');
  if (notice !== undefined) return answerNotice(noted, id, notice.value);
  if (state.drain !== 'none') return { state: noted, effects: [['refuseOpen', { id }]] };
  if (!state.isAccepting || live.length >= limits.connections || undecided >= limits.undecided)
    return reject(noted, id);
  const input = { id, origin: 'peer', peerSettings: connectionSettings, metadata };
  const spawn: Effect = ['spawn', input];
  return {
    state: { ...noted, live: [...live, id].sort((a, b) => a - b), undecided: undecided + 1 },
    effects: [spawn],
  };
}

/** 5.31: a notice is no connection. The first one that the peer drains the session is heeded. */
function answerNotice(state: SessionState, connectionId: number, kind: unknown): Outcome {
  const value = kind === 'draining' ? 'ok' : 'refused.unknown';
  const metadata = [{ key: 'roam-actors.notice', value, flags: 0n }];
  const answer: Message = { type: 'ConnectionReject', connectionId, metadata };
  if (kind !== 'draining' || state.isPeerDraining) return { state, effects: [['transmit', answer]] };
  return {
    state: { ...state, isPeerDraining: true },
    effects: [
      ['heedDrain', answer],
      ['emit', { type: 'draining' }],
    ],
  };
}

/** 5.08, 5.09, 9a.04, 9a.05: an answer to an id that is not ours is a stray message. */
function answer(state: SessionState, event: ReceivedEvent): Outcome {
  const { connectionId: id } = event.message;
  const isOurs = hasParity(id, state.localSettings.parity);
  if (isOurs && state.live.includes(id)) return forward(state, event);
  if (isOurs && wasOpened(state, id)) return nothing(state);
  return tolerated(state.mode, state, () => violate(state, 'connection.open'));
}

/** 5.10 to 5.13, 9a.05, 9a.06, 9a.08. */
function close(state: SessionState, event: ReceivedEvent): Outcome {
  const { connectionId: id } = event.message;
  if (id === 0) {
    if (state.mode === 'strict') return violate(state, 'connection.close');
    return cut(state, { cause: 'peer' }, [['reportRootClosed']]);
  }
  if (state.live.includes(id)) return forward(state, event);
  if (wasOpened(state, id)) return nothing(state);
  return tolerated(state.mode, state, () => violate(state, 'connection.close'));
}

/** 5.14, 5.15, 9a.05, 9a.06. */
function data(state: SessionState, event: ReceivedEvent): Outcome {
  const { connectionId: id } = event.message;
  if (id === 0 || state.live.includes(id)) return forward(state, event);
  if (wasOpened(state, id)) return nothing(state);
  return tolerated(state.mode, state, () => violate(state, 'session.message'));
}

export function received(state: SessionState, event: ReceivedEvent): Outcome {
  const { mode } = state;
  const { message } = event;
  const isOnRoot = message.connectionId === 0;
  switch (message.type) {
    case 'ConnectionOpen':
      return open(state, message);
    case 'ConnectionAccept':
    case 'ConnectionReject':
      return answer(state, event);
    case 'ConnectionClose':
      return close(state, event);
    case 'RequestMessage':
    case 'ChannelMessage':
      return data(state, event);
    case 'Ping': {
      // 5.17, 9a.11
      if (!isOnRoot && mode === 'strict') return violate(state, 'session.keepalive');
      return { state, effects: [['transmit', { ...message, type: 'Pong' }]] };
    }
    case 'Pong':
      // 5.18, 5.19, 9a.11
      if (isOnRoot) return { state, effects: [['to keepalive', event]] };
      return tolerated(mode, state, () => violate(state, 'session.keepalive'));
    case 'Hello':
    case 'HelloYourself':
      // 9a.09
      return tolerated(mode, state, () => violate(state, 'session.handshake'));
    case 'ProtocolError':
      // 9a.10, 9a.11
      if (!isOnRoot && mode === 'strict') return violate(state, 'session.message');
      return cut(state, { cause: 'accused', description: message.description });
  }
}
