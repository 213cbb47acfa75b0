import {
  accept,
  call,
  close,
  credit,
  hello,
  helloYourself,
  item,
  ping,
  pong,
  protocolError,
  reject,
} from './messages.js';
import {
  alike,
  BOTH,
  byKeepalive,
  byRelease,
  closedBy,
  NOTHING,
  offence,
  opened,
  read,
  sessionClosed,
  VIOLATION,
} from './outcome.js';
import {
  ACCEPTING,
  ACTIVE_1,
  ACTIVE_2,
  DECIDING,
  FULL_1,
  KEEPALIVE,
  PENDING_1,
  ROOT_RELEASED,
  SMALL_INBOX,
  UNDECIDED_2,
} from './scenes.js';
import type { Row } from './vocabulary.js';

// Section 5, what the peer’s messages do: requests and channels, signs of life, and what is out of place.

/** 5.14 to 5.16: requests and channel messages. */
const data: readonly Row[] = [
  {
    row: '5.14',
    rule: 'session.message',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the id active',
    ...alike(NOTHING, 'delivered, in order, to that connection’s inbox'),
    cases: [
      {
        name: 'requests and channel messages reach the inbox of their own connection, in order',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          ...ACTIVE_1,
          ACTIVE_2,
          { peer: [call(0, 2), call(1, 2), item(2, 2), credit(1, 2, 7), item(0, 4), call(2, 2)] },
          { user: 'read', on: 'root', count: 2, as: 'r0', settled: { r0: read(call(0, 2), item(0, 4)) } },
          { user: 'read', on: 'a', count: 2, as: 'r1', settled: { r1: read(call(1, 2), credit(1, 2, 7)) } },
          { user: 'read', on: '#2', count: 2, as: 'r2', settled: { r2: read(item(2, 2), call(2, 2)) } },
        ],
      },
      {
        name: 'a read that waits gets the message that arrives',
        modes: BOTH,
        steps: [
          { user: 'read', on: 'root', as: 'r' },
          { peer: call(0, 2), settled: { r: read(call(0, 2)) } },
        ],
      },
    ],
  },
  {
    row: '5.15',
    rule: 'session.message',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the id undecided, pending, unknown or closed',
    reference: { wire: NOTHING, user: 'dropped' },
    strict: { ...VIOLATION, user: 'closed: dropped; else the session ends, by a violation of the peer' },
    cases: [
      ...offence({ name: 'a Call on an unknown connection', peer: call(2, 2), rule: 'session.message' }),
      ...offence({
        name: 'an Item on a pending connection',
        before: [PENDING_1],
        peer: item(1, 2),
        rule: 'session.message',
        after: [{ peer: accept(1), settled: { a: opened(1) } }],
        strict: { settled: { a: sessionClosed() } },
      }),
      ...offence({
        name: 'an Item on an undecided connection',
        given: DECIDING,
        before: [UNDECIDED_2],
        peer: item(2, 2),
        rule: 'session.message',
        after: [{ user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] }],
        strict: { aborted: [2] },
      }),
      {
        name: 'a Call on a closed connection is dropped',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'close', id: 1, wire: [close(1)], closed: { a: closedBy('local') } },
          { peer: [call(1, 2), ping(1n)], wire: [pong(1n)] },
          { user: 'read', on: 'a', as: 'r', settled: { r: read() } },
        ],
      },
    ],
  },
  {
    row: '5.16',
    rule: 'connection.close',
    layer: 'session',
    situation: 'RequestMessage or ChannelMessage, the inbox’s reader is gone',
    ...alike(
      'virtual: ConnectionClose with empty metadata; root: nothing',
      'virtual: the handle is closed, then the root-closed check; root: the session ends',
    ),
    cases: [
      {
        name: 'a message for a virtual connection whose reader is gone closes it',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { peer: call(1, 2) },
          { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 2)) } },
          { user: 'stopReading', on: 'a' },
          { peer: item(1, 2), wire: [close(1)], closed: { a: closedBy('local') } },
          { peer: item(1, 2) },
        ],
      },
      {
        name: 'a reader that is gone does no harm while nothing arrives',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'stopReading', on: 'a' },
          { user: 'send', on: 'a', message: call(1, 1), wire: [call(1, 1)] },
          { peer: close(1), closed: { a: closedBy('peer') } },
        ],
      },
      {
        name: 'never having read is not gone',
        modes: BOTH,
        steps: [...ACTIVE_1, { peer: call(1, 2) }, { advance: 60_000 }, { peer: item(1, 2) }],
      },
      {
        name: 'a message for the root whose reader is gone ends the session',
        modes: BOTH,
        steps: [
          { user: 'stopReading', on: 'root' },
          { peer: call(0, 2), ends: { cause: 'abandoned' } },
        ],
      },
      {
        name: 'a message for the last virtual connection of a released root, its reader gone, ends the session',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          ...ROOT_RELEASED,
          { user: 'stopReading', on: 'a' },
          { peer: call(1, 2), wire: [close(1)], closed: { a: closedBy('local') }, ends: byRelease },
        ],
      },
      {
        name: 'a reader that goes while messages are held back lets reading go on, which finds it gone',
        modes: BOTH,
        given: SMALL_INBOX,
        steps: [
          ...FULL_1,
          { peer: ping(1n) },
          { user: 'stopReading', on: 'a', wire: [close(1), pong(1n)], closed: { a: closedBy('local') } },
        ],
      },
    ],
  },
];

