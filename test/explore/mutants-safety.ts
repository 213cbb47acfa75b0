/** Mistakes that show in a state, or in a step. */
import { assign } from 'xstate';
import type { ConnectionContext } from '../../machines/index.js';
import { SHIPPED } from './machines.js';
import { changed, type Mutant } from './mutant.js';

const { connection, handshake, keepalive, session } = SHIPPED;

export const UNSAFE: readonly Mutant[] = [
  {
    name: 'dropped-guard',
    text: 'an Open is admitted although its id is in use',
    by: 'books-agree',
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
    by: 'tables-agree',
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
    by: 'tables-agree',
    configurations: ['opens-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.opening.on['app.abandonOpen'].actions.shift();
      }),
    }),
  },
  {
    name: 'own-settings',
    text: 'an opener takes its own settings for those of the peer',
    by: 'tables-agree',
    configurations: ['opens-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        const [, { actions }] = config.states.opening.on['rx.ConnectionAccept'];
        actions[0].params = ({ context }: { context: ConnectionContext }) => ({ peerSettings: context.localSettings });
      }),
    }),
  },
  {
    name: 'off-by-one-id',
    text: 'an id of ours is one more than it should be',
    by: 'ids-parity',
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
    by: 'ids-grow',
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
    name: 'hasty-keepalive',
    text: 'a deadline that passes ends the session, though the Pong lies in the inbox',
    by: 'pong-in-time',
    configurations: ['keepalive-reference'],
    make: () => ({
      keepalive: changed(keepalive, (config) => {
        config.states.awaitingPong.after.pongTimeout = 'expired';
      }),
    }),
  },
  {
    name: 'deaf-to-pause',
    text: 'the keepalive goes on waiting while reading is paused',
    by: 'pong-in-time',
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
    by: 'handshake-first',
    configurations: ['handshake-reference', 'handshake-strict'],
    make: () => ({
      handshake: changed(handshake, (config) => {
        config.states.awaitingHello.on['rx.Hello'][2].target = 'established';
      }),
    }),
  },
  {
    name: 'short-memory',
    text: 'an answer to an open that was given up is taken for a violation',
    by: 'no-accusation',
    configurations: ['opens-strict'],
    make: () => ({ session: session.provide({ guards: { answersLate: () => false } }) }),
  },
  {
    name: 'unsettled-close',
    text: 'a close of an active connection is never settled',
    by: 'settles-once',
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
    by: 'settles-once',
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
    by: 'books-agree',
    configurations: ['no-acceptor'],
    make: () => ({ session: session.provide({ actions: { remove: assign({}) } }) }),
  },
  {
    name: 'silent-withdrawal',
    text: 'a withdrawn open leaves its question with the user',
    by: 'books-agree',
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
    by: 'one-ping',
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
    by: 'root-unspoken',
    configurations: ['no-acceptor'],
    make: () => ({
      session: changed(session, (config) => {
        const { held } = config.states.running.states.root.states;
        held.on['app.release'] = { actions: config.states.running.on['app.leave'][0].actions };
      }),
    }),
  },
  {
    name: 'repeated-close',
    text: 'a close of ours is sent twice',
    by: 'silence-after-close',
    configurations: ['handshake-even'],
    make: () => ({
      connection: changed(connection, (config) => {
        const { actions } = config.states.opening.on['app.close'];
        actions.unshift(actions[0]);
      }),
    }),
  },
  {
    name: 'eager-routing',
    text: 'what comes on a closed id is handed on to an actor that is gone',
    by: 'active-only',
    configurations: ['closes-reference'],
    make: () => ({ session: session.provide({ guards: { isRouted: () => true } }) }),
  },
  {
    name: 'early-active',
    text: 'an open is taken for accepted as soon as it is sent',
    by: 'silence-before-accept',
    configurations: ['adversary-releaser-acceptor-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        const { entry } = config.states.opening;
        config.states.starting.always[0] = { guard: 'isOurs', target: 'active', actions: entry[1] };
      }),
    }),
  },
  {
    name: 'long-winded',
    text: 'a session that has accused its peer goes on',
    by: 'last-word',
    configurations: ['adversary-greeter-initiator-strict'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.on['rx.Hello'][1].target;
      }),
    }),
  },
  {
    name: 'silent-end',
    text: 'a session that ends at once does not tell its application',
    by: 'nothing-left',
    configurations: ['handshake-reference'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.ended.entry.shift();
      }),
    }),
  },
  {
    name: 'endless-flush',
    text: 'the acceptor flushes again whenever its reply has been flushed',
    by: 'bounded',
    configurations: ['handshake-reference'],
    make: () => ({
      handshake: changed(handshake, (config) => {
        config.states.replying.on['conduit.flushed'] = { actions: 'flush' };
      }),
    }),
  },
  {
    name: 'boundless-intake',
    text: 'what is held back while reading is paused has no bound',
    by: 'bounded',
    configurations: ['flooded-reference'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.on['conduit.overflowed'];
      }),
    }),
  },
  {
    name: 'boundless-replies',
    text: 'replies go out however many wait already',
    by: 'bounded',
    configurations: ['replies'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.states.outbound.states.full.on['outbox.overflowed'];
      }),
    }),
  },
  {
    name: 'unspoken-end',
    text: 'a connection that is released does not say how it ended',
    by: 'never-throws',
    configurations: ['closes-reference'],
    make: () => ({
      connection: changed(connection, (config) => {
        config.states.active.on['app.release'].actions.pop();
      }),
    }),
  },
];
