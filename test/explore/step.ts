/**
 * One step of one peer: an input and all its effects, until the whole actor tree is idle. The input queue makes this one
 * step (src/conduit/input-queue.ts): a peer's next input waits until then. Its messages go onto the link at once. The other
 * peer might take the first before the last is sent. That makes no difference, since the peers interact only through the
 * link.
 */
import type { SessionContext, SessionEvent } from '../../machines/index.js';
import { ROOT } from '../../src/wire/id.js';
import type { ConnectionSettings, DataMessage } from '../../src/wire/message.js';
import { canonical } from './canonical.js';
import { inspect } from './inspect.js';
import { type Event, Thrown } from './local.js';
import { Monitor } from './monitor.js';
import type { Budget, Input, Memory, PeerOptions, PeerState, StepResult, UserAction } from './peer.js';
import { ModelPort } from './port.js';
import { Endless, Runtime, type Tables } from './runtime.js';

export const SETTINGS: ConnectionSettings = { parity: 'odd', maxConcurrentRequests: 1 };

const NO_MEMORY: Memory = {
  lastOpened: 0,
  unanswered: [],
  closed: [],
  hasGreeted: false,
  hasAccused: false,
  ping: undefined,
};

/** Returns true if a shallow comparison shows no change. A peer ignores most messages of an adversary. */
function isUnchanged(before: PeerState, after: PeerState): boolean {
  return (
    isShallowlyEqual(before.actors, after.actors) &&
    isShallowlyEqual(before.timers, after.timers) &&
    isShallowlyEqual(before.port, after.port) &&
    isShallowlyEqual(before.memory, after.memory)
  );
}

