/** Mistakes that break liveness. */
import { SHIPPED } from './machines.js';
import { changed, type Mutant } from './mutant.js';

const { handshake, keepalive, session } = SHIPPED;

export const STUCK: readonly Mutant[] = [
  {
    name: 'lost-timer',
    text: 'opens that have waited too long are not swept up',
    by: 'opens-settle',
    configurations: ['dead-peer'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.states.deadlines.states.sweeping.after;
      }),
    }),
  },
  {
    name: 'clinging-link',
    text: 'a session that ends in order does not close the link',
    by: 'end-spreads',
    configurations: ['handshake-reference'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.ending.entry.pop();
      }),
    }),
  },
  {
    name: 'patient-greeter',
    text: 'an initiator waits for HelloYourself as long as it takes',
    by: 'handshake-ends',
    configurations: ['keepalive-reference'],
    make: () => ({
      handshake: changed(handshake, (config) => {
        delete config.states.awaitingHelloYourself.after;
      }),
    }),
  },
  {
    name: 'lost-resume',
    text: 'an inbox that has been emptied does not let the reading go on',
    by: 'closes-known',
    configurations: ['readers-reference'],
    make: () => ({
      session: changed(session, (config) => {
        config.states.running.states.inbound.states.paused.on['inbox.drained'].actions.shift();
      }),
    }),
  },
  {
    name: 'deaf-ending',
    text: 'a session that is ending does not hear that the link is closed',
    by: 'ends-cleanly',
    configurations: ['handshake-reference'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.ending.on['link.*'];
      }),
    }),
  },
  {
    name: 'uncut-stall',
    text: 'two that wait for each other are left waiting',
    by: 'no-deadlock',
    configurations: ['coupled-stall'],
    make: () => ({
      session: changed(session, (config) => {
        delete config.states.running.states.outbound.states.full.states.timed.after;
      }),
    }),
  },
  {
    name: 'trusting-keepalive',
    text: 'a Pong may take as long as it likes',
    by: 'death-noticed',
    configurations: ['dead-peer'],
    make: () => ({
      keepalive: changed(keepalive, (config) => {
        delete config.states.awaitingPong.after;
      }),
    }),
  },
];