/** 5.17 to 5.20: signs of life, and what is out of place. */
const rest: readonly Row[] = [
  {
    // r[session.keepalive]
    row: '5.17',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Ping{n}, at any time',
    ...alike('Pong{n} on the same connection id', NOTHING),
    cases: [
      {
        name: 'a Ping is answered with its nonce, over the whole range',
        modes: BOTH,
        steps: [
          { peer: ping(0n), wire: [pong(0n)] },
          { peer: [ping(2n ** 53n), ping(2n ** 64n - 1n)], wire: [pong(2n ** 53n), pong(2n ** 64n - 1n)] },
          { peer: ping(0n), wire: [pong(0n)] },
        ],
      },
      {
        name: 'a Ping is answered after the root was released',
        modes: BOTH,
        steps: [...ACTIVE_1, ...ROOT_RELEASED, { peer: ping(1n), wire: [pong(1n)] }],
      },
    ],
  },
  {
    row: '5.18',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Pong{n}, n the nonce waited for, on the root',
    ...alike(NOTHING, 'keepalive satisfied'),
    cases: [
      {
        name: 'the Pong waited for keeps the session alive',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [{ advance: 100, wire: [ping(1n)] }, { advance: 49 }, { peer: pong(1n) }, { advance: 99 }],
      },
    ],
  },
  {
    row: '5.19',
    rule: 'session.keepalive',
    layer: 'session',
    situation: 'Pong{n}, any other n',
    ...alike(NOTHING, 'ignored'),
    cases: [
      {
        name: 'a Pong without a Ping is ignored',
        modes: BOTH,
        steps: [{ peer: pong(1n) }, { peer: ping(1n), wire: [pong(1n)] }],
      },
      {
        name: 'a Pong with another nonce does not satisfy the keepalive',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [
          { advance: 100, wire: [ping(1n)] },
          { peer: [pong(0n), pong(2n)] },
          { advance: 49 },
          { advance: 1, ends: byKeepalive },
        ],
      },
      {
        name: 'an early or repeated Pong does not disturb the next Ping',
        modes: BOTH,
        given: KEEPALIVE,
        steps: [
          { peer: pong(1n) },
          { advance: 100, wire: [ping(1n)] },
          { peer: [pong(1n), pong(1n)] },
          { advance: 100, wire: [ping(2n)] },
          { peer: pong(1n) },
          { advance: 50, ends: byKeepalive },
        ],
      },
    ],
  },
  {
    row: '5.20',
    layer: 'session',
    situation: 'a stray Accept, Reject or Close; Hello, HelloYourself, ProtocolError after the handshake',
    reference: { wire: NOTHING, user: 'nothing; a ProtocolError ends the session' },
    strict: { ...VIOLATION, wire: 'ProtocolError on 0; nothing after a ProtocolError' },
    cases: [
      ...offence({ name: 'a stray Accept', peer: accept(1), rule: 'connection.open' }),
      ...offence({ name: 'a stray Reject', peer: reject(1), rule: 'connection.open' }),
      ...offence({ name: 'a stray Close', peer: close(2), rule: 'connection.close' }),
      ...offence({ name: 'a stray Hello', peer: hello(), rule: 'session.handshake' }),
      ...offence({ name: 'a stray HelloYourself', peer: helloYourself(), rule: 'session.handshake' }),
      {
        name: 'a ProtocolError is not answered',
        modes: BOTH,
        steps: [
          {
            peer: [protocolError('no such thing'), ping(1n)],
            ends: { cause: 'protocol', error: { code: 'protocol', side: 'local', message: 'no such thing' } },
          },
        ],
      },
    ],
  },
];

export const inboundData: readonly Row[] = [...data, ...rest];
