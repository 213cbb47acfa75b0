import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import type { Oracle } from '../../spec/parts/oracle.js';
import type { Mode } from '../../spec/rows/vocabulary.js';
import type { Path } from '../../src/testing/index.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Outside } from './outside.js';

/** One of the machines that ship, with the inputs and the oracle for its paths. */
export interface Part {
  /** The machine with inert child actors. Their results are events of the paths. */
  readonly machine: AnyStateMachine;
  readonly variants: readonly Variant[];
  /** The machine's timers, and what they are set to: no two alike. */
  readonly delays: Readonly<Record<string, number>>;
  /** Gives the text that tells states apart: without the port, and without the context that matters only at the end. */
  serialize(snapshot: AnyMachineSnapshot): string;
  /** The events that are tried in a state: few representatives of each kind. None where paths end. */
  events(snapshot: AnyMachineSnapshot, variant: Variant): readonly EventObject[];
  /**
   * The paths to play on each mutant, for each transition and each event that takes it: a few, where all would take too long.
   * Undefined for all paths.
   */
  readonly fewPaths?: number;
  /** Walks that are deeper than the generated paths, by their names. */
  deeper?(variant: Variant): Readonly<Record<string, readonly EventObject[]>>;
  nameState(snapshot: AnyMachineSnapshot): string;
  /** True if the matrix shows a state of that name. */
  isShown(name: string): boolean;
  readonly oracle: Oracle<never, { readonly phase: string }, { readonly type: string }>;
  /** The machine's event in the oracle's words. */
  heard(event: EventObject): { readonly type: string };
  /** The machine's state in the oracle's words, and what the oracle has to say of it. */
  seen(snapshot: AnyMachineSnapshot): Readonly<Record<string, unknown>>;
  wanted(state: never): Readonly<Record<string, unknown>>;
}

/** A part whose paths are also walked on a public Session. */
export interface OutsidePart extends Part {
  /** Gives the way to walk a variant's path from outside; undefined if there is none. */
  outside(variant: Variant, path: Path<AnyStateMachine>): Outside | undefined;
  /** The events that cannot be caused from outside, or not alone, each with the reason. */
  readonly inside: Readonly<Record<string, string>>;
}

/** One way to start a machine. */
export interface Variant {
  readonly name: string;
  readonly mode: Mode;
  /**
   * True if the variant adds no information to the matrix or to the walks from outside, beside other variants and the
   * table's mirrored cases.
   */
  readonly isHidden?: true;
  /** The machine's input, without the port and the parent that the stage adds. */
  readonly input: object;
  /** The same input for the oracle. */
  readonly told: object;
}

const INTERNAL = /^xstate\.(?:after|done\.actor|error\.actor)\./;

/** Names an event for a reader: its type and its main facts. */
export function nameEvent(event: EventObject): string {
  const { message, id, output, connection } = event as EventObject & {
    message?: Readonly<Record<string, unknown>>;
    id?: number;
    output?: Readonly<Record<string, unknown>>;
    connection?: { id: number; origin: string };
  };
  const type = event.type
    .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')
    .replace(INTERNAL, (found) => found.slice(7));
  const facts = [
    ...(message === undefined ? [] : messageFacts(message)),
    ...(id === undefined ? [] : [String(id)]),
    ...('query' in event ? [String(event['query'])] : []),
    ...noticeFacts((event as EventObject & { metadata?: Metadata }).metadata),
    ...(connection === undefined ? [] : [String(connection.id)]),
    ...(output === undefined ? [] : outputFacts(output)),
    ...reliableFacts(event),
    ...('limit' in event ? ['over a limit'] : []),
    ...('wasReset' in event ? unknownFacts(event) : []),
    ...('isTaken' in event ? namedFacts(event) : []),
    ...('hasPeerParity' in event ? callFacts(event) : []),
    ...('outcome' in event ? [String(event['outcome'])] : []),
    ...('isOverLoad' in event && event['isOverLoad'] === true ? ['too much work'] : []),
    ...('isDraining' in event && event['isDraining'] === true ? ['draining'] : []),
    ...('isPeerDraining' in event && event['isPeerDraining'] === true ? ['the peer drains'] : []),
    ...('wasWaiting' in event ? [event['wasWaiting'] === true ? 'was waiting' : 'was in flight'] : []),
    ...('why' in event ? [String(event['why'])] : []),
    ...('hasRoom' in event && event['hasRoom'] === false && !('wasReset' in event) ? ['no room'] : []),
    ...('isSooner' in event && event['isSooner'] === false ? ['later'] : []),
    ...('isRoundOver' in event && event['isRoundOver'] === false ? ['another target is left'] : []),
    ...(additionalOf(event) === undefined ? [] : [String(additionalOf(event))]),
  ];
  return facts.length === 0 ? type : `${type}(${facts.join(', ')})`;
}

