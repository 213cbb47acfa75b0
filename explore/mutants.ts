/**
 * What the explorer has to find: the shipped machines, each time with one mistake in one of them. A mutant counts as
 * killed by a property that does not hold, never by a number of states that is not what it was.
 */
import { type AnyStateMachine, assign, createMachine } from 'xstate';
import { type Machines, SHIPPED } from './machines.js';

export interface Mutant {
  readonly name: string;
  readonly text: string;
  /** The configurations in which it may show, the smallest first. */
  readonly configurations: readonly string[];
  readonly make: () => Partial<Machines>;
}

// biome-ignore lint/suspicious/noExplicitAny: a machine's configuration is taken apart here, whatever its types.
type Config = any;

/** The machine with its configuration changed by hand. */
function changed(machine: AnyStateMachine, change: (config: Config) => void): AnyStateMachine {
  const config: Config = clone(machine.config);
  change(config);
  return createMachine(config, machine.implementations as never) as AnyStateMachine;
}

/** A copy of what is plain data; functions, and what built-in actions are, stay the same. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clone(part)]));
}

const { session, handshake, keepalive, connection } = SHIPPED;

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'dropped-guard',
    text: 'an Open is admitted although its id is in use',
    configurations: ['adversary-releaser-acceptor-reference'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.running.on['rx.ConnectionOpen'].splice(2, 2);
      }),
    }),
  },
  {
    name: 'swapped-target',
    text: 'a connection that we reject is active here all the same',
    configurations: ['opens-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.deciding.on['app.reject'].target = 'active';
      }),
    }),
  },
  {
    name: 'missing-effect',
    text: 'an abandoned open sends no Close',
    configurations: ['opens-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.opening.on['app.abandonOpen'].actions.shift();
      }),
    }),
  },
  {
    name: 'off-by-one-id',
    text: 'an id of ours is one more than it should be',
    configurations: ['opens-reference'],
    make: () => ({
      session: session.provide({
        actions: {
          open: assign(({ context }) => {
            const id =
              (context.localHigh === 0 ? (context.localSettings.parity === 'odd' ? 1 : 2) : context.localHigh + 2) + 1;
            return { live: context.live.add(id), localHigh: id, pending: context.pending + 1 };
          }),
        },
      }),
    }),
  },
  {
    name: 'reused-id',
    text: 'the next id is counted from the connections that live',
    configurations: ['no-acceptor', 'limits-reference'],
    make: () => ({
      session: session.provide({
        actions: {
          open: assign(({ context }) => {
            const id = (context.localSettings.parity === 'odd' ? 1 : 2) + 2 * context.live.size;
            return { live: context.live.add(id), localHigh: id, pending: context.pending + 1 };
          }),
        },
      }),
    }),
  },
  {
    name: 'lost-timer',
    text: 'nobody sweeps up opens that have waited too long',
    configurations: ['dead-peer'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.states.deadlines.states.sweeping.after;
      }),
    }),
  },
  {
    name: 'hasty-keepalive',
    text: 'a deadline that passes ends the session, whatever lies in the inbox',
    configurations: ['keepalive-reference'],
    make: () => ({
      keepalive: changed(keepalive, (config) => {
        config.states.awaitingPong.after.pongTimeout = 'expired';
      }),
    }),
  },
  {
    name: 'deaf-to-pause',
    text: 'the keepalive goes on waiting while nobody reads',
    configurations: ['keepalive-reference'],
    make: () => ({
      keepalive: changed(keepalive, (config) => {
        delete config.states.awaitingPong.on['reading.paused'];
        delete config.states.confirming.on['reading.paused'];
      }),
    }),
  },
  {
    name: 'early-greeting',
    text: 'the acceptor takes itself for established before its HelloYourself is on its way',
    configurations: ['handshake-reference', 'handshake-strict'],
    make: () => ({
      handshake: changed(handshake, (config) => {
        config.states.awaitingHello.on['rx.Hello'][1].target = 'established';
      }),
    }),
  },
  {
    name: 'unsettled-close',
    text: 'a close of an active connection is never settled',
    configurations: ['handshake-even', 'closes-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.active.on['app.close'].actions.splice(1, 1);
      }),
    }),
  },
  {
    name: 'double-settle',
    text: 'closing a pending open settles it twice',
    configurations: ['handshake-even'],
    make: () => ({
      connection: changed(connection, (config) => {
        const { actions } = config.states.opening.on['app.close'];
        actions.push(actions[1]);
      }),
    }),
  },
  {
    name: 'forgotten-removal',
    text: 'a connection that has ended stays on the books',
    configurations: ['no-acceptor'],
    make: () => ({ session: session.provide({ actions: { remove: assign({}) } }) }),
  },
  {
    name: 'clinging-link',
    text: 'a session that ends in order does not close the link',
    configurations: ['handshake-reference'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.ending.entry.pop();
      }),
    }),
  },
  {
    name: 'silent-withdrawal',
    text: 'a withdrawn open leaves its question with the user',
    configurations: ['opens-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.deciding.on['rx.ConnectionClose'].actions.shift();
      }),
    }),
  },
  {
    name: 'second-ping',
    text: 'a Ping goes out while another one is',
    configurations: ['keepalive-reference'],
    make: () => ({
      keepalive: changed(keepalive, (config) => {
        const { waiting, awaitingPong } = config.states;
        awaitingPong.after.pingInterval = { ...waiting.after.pingInterval[0], reenter: true };
      }),
    }),
  },
  {
    name: 'talkative-root',
    text: 'the root is closed on the wire when its last caller goes',
    configurations: ['no-acceptor'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.running.on['app.release'] = { actions: config.states.running.on['app.leave'][0].actions };
      }),
    }),
  },
  {
    name: 'repeated-close',
    text: 'a close of ours is sent twice',
    configurations: ['handshake-even'],
    make: () => ({
      connection: changed(connection, (config) => {
        const { actions } = config.states.opening.on['app.close'];
        actions.unshift(actions[0]);
      }),
    }),
  },
];

/** All the machines, one of them with its mistake. */
export function mutated({ make }: Mutant): Machines {
  return { ...SHIPPED, ...make() };
}
