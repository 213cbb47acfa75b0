/**
 * The exchanges worth seeing. Each is played by real sessions; nothing in the pictures is said here but the notes' occasions.
 */
import type { Sequence } from '../src/diagram/index.js';
import {
  accept,
  type Connection,
  type ConnectionClosedReason,
  initiate,
  type Metadata,
  proxyConnections,
  type Session,
  type SessionClosedReason,
  type StartOptions,
} from '../src/index.js';
import { ScriptedPeer, settle } from '../src/testing/index.js';
import { Recording } from './recording.js';

const BUSY: Metadata = [{ key: 'reason', value: 'busy', flags: 0n }];
const CALL = {
  type: 'RequestMessage',
  id: 1,
  body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array([1]) },
} as const;

interface Pair {
  readonly recording: Recording;
  readonly initiator: Session;
  readonly acceptor: Session;
}

/** Two sessions that have shaken hands, and the recording of it. */
async function start(options: { initiator?: StartOptions; acceptor?: StartOptions } = {}): Promise<Pair> {
  const recording = new Recording();
  const [ours, theirs] = recording.connect('initiator', 'acceptor');
  const { clock } = recording;
  const accepting = accept(theirs, { clock, ...options.acceptor });
  const initiator = await initiate(ours, { clock, ...options.initiator });
  return { recording, initiator, acceptor: await accepting };
}

/** The same without the recording: the handshake is shown once, and not again. */
async function pair(options: { initiator?: StartOptions; acceptor?: StartOptions } = {}): Promise<Pair> {
  const sessions = await start(options);
  await settle();
  sessions.recording.skip();
  return sessions;
}

/** Ends the recording, and then what was recorded. */
async function over(recording: Recording, ...sessions: readonly Session[]): Promise<Sequence> {
  const sequence = recording.end();
  for (const session of sessions) session.shutdown();
  await recording.clock.advance(60_000);
  await Promise.all(sessions.map(({ closed }) => closed));
  return sequence;
}

/** Answers every Call with its arguments. */
async function echo(connection: Connection): Promise<void> {
  for await (const { type, id, body } of connection) {
    if (type === 'RequestMessage' && body.type === 'Call') await connection.sendResponse(id, { ret: body.args });
  }
}

const accepting: StartOptions = {
  onConnection: () => ({ type: 'accept', setup: (connection) => void echo(connection) }),
};

function outcomeOf(error: unknown): string {
  const { name, message } = error as Error;
  return `${name}: ${message}`;
}

function endOf({ cause, error }: SessionClosedReason): string {
  return `the session ends: ${error === undefined ? cause : outcomeOf(error)}`;
}

function closeOf({ by }: ConnectionClosedReason): string {
  return `closed by ${by === 'local' ? 'us' : `the ${by}`}`;
}

async function handshake(): Promise<Sequence> {
  const { recording, initiator, acceptor } = await start();
  await settle();
  recording.note('initiator', `running; our ids are ${initiator.root.parity}`);
  recording.note('acceptor', `running; our ids are ${acceptor.root.parity}`);
  return over(recording, initiator, acceptor);
}

async function versionMismatch(): Promise<Sequence> {
  const recording = new Recording();
  const [ours, theirs] = recording.connect('initiator', 'acceptor');
  const starting = accept(theirs, { clock: recording.clock, conformance: 'strict' });
  const settled = starting.catch((error: unknown) => recording.note('acceptor', outcomeOf(error)));
  const peer = new ScriptedPeer(ours);
  const connectionSettings = { parity: 'odd', maxConcurrentRequests: 64 } as const;
  peer.say({ type: 'Hello', connectionId: 0, version: 8, connectionSettings, metadata: [] });
  await settled;
  await settle();
  return over(recording);
}

async function openAndAccept(): Promise<Sequence> {
  const { recording, initiator, acceptor } = await pair({ acceptor: accepting });
  const connection = await initiator.open();
  recording.note('initiator', `connection ${connection.id} is active`);
  await connection.send(CALL);
  await settle();
  await connection.close();
  await settle();
  recording.note('acceptor', `connection ${connection.id} is closed`);
  return over(recording, initiator, acceptor);
}

