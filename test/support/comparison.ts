import type * as Spec from '../../spec/rows/vocabulary.js';
import type { Connection, Message, SessionClosedReason } from '../../src/index.js';
import { Answered, Taken } from './calls-player.js';
import type { Player } from './player.js';
import { Messages, type Named, type Settled } from './recorder.js';

/** The actual and the required results of a step: two values to be compared, each in the vocabulary's own terms. */
export interface Comparison {
  readonly got: StepResult;
  readonly want: StepResult;
}

/** Everything that an expectation can list. A field that a step does not compare has the wanted value on both sides. */
export interface StepResult {
  readonly wire: readonly unknown[];
  readonly settled: Readonly<Record<string, unknown>>;
  readonly closed: Readonly<Record<Spec.ConnectionName, unknown>>;
  readonly ends: unknown;
  readonly isLinkClosed: boolean;
  readonly identified: readonly unknown[];
  readonly unidentified: boolean;
  readonly asked: readonly unknown[];
  readonly aborted: readonly unknown[];
  readonly setup: readonly unknown[];
  readonly reports: readonly unknown[];
  readonly handled: readonly unknown[];
  readonly givenUp: readonly unknown[];
  /** The names of the connections whose handles are connected. */
  readonly connected: readonly Spec.ConnectionName[];
  /** The names of the signals with listeners: those of opens that wait. */
  readonly listening: readonly string[];
}

/** The state before a step. */
export interface Before {
  readonly closed: ReadonlySet<Named>;
  readonly isLinkClosed: boolean;
}

export function before(player: Player): Before {
  return {
    closed: new Set(player.recorder.connections.filter(({ closed }) => closed !== undefined)),
    isLinkClosed: isLinkClosed(player),
  };
}

const NOTHING: Spec.Settlement = { resolved: 'nothing' };
const BY_SESSION: Spec.Closed = { by: 'session', metadata: [] };

/** Compares the events since the last comparison with the demands of a step. Promises in `unnamed` must resolve. */
export function compare(player: Player, step: Spec.Expectation, was: Before, unnamed: readonly string[]): Comparison {
  const { recorder } = player;
  const { identified, unidentified, settled, closed, ended, asked, aborted, setup, reports, handled, givenUp } =
    recorder.take();
  const wanted = { ...Object.fromEntries(unnamed.map((name) => [name, NOTHING])), ...step.settled };
  const wereOpen = step.ends === undefined ? [] : recorder.connections.filter((named) => !was.closed.has(named));
  return {
    got: {
      wire: player.peer.take().map((message, index) => accusation(message, step.wire?.[index])),
      settled: Object.fromEntries([...settled].map(([name, how]) => [name, settlement(how, wanted[name])])),
      closed: Object.fromEntries(closed),
      ends: ended.length > 1 ? ended : ended[0] && sessionEnd(ended[0], step.ends),
      isLinkClosed: isLinkClosed(player),
      identified,
      unidentified,
      asked: asked.map((request, index) => (typeof step.asked?.[index] === 'number' ? request.id : request)),
      aborted,
      setup: setup.map((one, index) => (typeof step.setup?.[index] === 'number' ? one.id : factsOf(one))),
      reports,
      handled: handled.map((call, index) => (typeof step.handled?.[index] === 'number' ? call.id : call)),
      givenUp,
      connected: recorder.connections.filter(({ connection }) => connection.isConnected).map(({ name }) => name),
      listening: player.listening,
    },
    want: {
      wire: step.wire ?? [],
      settled: wanted,
      closed: { ...Object.fromEntries(wereOpen.map(({ name }) => [name, BY_SESSION])), ...step.closed },
      ends: step.ends,
      isLinkClosed: was.isLinkClosed || step.ends !== undefined || step.linkClosed === true,
      identified: step.identified ?? [],
      unidentified: step.unidentified ?? false,
      asked: step.asked ?? [],
      aborted: step.aborted ?? [],
      setup: step.setup ?? [],
      reports: step.reports ?? [],
      handled: step.handled ?? [],
      givenUp: step.givenUp ?? [],
      connected: recorder.connections.filter((named) => named.closed === undefined).map(({ name }) => name),
      listening: player.awaited,
    },
  };
}

/** Returns true if we have closed the link, and the peer has heard of it. */
function isLinkClosed(player: Player): boolean {
  return player.link.isClosed && player.peer.hasHeardEnd;
}

/** Returns the wanted accusation if the message makes it, and otherwise the message. */
function accusation(message: Message, want: Spec.ExpectedMessage | undefined): Spec.ExpectedMessage {
  if (want === undefined || !('violation' in want) || message.type !== 'ProtocolError') return message;
  const isMeant = message.connectionId === 0 && message.description.startsWith(`${want.violation}: `);
  return isMeant ? want : message;
}

function settlement(how: Settled, want: Spec.Settlement | undefined): unknown {
  if ('error' in how)
    return { rejected: errorFacts(how.error, want && 'rejected' in want ? want.rejected : undefined) };
  const { value } = how;
  if (value === undefined) return NOTHING;
  if (value instanceof Messages) return { read: value.list };
  if (value instanceof Answered) {
    const { ret, metadata, channels } = value.result;
    return { answered: { ret, metadata, offers: channels.length } };
  }
  if (value instanceof Taken) return value.result.done === true ? { taken: 'all' } : { item: value.result.value };
  return { resolved: factsOf(value as Connection) };
}

function sessionEnd(reason: SessionClosedReason, want: Spec.SessionEnd | undefined): unknown {
  const { cause, by, error } = reason;
  const { by: whom, error: what } = want ?? {};
  return {
    cause,
    ...(whom === undefined ? {} : { by }),
    ...(what === undefined ? {} : { error: error === undefined ? error : errorFacts(error, what) }),
  };
}

/** Returns the wanted fields of an error; if none is wanted, its code and text. */
function errorFacts(error: unknown, want: Spec.ErrorFacts | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const facts = want ?? { code: undefined, message: undefined };
  return Object.fromEntries(
    Object.entries(facts).map(([name, wanted]) => {
      const value = (error as unknown as Record<string, unknown>)[name];
      return [name, value instanceof Error ? errorFacts(value, wanted as Spec.ErrorFacts) : value];
    }),
  );
}

function factsOf(connection: Connection): Spec.ConnectionFacts & { readonly parity?: unknown } {
  const { id, localSettings, peerSettings, peerMetadata, parity } = connection;
  const facts = { id, localSettings, peerSettings, peerMetadata };
  return parity === localSettings.parity ? facts : { ...facts, parity };
}