/** Returns the facts about a link beneath a reliable one: its counts in the order of the names. */
function reliableFacts(event: EventObject): readonly string[] {
  const facts = event as EventObject & Readonly<Record<string, unknown>>;
  const names = ['epoch', 'received', 'seq', 'ack', 'total', 'size', 'hasShare', 'isOrderly', 'hasHeard', 'frames'];
  return names.flatMap((name) => (facts[name] === undefined ? [] : [`${name} ${String(facts[name])}`]));
}

/** Returns the facts about a message on a channel that has no end here. */
function unknownFacts(event: EventObject): readonly string[] {
  const { body, isOurs, wasNamed, wasReset, hasForgotten, hasRoom } = event as EventObject & {
    body: { type: string };
  } & Record<string, unknown>;
  return [
    body.type,
    isOurs === true ? 'ours' : 'theirs',
    ...(wasReset === true ? ['reset'] : wasNamed === true ? ['named'] : ['never named']),
    ...(hasForgotten === true ? ['others forgotten'] : []),
    ...(hasRoom === true ? [] : ['no room']),
  ];
}

/** Returns the facts about a channel that the peer names, beside its room. */
function namedFacts(event: EventObject): readonly string[] {
  const { isTheirs, wasNamed, isTaken } = event as EventObject & Record<string, unknown>;
  return [
    ...(isTheirs === true ? [] : ['ours']),
    ...(wasNamed === true ? ['named before'] : []),
    ...(isTaken === true ? ['taken'] : []),
  ];
}

/** Returns the facts about a Call of the peer's, beside its load. */
function callFacts(event: EventObject): readonly string[] {
  const { body, hasPeerParity, isInFlight } = event as EventObject & {
    body: { channels: readonly number[] };
  } & Record<string, unknown>;
  return [
    ...(body.channels.length > 0 ? ['with channels'] : []),
    ...(hasPeerParity === true ? [] : ['our parity']),
    ...(isInFlight === true ? ['in flight already'] : []),
  ];
}

/** The credit that an event is about. */
function additionalOf(event: EventObject): number | undefined {
  const { additional, body } = event as EventObject & { additional?: number; body?: { additional?: number } };
  return additional ?? body?.additional;
}

function noticeFacts(metadata: Metadata | undefined): readonly string[] {
  const notice = metadata?.find(({ key }) => key === 'roam-actors.notice');
  return notice === undefined ? [] : [`notice ${String(notice.value)}`];
}

function messageFacts(message: Readonly<Record<string, unknown>>): readonly string[] {
  const { connectionId, nonce, version, connectionSettings, type, metadata } = message;
  const { parity } = (connectionSettings ?? {}) as { parity?: string };
  return [
    String(connectionId),
    ...noticeFacts(metadata as Metadata | undefined),
    ...(nonce === undefined ? [] : [`nonce ${String(nonce)}`]),
    ...(version === undefined || version === 7 ? [] : [`version ${String(version)}`]),
    ...(parity === undefined || type === 'ConnectionOpen' ? [] : [parity]),
  ];
}

function outputFacts(output: Readonly<Record<string, unknown>>): readonly string[] {
  const { type, failure, phase, outcome, by } = output;
  if (type !== undefined) return [String(type), ...(isAccused(failure) ? ['by a violation'] : [])];
  if (phase === undefined) return [];
  return [String(phase), typeof outcome === 'object' ? 'violation' : `${String(outcome)} by ${String(by)}`];
}

function isAccused(failure: unknown): boolean {
  return typeof failure === 'object' && failure !== null && 'rule' in failure;
}
