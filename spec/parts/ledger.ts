import type { ConnectionId, Parity } from '../../src/wire/id.js';
import type { ConnectionSettings, DataMessage } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { settings } from '../rows/messages.js';
import { done, failed, read, sessionClosed } from '../rows/outcome.js';
import type * as Spec from '../rows/vocabulary.js';
import type { EffectName, Failure } from './oracle.js';
import { endOf, isForeseen, messageOf, refusalOf, settlementOf } from './seen.js';
import type { OpenedConnection, SessionEnd, SessionEvent } from './session-state.js';

/** The results of an action so far: an expectation in the making. */
export interface Draft {
  readonly wire: Spec.ExpectedMessage[];
  readonly settled: Record<string, Spec.Settlement>;
  readonly closed: Record<string, Spec.Closed>;
  readonly identified: Metadata[];
  unidentified?: true;
  readonly asked: Spec.Asked[];
  readonly aborted: ConnectionId[];
  readonly setup: Spec.ConnectionFacts[];
  readonly reports: Spec.Report[];
  ends?: Spec.SessionEnd;
  linkClosed?: true;
}

interface Reading {
  readonly count: number;
  readonly as: string;
}

/** A connection that has a handle, or had one. */
interface Handle {
  readonly id: ConnectionId;
  readonly name: string;
  readonly inbox: DataMessage[];
  readonly readings: Reading[];
  hasReader: boolean;
  callers: number;
  isOpen: boolean;
}

/** Keeps the application's objects (promises, handles, questions), and notes the effects on them. */
export class Ledger {
  #draft: Draft = empty();
  #request = 0;
  #isOver = false;
  readonly #handles: Handle[] = [];
  readonly #requests = new Map<number, string | undefined>();
  /** The ids of our opens that wait, by their requests. */
  readonly #pending = new Map<number, ConnectionId>();
  readonly #signals = new Map<string, number>();
  readonly #questions = new Map<ConnectionId, ConnectionSettings>();
  readonly #callers = new Map<string, Handle>();
  #starting: string | undefined;

  begin(): Draft {
    this.#draft = empty();
    return this.#draft;
  }

  awaits(starting: string): void {
    this.#starting = starting;
  }

  nameOf(id: ConnectionId): string | undefined {
    return this.#handles.findLast((handle) => handle.id === id && handle.isOpen)?.name;
  }

  transmits(message: Spec.ExpectedMessage): void {
    this.#draft.wire.push(message);
  }

