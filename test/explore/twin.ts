/**
 * Compares the explorer with its twin: a model of the same two peers in Promela, twin/session.pml. The twin was written from
 * the protocol's tables and does not use the machines. The states of both are projected: the state of each session, its view
 * of each connection, the link and the messages under way, and the remaining budgets of the users. The two sets of projected
 * states must be equal.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyMachineSnapshot } from 'xstate';
import type { Message, MessageType } from '../../src/wire/message.js';
import { type PairConfiguration, prepare } from './configuration.js';
import { BEFALLEN, ENDED, FAILED, SIDE_BITS, unpack, WORDS } from './draft.js';
import { configurationOf } from './hunt.js';
import { type Machines, SHIPPED } from './machines.js';
import type { Budget, PeerState } from './peer.js';
import { search } from './search.js';
import type { Side } from './side.js';
import type { World } from './world.js';

/** The configurations that the twin models too: two strict peers, one of each kind of timer, no keepalive and no limits. */
export const TWINS = ['handshake-strict', 'opens-strict', 'closes-strict', 'roots-strict'];

const MODEL = fileURLToPath(new URL('twin/session.pml', import.meta.url));

/** The budgets in the order in which the model writes them. */
const BUDGETS = [
  'open',
  'abort',
  'close',
  'misclose',
  'release',
  'releaseRoot',
  'send',
  'shutdown',
  'abortHandshake',
] as const satisfies readonly (keyof Budget)[];

const IDS = [1, 2, 3, 4];
const PHASES: Record<string, string> = { opening: 'p', deciding: 'u', active: 'a', unread: 'a' };
const LINKS = { open: 'o', closing: 'c', over: '-' };
const ENDINGS: Record<number, string> = { 0: '.', [ENDED]: 'e', [FAILED]: 'f' };
const MESSAGES: Partial<Record<MessageType, string>> = {
  Hello: 'h',
  HelloYourself: 'y',
  ProtocolError: '!',
  ConnectionOpen: 'o',
  ConnectionAccept: 'a',
  ConnectionReject: 'r',
  ConnectionClose: 'c',
  ChannelMessage: 'd',
};

/** The difference between the two sets of states. */
export interface Comparison {
  readonly states: number;
  readonly onlyHere: readonly string[];
  readonly onlyThere: readonly string[];
}

/** Returns the reason why the twin can't run here. Undefined if it can. */
export function whyNoTwin(): string | undefined {
  const missing = [
    ['spin', '-V'],
    ['gcc', '--version'],
  ].filter(([command = '', flag = '']) => spawnSync(command, [flag], { stdio: 'ignore' }).status !== 0);
  return missing.length === 0 ? undefined : `not installed: ${missing.map(([command]) => command).join(', ')}`;
}

export function compare(name: string, machines: Machines = SHIPPED, model = MODEL): Comparison {
  const configuration = configurationOf(name) as PairConfiguration;
  const here = explored(configuration, machines);
  const there = twinned(configuration, model);
  return {
    states: there.size,
    onlyHere: [...here].filter((state) => !there.has(state)),
    onlyThere: [...there].filter((state) => !here.has(state)),
  };
}

/** Returns the projected states of the explorer. All states of a session that is over are kept apart. */
function explored(configuration: PairConfiguration, machines: Machines): Set<string> {
  const world = prepare(configuration, machines, false).world as World;
  const { store } = search(world);
  const [left, right] = world.sides.map((side) =>
    Array.from({ length: side.states.size }, (_, number) => projected(side, side.states.of(number))),
  );
  const queues = Array.from({ length: world.queues.size }, (_, number) =>
    world.queues
      .of(number)
      .map((message) => said(world.messages.of(message)))
      .join(''),
  );
  const states = new Set<string>();
  for (let state = 0; state < store.size; state++) {
    const { peer, queue, bits } = unpack(store.words.items, state * WORDS);
    const side = (at: 0 | 1) => {
      const ending = ENDINGS[(bits >> (at * SIDE_BITS)) & (ENDED | FAILED)];
      const [before = '', after = ''] = [left, right][at]?.[peer[at]] ?? [];
      return `${before}${ending} ${after} ${queues[queue[at]]}`;
    };
    const befallen = [BEFALLEN.fail, BEFALLEN.close].map((bit) => Math.sign(bits & bit)).join('');
    states.add(`${side(0)} | ${side(1)} | ${befallen}`);
  }
  return states;
}

/** Returns a peer's part of a state as two texts. The ending that the link holds for the peer stands between them. */
function projected(side: Side, { actors, port }: PeerState): [string, string] {
  const session = actors['session'] === undefined ? undefined : side.snapshot('session', actors['session']);
  const phases = IDS.map((id) => {
    const path = `connections.${id}`;
    return actors[path] === undefined ? '.' : PHASES[String(side.snapshot(path, actors[path])?.value)];
  });
  const budgets = BUDGETS.map((action) => port.left[action] ?? 0);
  return [`${standing(session)} ${LINKS[port.link]}`, `${phases.join('')} ${budgets.join('')}`];
}

function standing(session: AnyMachineSnapshot | undefined): string {
  if (session === undefined) return '-';
  const { value } = session;
  if (value === 'handshaking') return 'g';
  if (session.matches('ending')) return 'e';
  return session.matches({ running: { root: 'released' } }) ? 'r' : 'R';
}

function said({ type, connectionId }: Message): string {
  return `${MESSAGES[type]}${connectionId}`;
}

/** Returns the states that Spin reaches. */
function twinned({ both, initiator, acceptor, world, timers = [] }: PairConfiguration, model: string): Set<string> {
  const befalls = world?.befalls ?? [];
  const budgets = [initiator, acceptor].map((own): Budget => ({ ...both?.budget, ...own?.budget }));
  const defined: [string, boolean | number][] = [
    ...budgets.flatMap((budget, side) =>
      BUDGETS.map((action): [string, number] => [`${action.toUpperCase()}_${side}`, budget[action] ?? 0]),
    ),
    ['FAILS', befalls.includes('fail')],
    ['CLOSES', befalls.includes('close')],
    ['HANDSHAKE_TIMER', timers.includes('handshakeTimeout')],
    ['FLUSH_TIMER', timers.includes('flushTimeout')],
    ['SWEEP_TIMER', timers.includes('sweepInterval')],
  ];
  const folder = mkdtempSync(join(tmpdir(), 'twin-'));
  try {
    run(folder, 'spin', ...defined.map(([name, value]) => `-D${name}=${Number(value)}`), '-a', model);
    // Without reduction, so that Spin visits every state.
    run(folder, 'gcc', '-O0', '-w', '-DSAFETY', '-DNOREDUCE', '-o', 'pan', 'pan.c');
    // `-E`: a state without successors is no error here. The explorer checks liveness.
    const output = run(folder, './pan', '-E', '-w20', '-m1000000');
    if (!output.includes('errors: 0')) throw new Error(`the twin found something wrong:\n${output.slice(-2_000)}`);
    if (output.includes('Search not completed')) throw new Error('the twin has not come to an end');
    return new Set(output.split('\n').filter((line) => line.includes(' | ')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(cwd: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? ''}${stderr}${stdout.slice(-2_000)}`);
  return stdout;
}
