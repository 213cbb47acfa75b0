import {
  accept,
  call,
  cancel,
  channelClose,
  channelReset,
  close,
  grant,
  hello,
  item,
  open,
  ping,
  pong,
  protocolError,
  reject,
  response,
  welcome,
} from './frames.js';

/** A step of a script; oracle/src/main.rs has a table of them. */
export interface Step {
  readonly do: string;
  readonly [field: string]: unknown;
}

export interface Script {
  readonly role: 'initiator' | 'acceptor';
  readonly steps: readonly Step[];
  readonly [field: string]: unknown;
}

const frames = (...all: string[]): Step[] => all.map((hex) => ({ do: 'frame', hex }));
const act = (name: string, fields: object = {}): Step => ({ do: name, ...fields });

/** An initiator before the handshake. It accepts virtual connections. */
const initiating = (steps: readonly Step[], fields: object = {}): Script => ({
  role: 'initiator',
  hello: open(0),
  accept: accept(0),
  reject: reject(0, 'why'),
  shown: true,
  ...fields,
  steps,
});

/** An acceptor before the handshake. */
const accepting = (steps: readonly Step[], fields: object = {}): Script => ({
  ...initiating(steps, fields),
  role: 'acceptor',
});

/** An established initiator: its own ids are odd. */
const initiator = (steps: readonly Step[], fields: object = {}): Script =>
  initiating([...frames(welcome()), ...steps], fields);

/** An established acceptor: its own ids are even. */
const acceptor = (steps: readonly Step[], fields: object = {}): Script =>
  accepting([...frames(hello()), ...steps], fields);

/** An initiator whose connections have drivers. */
const drivers = (steps: readonly Step[], fields: object = {}): Script => initiator(steps, { calls: true, ...fields });

const opened = (id: number, ref: number): Step[] => [act('open', { ref, hex: open(0) }), ...frames(accept(id))];
const advanced = (...times: number[]): Step[] => times.map((ms) => act('advance', { ms }));

/** Every body of a request message and of a channel message, on one connection. */
const bodies = (id: number): string[] => [
  call(id, 2, 1, [4, 6], 'beef'),
  response(id, 1),
  cancel(id, 2),
  item(id, 4, '01'),
  channelClose(id, 4),
  channelReset(id, 4),
  grant(id, 3, 2),
];

/** Methods of the oracle's handlers. */
const [ECHO, HELD, NO_REPLY, RECEIVE, SEND] = [1, 2, 3, 5, 6];
const [PANIC, SEND_ON_NEW, RECEIVE_ON_NEW, DROP_SENDER, DROP_RECEIVER] = [100, 101, 102, 103, 104];
const UNKNOWN = 99;