async function openAndReject(): Promise<Sequence> {
  const { recording, initiator, acceptor } = await pair({
    acceptor: { onConnection: () => ({ type: 'reject', metadata: BUSY }) },
  });
  await initiator.open().catch((error: unknown) => recording.note('initiator', outcomeOf(error)));
  return over(recording, initiator, acceptor);
}

async function crossingCloses(): Promise<Sequence> {
  const { recording, initiator, acceptor } = await pair({ acceptor: accepting });
  const ours = await initiator.open();
  await settle();
  const theirs = acceptor.connection(ours.id) as Connection;
  await recording.atOnce(() => {
    void ours.close();
    void theirs.close();
  });
  recording.note('initiator', closeOf(await ours.closed));
  recording.note('acceptor', closeOf(await theirs.closed));
  return over(recording, initiator, acceptor);
}

async function closeWhileOpening(): Promise<Sequence> {
  const abort = new AbortController();
  let decide = (): void => {};
  let accepted: Connection | undefined;
  const { recording, initiator, acceptor } = await pair({
    acceptor: {
      onConnection: () =>
        new Promise((resolve) => {
          const setup = (connection: Connection) => {
            accepted = connection;
          };
          decide = () => resolve({ type: 'accept', setup });
        }),
    },
  });
  const opening = initiator.open({ signal: abort.signal });
  const settled = opening.catch((error: unknown) => recording.note('initiator', outcomeOf(error)));
  await settle();
  await recording.atOnce(() => {
    abort.abort();
    decide();
  });
  await settled;
  recording.note('acceptor', closeOf((await accepted?.closed) as ConnectionClosedReason));
  return over(recording, initiator, acceptor);
}

async function keepaliveTimeout(): Promise<Sequence> {
  const keepalive = { pingInterval: 30_000, pongTimeout: 10_000 };
  const { recording, initiator, acceptor } = await pair({ initiator: { keepalive } });
  await recording.pass(keepalive.pingInterval, 'pingInterval');
  recording.lose('acceptor');
  await recording.pass(keepalive.pingInterval, 'pingInterval, and what the acceptor sends is lost');
  await recording.pass(keepalive.pongTimeout, 'pongTimeout');
  recording.note('initiator', endOf(await initiator.closed));
  return over(recording, initiator, acceptor);
}

async function rootReleased(): Promise<Sequence> {
  const { recording, initiator, acceptor } = await pair({ acceptor: accepting });
  const connection = await initiator.open();
  await settle();
  initiator.root.caller().release();
  await settle();
  recording.note('initiator', `the root is released; the session lives on with connection ${connection.id}`);
  connection.caller().release();
  await settle();
  recording.note('initiator', endOf(await initiator.closed));
  recording.note('acceptor', endOf(await acceptor.closed));
  return over(recording, initiator, acceptor);
}

async function proxy(): Promise<Sequence> {
  const recording = new Recording();
  const { clock } = recording;
  const [client, front] = recording.connect('client', 'proxy');
  const [back, server] = recording.connect('proxy', 'server');
  const serving = accept(server, { clock, ...accepting });
  const upstream = await initiate(back, { clock });
  const proxying = accept(front, {
    clock,
    onConnection: async ({ peerSettings }) => {
      // In a turn of its own: XState's development build warns of one session's step within another one's action.
      await settle();
      const onward = await upstream.open({ parity: peerSettings.parity });
      return { type: 'accept', setup: (connection) => void proxyConnections(connection, onward) };
    },
  });
  const session = await initiate(client, { clock });
  await settle();
  recording.skip();
  const connection = await session.open();
  await connection.send(CALL);
  await settle();
  await connection.close();
  await settle();
  return over(recording, session, await proxying, upstream, await serving);
}

export const scenarios: Readonly<Record<string, () => Promise<Sequence>>> = {
  handshake,
  'version-mismatch': versionMismatch,
  'open-and-accept': openAndAccept,
  'open-and-reject': openAndReject,
  'crossing-closes': crossingCloses,
  'close-while-opening': closeWhileOpening,
  'keepalive-timeout': keepaliveTimeout,
  'root-released': rootReleased,
  proxy,
};