  /** Returns the event that an application's call sends to the session. Returns undefined if the call settles at once. */
  request(action: Spec.UserAction, isOver: boolean, parity: Parity): SessionEvent | undefined | 'unforeseen' {
    switch (action.user) {
      case 'open': {
        const { metadata = [], as, signal } = action;
        if (isOver) return this.#settle(as, sessionClosed());
        const request = this.#ask(as);
        if (signal !== undefined) this.#signals.set(signal, request);
        return { type: 'app.open', request, settings: action.settings ?? settings(parity), metadata };
      }
      case 'abort': {
        const request = this.#signals.get(action.signal);
        const id = request === undefined ? undefined : this.#pending.get(request);
        return id === undefined ? 'unforeseen' : { type: 'app.abandonOpen', id };
      }
      case 'close':
        if (isOver) return this.#settle(action.as, sessionClosed());
        return { type: 'app.close', id: action.id, request: this.#ask(action.as), metadata: action.metadata ?? [] };
      case 'closeHandle': {
        const handle = this.#named(action.on);
        if (!handle.isOpen) {
          handle.inbox.length = 0;
          return this.#settle(action.as, done);
        }
        return { type: 'app.close', id: handle.id, request: this.#ask(action.as), metadata: action.metadata ?? [] };
      }
      case 'caller': {
        const handle = this.#named(action.on);
        handle.callers += 1;
        this.#callers.set(action.as, handle);
        return undefined;
      }
      case 'release': {
        const handle = this.#callers.get(action.caller);
        if (handle === undefined || !this.#callers.delete(action.caller)) return undefined;
        handle.callers -= 1;
        return handle.callers === 0 && handle.isOpen ? { type: 'app.release', id: handle.id } : undefined;
      }
      case 'shutdown':
        return { type: 'app.shutdown' };
      case 'stopReading': {
        const handle = this.#named(action.on);
        handle.inbox.length = 0;
        return handle.isOpen ? { type: 'app.leave', id: handle.id } : undefined;
      }
      case 'read': {
        const handle = this.#named(action.on);
        handle.hasReader = true;
        handle.readings.push({ count: action.count ?? 1, as: action.as });
        this.#feed(handle);
        return undefined;
      }
      case 'decide': {
        const peer = this.#questions.get(action.id);
        if (peer === undefined) return undefined;
        if (!isForeseen(action.decision, peer.parity)) return 'unforeseen';
        return this.decision(action.id, action.decision, peer.parity === 'odd' ? 'even' : 'odd');
      }
      default:
        return 'unforeseen';
    }
  }

  /** Calls `authenticate`, and aborts its signal. */
  identifies(metadata: Metadata): void {
    this.#draft.identified.push(metadata);
  }

  stopsIdentifying(): void {
    this.#draft.unidentified = true;
  }

  reports(report: 'authenticate-failed'): void {
    this.#draft.reports.push({ report });
  }

  /** Asks `onConnection`. */
  asks({ id, peerSettings, metadata }: Spec.Asked): ConnectionId {
    this.#draft.asked.push({ id, peerSettings, metadata });
    this.#questions.set(id, peerSettings);
    return id;
  }

  /** Returns the event that an answer of `onConnection` sends to the session. */
  decision(id: ConnectionId, decision: Spec.Decision, parity: Parity): SessionEvent {
    this.#questions.delete(id);
    if (decision === 'throw') {
      this.#draft.reports.push({ report: 'acceptor-failed', id });
      return { type: 'app.reject', id, metadata: [] } as SessionEvent;
    }
    if ('reject' in decision) {
      return { type: 'app.reject', id, metadata: decision.reject.metadata ?? [] } as SessionEvent;
    }
    const { settings: chosen = settings(parity), metadata = [] } = decision.accept;
    return { type: 'app.accept', id, settings: chosen, metadata } as SessionEvent;
  }

  /** Gives the application a handle. */
  activate({
    id,
    origin,
    localSettings,
    peerSettings,
    metadata,
    request,
  }: OpenedConnection & { request?: number }): void {
    const facts: Spec.ConnectionFacts = { id, localSettings, peerSettings, peerMetadata: metadata };
    const opener = request === undefined ? undefined : this.#requests.get(request);
    const name = origin === 'root' ? 'root' : (opener ?? `#${String(id)}`);
    if (request !== undefined) this.#forget(request);
    this.#handles.push({ id, name, inbox: [], readings: [], hasReader: false, callers: 0, isOpen: true });
    if (origin === 'root') this.#settle('session', { resolved: facts });
    else if (origin === 'local') this.#settle(opener, { resolved: facts });
    else this.#draft.setup.push(facts);
    if (origin === 'root') this.#starting = undefined;
  }

  /** Notes any other effect that the application sees. */
  note(name: EffectName, what: unknown): void {
    const params = what as { id: ConnectionId; request: number };
    switch (name) {
      case 'pend':
        this.#pending.set(params.request, params.id);
        break;
      case 'settle':
        this.#settleRequest(what as { request: number; outcome: { type: string } });
        break;
      case 'dropDecision':
        this.#questions.delete(params.id);
        this.#draft.aborted.push(params.id);
        break;
      case 'deliver': {
        const handle = this.#handles.findLast(({ id, isOpen }) => isOpen && id === params.id);
        handle?.inbox.push((what as { message: DataMessage }).message);
        if (handle !== undefined) this.#feed(handle);
        break;
      }
      case 'closeHandle': {
        const { id, by, metadata } = what as { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata };
        const handle = this.#handles.findLast((one) => one.isOpen && one.id === id);
        if (handle === undefined) break;
        this.#draft.closed[handle.name] = { by, metadata };
        this.#shut(handle, by === 'local');
        break;
      }
      case 'reportRootClosed':
        this.#draft.reports.push({ report: 'root-closed-by-peer' });
        break;
      case 'finish':
        this.#finish((what as { end: SessionEnd }).end);
        break;
      case 'output':
        if ((what as SessionEnd).cause === 'handshake') this.#draft.linkClosed = true;
        else this.#draft.ends = endOf(what as SessionEnd);
        break;
      default:
        // The other effects are between the parts, or for timers that no scenario here waits for.
        break;
    }
  }

  #finish(end: SessionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const failure = end['failure'] as Failure | undefined;
    if (this.#starting !== undefined)
      this.#settle(this.#starting, failed({ code: 'handshake', ...messageOf(failure), ...refusalOf(failure) }));
    for (const name of this.#requests.values()) this.#settle(name, sessionClosed());
    this.#requests.clear();
    this.#draft.aborted.push(...this.#questions.keys());
    this.#questions.clear();
    const isOurs = ['shutdown', 'released', 'abandoned'].includes(end.cause);
    for (const handle of this.#handles) if (handle.isOpen) this.#shut(handle, isOurs);
  }

  /** Section 5: received messages stay readable. After our own end, only a reader that was taken before can read them. */
  #shut(handle: Handle, isOurs: boolean): void {
    handle.isOpen = false;
    if (isOurs && !handle.hasReader) handle.inbox.length = 0;
    this.#feed(handle);
  }

  /** Settles reads that have enough messages, or all reads if no more messages can come. */
  #feed({ inbox, readings, isOpen }: Handle): void {
    for (let reading = readings[0]; reading !== undefined; reading = readings[0]) {
      if (inbox.length < reading.count && isOpen) return;
      readings.shift();
      this.#settle(reading.as, read(...inbox.splice(0, reading.count)));
    }
  }

  #ask(as: string | undefined): number {
    this.#request += 1;
    this.#requests.set(this.#request, as);
    return this.#request;
  }

  #forget(request: number): void {
    this.#requests.delete(request);
    this.#pending.delete(request);
  }

  #settleRequest({ request, outcome }: { request: number; outcome: { type: string } }): void {
    const name = this.#requests.get(request);
    this.#forget(request);
    this.#settle(name, settlementOf(outcome));
  }

  #settle(name: string | undefined, settlement: Spec.Settlement): undefined {
    if (name !== undefined) this.#draft.settled[name] = settlement;
  }

  #named(name: string): Handle {
    const handle = this.#handles.findLast((one) => one.name === name);
    if (handle === undefined) throw new Error(`no connection is named ${name}`);
    return handle;
  }
}

function empty(): Draft {
  return { wire: [], settled: {}, closed: {}, identified: [], asked: [], aborted: [], setup: [], reports: [] };
}

/** Returns a draft without its empty fields. */
export function expectation(draft: Draft): Spec.Expectation {
  return Object.fromEntries(
    Object.entries(draft).filter(([, value]) => value === true || Object.keys(value as object).length > 0),
  );
}
