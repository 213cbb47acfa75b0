import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import type { Path } from '../../src/testing/index.js';
import type { Oracle } from '../spec/machines/oracle.js';
import type { Mode } from '../spec/vocabulary.js';
import type { Outside } from './outside.js';

/** One of the machines that ship, and what its paths are generated with and judged by. */
export interface Part {
  /** With inert children in its slots, whose results are events. */
  readonly machine: AnyStateMachine;
  readonly variants: readonly Variant[];
  /** The machine's timers, and what they are set to: no two alike. */
  readonly delays: Readonly<Record<string, number>>;
  /** What tells its states apart: without the port, and without what only the end makes different. */
  serialize(snapshot: AnyMachineSnapshot): string;
  /** The events that are tried in a state: few representatives of each kind. None where paths end. */
  events(snapshot: AnyMachineSnapshot, variant: Variant): readonly EventObject[];
  nameState(snapshot: AnyMachineSnapshot): string;
  /** Whether the matrix has a state of that name. */
  isShown(name: string): boolean;
  readonly oracle: Oracle<never, { readonly phase: string }, { readonly type: string }>;
  /** The machine's event in the oracle's words. */
  heard(event: EventObject): { readonly type: string };
  /** The machine's state in the oracle's words, and what the oracle has to say of it. */
  seen(snapshot: AnyMachineSnapshot): Readonly<Record<string, unknown>>;
  wanted(state: never): Readonly<Record<string, unknown>>;
}

/** One whose paths are walked on a public Session, too. */
export interface OutsidePart extends Part {
  /** How to go a variant's path from outside; undefined where there is no way. */
  outside(variant: Variant, path: Path<AnyStateMachine>): Outside | undefined;
  /** The events that nobody outside can bring about, or not alone, each with the reason. */
  readonly inside: Readonly<Record<string, string>>;
}

/** One way to start a machine. */
export interface Variant {
  readonly name: string;
  readonly mode: Mode;
  /** It would say nothing in the matrix, or from outside, that others, or the table's mirrored cases, do not say. */
  readonly isHidden?: true;
  /** The machine's input, but for what the stage gives it: a port, and a parent. */
  readonly input: object;
  /** The same for the oracle. */
  readonly told: object;
}

const INTERNAL = /^xstate\.(?:after|done\.actor|error\.actor)\./;

/** An event as a reader knows it: by its name, and what it is about. */
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
    ...(connection === undefined ? [] : [String(connection.id)]),
    ...(output === undefined ? [] : outputFacts(output)),
    ...('limit' in event ? ['over a limit'] : []),
    ...('wasNamed' in event ? unknownFacts(event) : []),
    ...('why' in event ? [String(event['why'])] : []),
    ...(additionalOf(event) === undefined ? [] : [String(additionalOf(event))]),
  ];
  return facts.length === 0 ? type : `${type}(${facts.join(', ')})`;
}

/** What is known of a channel that has no end here. */
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

/** The credit that an event is about. */
function additionalOf(event: EventObject): number | undefined {
  const { additional, body } = event as EventObject & { additional?: number; body?: { additional?: number } };
  return additional ?? body?.additional;
}

function messageFacts(message: Readonly<Record<string, unknown>>): readonly string[] {
  const { connectionId, nonce, version, connectionSettings, type } = message;
  const { parity } = (connectionSettings ?? {}) as { parity?: string };
  return [
    String(connectionId),
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