function isShallowlyEqual(one: object, other: object): boolean {
  const keys = Object.keys(one) as (keyof typeof one)[];
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

/** Returns a message of a user. */
function item(connectionId: number): DataMessage {
  return { type: 'ChannelMessage', connectionId, id: 1, body: { type: 'Item', item: new Uint8Array() } };
}

export class Stepper {
  readonly options: PeerOptions;
  readonly #tables: Tables;

  constructor(tables: Tables, options: PeerOptions) {
    this.#tables = tables;
    this.options = options;
  }

  /** Starts a peer on an empty link. */
  initial(backlog: number): StepResult {
    const { budget } = this.options;
    const empty: PeerState = {
      actors: {},
      timers: [],
      port: {
        link: 'open',
        isPaused: false,
        held: [],
        isEndHeld: false,
        isConfirming: false,
        isBroken: false,
        isFull: false,
        parked: [],
        full: undefined,
        waiting: [],
        lastRequest: 0,
        decisions: [],
        handles: [],
        isEstablished: false,
        end: undefined,
        left: budget,
      },
      memory: NO_MEMORY,
    };
    return this.#run(empty, backlog, (runtime, port) => {
      const { role, conformance, settings, limits, isAccepting, keepalive } = this.options;
      // The input queue opens when the session has started, so the effects of the start come first.
      port.fire(
        () =>
          runtime.start({
            role,
            conformance,
            localSettings: settings,
            metadata: [],
            ...(keepalive ? { keepalive: { pingInterval: 1, pongTimeout: 2 } } : {}),
            limits: {
              connections: limits.connections,
              undecided: limits.undecided,
              handshakeTimeout: 3,
              flushTimeout: 4,
              stallTimeout: 5,
              unreadTimeout: 6,
              sweepInterval: 6,
              linger: 7,
              cutTimeout: 7,
            },
            isAccepting,
          }),
        { opens: 0, decisions: 0 },
      );
    });
  }

  /**
   * Returns the effects of an input. `backlog` is the number of our messages that the link holds back. If negative, the
   * number that it would still take.
   */
  step(state: PeerState, input: Input, backlog: number): StepResult {
    return this.#run(state, backlog, (runtime, port) => this.#input(runtime, port, input));
  }

  #run(state: PeerState, backlog: number, act: (runtime: Runtime, port: ModelPort) => void): StepResult {
    const monitor = new Monitor(this.options, state.memory);
    const runtime: Runtime = new Runtime(this.#tables, this.options.conformance, {
      effect: (name, params) => port.effect(name, params),
      emit: () => {},
      lost: (path, event) => monitor.found('active-only', `${event.type} for ${path}, which is gone`),
      doubled: (path) => monitor.found('books-agree', `${path} is made a second time`),
    });
    const port: ModelPort = new ModelPort(
      this.options,
      state.port,
      monitor,
      backlog,
      (event) => runtime.send(event),
      () => this.#sessionContext(runtime.actors)?.localSettings.parity,
    );
    try {
      runtime.restore(state.actors, state.timers);
      act(runtime, port);
    } catch (error) {
      if (error instanceof Thrown) monitor.found('never-throws', error.message);
      else if (error instanceof Endless) monitor.found('bounded', error.message);
      else throw error;
    }
    const { actors, timers } = runtime;
    const next: PeerState = { actors, timers, port: port.state, memory: monitor.memory };
    // An unchanged state was inspected before.
    const isSame = isUnchanged(state, next);
    if (!isSame) inspect(next, this.#tables, monitor);
    const { sent, link, confirms, accuses, observed } = port;
    return {
      state: isSame ? state : this.options.isReduced === false ? next : this.#forget(next),
      sent,
      link,
      confirms,
      observed,
      ...(accuses === undefined ? {} : { accuses }),
      ...(monitor.finding === undefined ? {} : { violation: monitor.finding }),
    };
  }

  /**
   * The reduction. No input has an effect on a session that is over, and its last states do not depend on the old ids and
   * settings. So peers that differ only in these behave alike, and are merged. A test checks that nothing is lost by it: see
   * test/explore/reduction.test.ts.
   */
  #forget(state: PeerState): PeerState {
    if (state.port.end === undefined) return state;
    const port = { ...state.port, left: {}, lastRequest: 0 };
    const { session } = state.actors;
    if (session === undefined) return { ...state, port: { ...port, end: 'stopped' }, memory: NO_MEMORY };
    const { value, context, children } = this.#tables.session.snapshot(session);
    const key = canonical({ value, end: (context as SessionContext).end, children: Object.keys(children) });
    const actors = { ...state.actors, session: this.#tables.session.representative(session, key) };
    // A link that is closing is never written to, so the memory of the monitor is not needed.
    return { ...state, actors, port, memory: port.link === 'open' ? state.memory : NO_MEMORY };
  }

  #input(runtime: Runtime, port: ModelPort, input: Input): void {
    switch (input.type) {
      case 'message':
        port.take(input.message);
        return;
      case 'ended':
        port.state.link = 'over';
        if (port.state.isPaused) port.state.isEndHeld = true;
        else port.push({ type: 'link.ended' });
        return;
      case 'heldEnd':
        port.state.isEndHeld = false;
        port.push({ type: 'link.ended' });
        return;
      case 'failed':
        port.state.link = 'over';
        port.push({ type: 'link.failed', error: new Error('the link broke') } as SessionEvent);
        return;
      case 'broken':
        port.state.link = 'closing';
        return;
      case 'drained':
        port.drained();
        return;
      case 'interrupted':
      case 'restored':
        port.push({ type: `link.${input.type}` });
        return;
      case 'confirmed':
        port.state.isConfirming = false;
        port.push({ type: 'keepalive.confirmed' });
        return;
      case 'malformed':
        port.push({ type: 'conduit.malformed', rule: 'session.message', description: 'malformed' } as SessionEvent);
        return;
      case 'timer': {
        const { timer, opens = 0, decisions = 0 } = input;
        if (timer.includes('pingInterval')) this.#spend(port, 'ping');
        port.fire(() => runtime.fire(timer), { opens, decisions });
        return;
      }
      case 'user':
        this.#user(port, input.action, input.id ?? ROOT);
        return;
    }
  }

  #user(port: ModelPort, action: UserAction, id: number): void {
    if (action !== 'accept' && action !== 'reject' && action !== 'read') this.#spend(port, action);
    switch (action) {
      case 'open': {
        const request = port.request('open');
        port.push({ type: 'app.open', request, settings: SETTINGS, metadata: [] } as SessionEvent);
        return;
      }
      case 'abort':
        port.push({ type: 'app.abandonOpen', id } as SessionEvent);
        return;
      case 'accept':
        port.push({ type: 'app.accept', id, settings: { ...SETTINGS, parity: 'even' }, metadata: [] } as SessionEvent);
        return;
      case 'reject':
        port.push(() => port.reject(id));
        return;
      case 'send':
        port.send(item(id));
        return;
      case 'read':
        port.read(id);
        if (this.options.isCoupled && (port.state.left.send ?? 0) > 0) {
          this.#spend(port, 'send');
          port.send(item(id));
        }
        return;
      case 'close':
      case 'misclose':
        port.push({ type: 'app.close', id, request: port.request('close'), metadata: [] } as SessionEvent);
        return;
      case 'release':
      case 'releaseRoot':
        port.push({ type: 'app.release', id } as SessionEvent);
        return;
      case 'leave':
        port.leave(id);
        return;
      case 'shutdown':
        port.push({ type: 'app.shutdown' });
        return;
      case 'abortHandshake':
        port.push({ type: 'app.abortHandshake', reason: undefined } as Event);
        return;
    }
  }

  #spend(port: ModelPort, action: keyof Budget): void {
    const left = (port.state.left[action] ?? 0) - 1;
    port.state.left = { ...port.state.left, [action]: Math.max(0, left) };
  }

  #sessionContext(actors: Readonly<Record<string, number>>): SessionContext | undefined {
    const local = actors['session'];
    return local === undefined ? undefined : (this.#tables.session.snapshot(local).context as SessionContext);
  }
}