/** Scripts that reach every line of the reference's session and driver that scripts can reach, by what they are about. */
export const SCRIPTS: Readonly<Record<string, Script>> = {
  'handshake of an initiator: ProtocolError': initiating(frames(protocolError('no room'))),
  'handshake of an initiator: another message': initiating(frames(ping(1))),
  'handshake of an initiator: end': initiating([act('end')]),
  'handshake of an initiator: failure': initiating([act('fail')]),
  'handshake of an initiator: no Hello can be sent': initiating([act('shutdown')], { refusing: true }),
  'handshake of an acceptor: another version': accepting(frames(hello(6))),
  'handshake of an acceptor: ProtocolError': accepting(frames(protocolError('go away'))),
  'handshake of an acceptor: another message': accepting(frames(welcome())),
  'handshake of an acceptor: end': accepting([act('end')]),
  'handshake of an acceptor: failure': accepting([act('fail')]),
  'handshake of an acceptor: no HelloYourself can be sent': accepting([...frames(hello())], { refusing: true }),

  'messages that mean nothing after the handshake': initiator(
    frames(hello(), welcome(), protocolError('late'), pong(1), pong(1, 7), ping(2, 7), '00ff'),
  ),
  'messages for a connection that is not there': initiator([...frames(...bodies(8)), ...frames(close(8))]),
  'an open that has the wrong parity, or an id in use': initiator(frames(open(1), open(2), open(2), open(0))),
  'an open without an acceptor': initiator(frames(open(2)), { accept: null }),
  'an open that is rejected, and one whose handle is dropped': initiator([
    ...frames(open(2, 'no'), open(4, 'deaf'), call(4, 2, ECHO), item(4, 2), open(6, 'deaf'), item(6, 2)),
  ]),
  'an open that the acceptor answers with its own parity': initiator(frames(open(2, 'same'))),
  'an acceptor that panics': initiator(frames(open(2, 'panic'), ping(1))),

  'our open: accepted, accepted again, rejected late': acceptor([
    ...opened(2, 1),
    act('state', { id: 2 }),
    ...frames(accept(2), reject(2)),
    act('state', { id: 2 }),
    ...frames(accept(4), reject(4)),
  ]),
  'our open: accepted, and closed before the opener has seen it': initiator([
    act('open', { ref: 1, hex: open(0) }),
    act('frame', { hex: accept(1), more: true }),
    ...frames(close(1)),
  ]),
  'our open: rejected': initiator([act('open', { ref: 1, hex: open(0) }), ...frames(reject(1))]),
  'our open: rejected with metadata, which is not read': initiator([
    act('open', { ref: 1, hex: open(0, 'key') }),
    ...frames(reject(1, 'why')),
  ]),
  'our open: given up, then accepted': initiator([
    act('open', { ref: 1, hex: open(0) }),
    act('abandon', { ref: 1 }),
    ...frames(accept(1), item(1, 2)),
  ]),
  'our open: given up, then rejected': initiator([
    act('open', { ref: 1, hex: open(0) }),
    act('abandon', { ref: 1 }),
    ...frames(reject(1)),
  ]),
  'our open: closed by the peer, and by us': initiator([
    act('open', { ref: 1, hex: open(0) }),
    ...frames(close(1)),
    act('open', { ref: 2, hex: open(0) }),
    act('close', { id: 3, hex: close(0, 'why') }),
  ]),
  'our open and our close cannot be sent': initiator([
    ...opened(1, 1),
    act('refuse'),
    act('open', { ref: 2, hex: open(0) }),
    act('close', { id: 1, hex: close(0) }),
    act('send', { hex: call(0, 1, ECHO) }),
    ...frames(open(2), open(1), open(4, 'no'), ping(1)),
    act('refuse', { at: 'alloc' }),
    act('open', { ref: 3, hex: open(0) }),
    act('send', { hex: item(0, 1) }),
    act('refuse', { at: 'nowhere' }),
    act('open', { ref: 4, hex: open(0) }),
  ]),
  'our close: the root, unknown, active': initiator([
    act('close', { id: 0, hex: close(0) }),
    act('close', { id: 9, hex: close(0) }),
    ...opened(1, 1),
    act('close', { id: 1, hex: close(0, 'why') }),
    act('state', { id: 1 }),
  ]),
  'the peer closes a connection, and the root': initiator([
    ...opened(1, 1),
    ...frames(close(1), close(1), close(0), ping(1)),
    act('state'),
  ]),

  'an inbox: every message, in and out': initiator([
    ...frames(...bodies(0)),
    ...bodies(0).map((hex) => act('send', { hex })),
    act('failure', { request: 2 }),
    act('hold'),
    ...frames(...bodies(0)),
    act('read'),
  ]),
  'an inbox whose reader is gone: a request, a channel message': initiator([
    ...opened(1, 1),
    act('drop', { id: 1 }),
    ...frames(call(1, 2, ECHO)),
    ...opened(3, 2),
    act('release'),
    act('drop', { id: 3 }),
    ...frames(item(3, 2)),
    act('state'),
  ]),
  'an inbox whose reader is gone: of the root': initiator([act('drop'), ...frames(item(0, 2), call(0, 2, ECHO))]),

  'release: the root alone': initiator([act('release'), act('send', { hex: item(0, 1) })]),
  'release: the root, then a virtual connection': initiator([
    ...opened(1, 1),
    act('release'),
    act('release', { id: 1 }),
    act('open', { ref: 2, hex: open(0) }),
    act('close', { id: 1, hex: close(0) }),
    act('shutdown'),
  ]),
  'release: a virtual connection, twice': initiator([
    ...opened(1, 1),
    act('release', { id: 1 }),
    act('release', { id: 1 }),
  ]),
  'release: the root, then the peer closes the last connection': initiator([
    ...opened(1, 1),
    act('release'),
    ...frames(close(1)),
  ]),
  'release: the root, then we close the last connection': initiator([
    ...opened(1, 1),
    act('release'),
    act('close', { id: 1, hex: close(0) }),
  ]),

  'the end: of the link': initiator([...opened(1, 1), act('open', { ref: 2, hex: open(0) }), act('end')]),
  'the end: the link fails': initiator([...opened(1, 1), act('fail')]),
  'the end: shutdown, twice': initiator([...opened(1, 1), act('shutdown'), act('shutdown')]),
  'the end: what comes after it': initiator([
    act('shutdown'),
    act('open', { ref: 1, hex: open(0) }),
    act('close', { id: 1, hex: close(0) }),
    act('send', { hex: item(0, 1) }),
    act('failure', { request: 1 }),
  ]),
  'the end: the session is dropped while it runs': initiator([
    act('open', { ref: 1, hex: open(0) }),
    act('kill'),
    act('state'),
    act('open', { ref: 2, hex: open(0) }),
  ]),
  'the end: the session is dropped with requests under way': initiator([
    act('open', { ref: 1, hex: open(0), more: true }),
    act('close', { id: 3, hex: close(0), more: true }),
    act('kill'),
  ]),

  'keepalive: answered, then not': initiator(
    [
      ...advanced(30),
      ...frames(pong(7), pong(1, 5), pong(1)),
      ...advanced(30, 15),
      ...frames(pong(2)),
      ...advanced(30, 60),
    ],
    { keepalive: [30, 40] },
  ),
  'keepalive: a Ping cannot be sent': initiator([act('refuse'), ...advanced(60)], { keepalive: [30, 40] }),
  'keepalive: disabled by a time of zero': initiator([...advanced(60), ...frames(pong(1))], { keepalive: [0, 40] }),

  'a proxy: every message both ways, then one leg ends': initiator(
    [...opened(1, 1), ...frames(open(2), ...bodies(1), ...bodies(2), close(2))],
    { proxied: [1, 2] },
  ),
  'a proxy: the other leg ends': initiator([...opened(1, 1), ...frames(open(2), close(1))], { proxied: [1, 2] }),
  'a proxy: a leg cannot send': initiator([...opened(1, 1), ...frames(open(2)), act('refuse'), ...frames(item(1, 2))], {
    proxied: [1, 2],
  }),
  'a proxy: the other leg cannot send': initiator(
    [...opened(1, 1), ...frames(open(2)), act('refuse'), ...frames(item(2, 1))],
    { proxied: [1, 2] },
  ),

  'a call: answered, answered again, given up, answered late': drivers([
    act('call', { ref: 1, method: 7, hex: 'beef' }),
    ...frames(response(0, 1, '002a'), response(0, 1)),
    act('call', { ref: 2, method: 7 }),
    act('give-up', { ref: 2 }),
    ...frames(response(0, 3)),
    act('state'),
    act('watch'),
    act('call', { ref: 3, method: 7 }),
    act('end'),
    act('watch'),
    act('state'),
    act('call', { ref: 4, method: 7 }),
  ]),
  'a call: cannot be sent': drivers([act('refuse'), act('call', { ref: 1, method: 7 })]),
  'a call: the session is dropped': drivers([act('watch'), act('call', { ref: 1, method: 7 }), act('kill')]),
  'a caller: released, and kept without a way to call': drivers([
    act('noop'),
    act('release'),
    ...frames(ping(1)),
    act('drop-noop'),
    act('call', { ref: 1, method: 7 }),
  ]),

  'a handler: answers, waits, forgets to answer, panics': drivers([
    ...frames(
      call(0, 2, ECHO, [], 'beef'),
      call(0, 4, UNKNOWN),
      call(0, 6, NO_REPLY),
      call(0, 8, PANIC),
      call(0, 10, HELD),
    ),
    act('answer'),
    act('answer'),
  ]),
  'a handler: cancelled, and one that is not there': drivers(frames(call(0, 2, HELD), cancel(0, 2), cancel(0, 2))),
  'a handler: its answer cannot be sent': drivers([
    ...frames(call(0, 2, HELD)),
    act('refuse'),
    act('answer'),
    act('refuse', { at: 'nowhere' }),
  ]),
  'a handler: forgets to answer a request with the id of our call': drivers([
    act('call', { ref: 1, method: 7 }),
    ...frames(call(0, 1, NO_REPLY)),
  ]),
  'a handler: at work when its connection ends': drivers([
    ...opened(1, 1),
    ...frames(call(1, 2, HELD), call(1, 4, HELD), close(1)),
    act('answer'),
  ]),
  'a handler: at work when its last caller is gone': drivers([
    ...opened(1, 1),
    ...frames(call(1, 2, HELD)),
    act('release', { id: 1 }),
    act('answer'),
  ]),

  'a channel that a handler receives on: items, credit, Close': drivers([
    ...frames(
      call(0, 2, RECEIVE, [2]),
      item(0, 2, '01'),
      item(0, 2, '02'),
      item(0, 2, '03'),
      channelClose(0, 2),
      item(0, 2),
    ),
  ]),
  'a channel that a handler receives on: Reset': drivers(frames(call(0, 2, RECEIVE, [2]), channelReset(0, 2))),
  'a channel that a handler receives on: all of it before the call': drivers(
    frames(item(0, 2, '01'), item(0, 2, '02'), channelClose(0, 2), item(0, 2, '03'), call(0, 2, RECEIVE, [2])),
  ),
  'a channel that a handler receives on: Reset before the call': drivers(
    frames(item(0, 2, '01'), channelReset(0, 2), call(0, 2, RECEIVE, [2])),
  ),
  'a channel that a handler receives on: items before the call, its end after that': drivers(
    frames(item(0, 2, '01'), call(0, 2, RECEIVE, [2]), channelClose(0, 2)),
  ),
  'a channel that a handler receives on: the session ends': drivers([...frames(call(0, 2, RECEIVE, [2])), act('end')]),
  'a channel that a handler receives on and drops': drivers(
    frames(call(0, 2, DROP_RECEIVER, [2]), item(0, 2), item(0, 2)),
  ),
  'a channel that a handler sends on: more than its credit': drivers(
    frames(call(0, 2, SEND, [2], '06'), grant(0, 9, 1), grant(0, 2, 2)),
  ),
  'a channel that a handler sends on: Reset': drivers(frames(call(0, 2, SEND, [2], '06'), channelReset(0, 2))),
  'a channel that a handler sends on: it cannot be sent': drivers([
    ...frames(call(0, 2, SEND, [2], '06')),
    act('refuse'),
    ...frames(grant(0, 2, 1)),
  ]),
  'a channel that a handler sends on and drops': drivers(frames(call(0, 2, DROP_SENDER, [2]))),
  'channels that a handler makes': drivers([
    ...frames(call(0, 2, SEND_ON_NEW, [], '02'), call(0, 4, RECEIVE_ON_NEW), item(0, 3, '01'), channelClose(0, 3)),
  ]),

  'a channel that a caller sends on: credit, Close': drivers([
    act('call-tx', { ref: 1, method: 7 }),
    ...[1, 2, 3, 4, 5].map(() => act('item', { channel: 1, hex: '2a' })),
    ...frames(grant(0, 1, 1), response(0, 1)),
    act('close-channel', { channel: 1 }),
    act('drop-channel', { channel: 1 }),
  ]),
  'a channel that a caller sends on: Close and Reset by the receiver': drivers([
    act('call-tx', { ref: 1, method: 7 }),
    act('call-tx', { ref: 2, method: 7 }),
    ...frames(channelReset(0, 1), channelClose(0, 3)),
    act('item', { channel: 1 }),
  ]),
  'a channel that a caller sends on: it cannot be sent': drivers([
    act('call-tx', { ref: 1, method: 7 }),
    act('refuse'),
    act('item', { channel: 1 }),
    act('close-channel', { channel: 1 }),
    act('drop-channel', { channel: 1 }),
  ]),
  'a channel that a caller receives on: items, credit, Close': drivers([
    act('call-rx', { ref: 1, method: 7 }),
    ...frames(item(0, 1, '01'), item(0, 1, '02'), item(0, 1, '03'), channelClose(0, 1), response(0, 1)),
  ]),
  'a channel that a caller receives on: held back, and dropped': drivers([
    act('call-rx', { ref: 1, method: 7 }),
    act('hold-channel', { channel: 1 }),
    ...frames(...Array.from({ length: 70 }, (_, n) => item(0, 1, n.toString(16).padStart(2, '0')))),
    act('read-channel', { channel: 1 }),
    act('drop-receiver', { channel: 1 }),
    ...frames(item(0, 1), channelReset(0, 1)),
  ]),
  'channels that a caller binds without a call': drivers([
    act('bind-tx'),
    act('bind-tx', { channel: 2 }),
    act('item', { channel: 2 }),
    act('bind-rx'),
    ...frames(item(0, 4, '01'), item(0, 6, '02'), channelClose(0, 6), item(0, 8, '03'), channelReset(0, 8)),
    act('bind-rx', { channel: 4 }),
    act('bind-rx', { channel: 6 }),
    act('bind-rx', { channel: 8 }),
    ...frames(channelClose(0, 3)),
    act('end'),
  ]),

  'the builders: an initiator with everything': initiator(
    [
      ...opened(1, 1),
      ...frames(open(2), call(0, 2, ECHO), call(2, 2, ECHO)),
      act('call', { ref: 1, method: 7 }),
      ...frames(response(0, 1)),
      ...advanced(60),
    ],
    { built: true, keepalive: [30, 40] },
  ),
  'the builders: an acceptor that is released': acceptor([act('release')], { built: true, accept: null }),
  'the builders: a session that is dropped': acceptor([act('watch'), act('kill')], { built: true }),
  'the builders: no handshake': initiating([act('end')], { built: true }),
};
