import type { AnyStateMachine } from 'xstate';
import { InvalidArgument } from '../base/errors.js';
import { nameOfAction, nameOfActor, nameOfGuard } from './names.js';

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An action or a guard: its name, and those of its parameters that are data. */
export interface NamedDefinition {
  readonly type: string;
  readonly params?: Json;
}

export interface TransitionDefinition {
  readonly target?: string | readonly string[];
  readonly reenter?: true;
  readonly guard?: NamedDefinition;
  readonly actions?: readonly NamedDefinition[];
  readonly description?: string;
  readonly meta?: Json;
}

export interface InvokeDefinition {
  readonly id?: string;
  readonly systemId?: string;
  readonly src: string;
  readonly input?: Json;
  readonly onDone?: readonly TransitionDefinition[];
  readonly onError?: readonly TransitionDefinition[];
  readonly onSnapshot?: readonly TransitionDefinition[];
}

/** A state in the form of XState's configuration, with a name for each function. */
export interface StateDefinition {
  readonly id?: string;
  readonly type?: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly history?: 'shallow' | 'deep';
  /** The target of a history state that has nothing to restore. */
  readonly target?: string | readonly string[];
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly meta?: Json;
  readonly initial?: string | { readonly target: string; readonly actions?: readonly NamedDefinition[] };
  readonly route?: { readonly guard?: NamedDefinition };
  readonly entry?: readonly NamedDefinition[];
  readonly exit?: readonly NamedDefinition[];
  readonly invoke?: readonly InvokeDefinition[];
  readonly always?: readonly TransitionDefinition[];
  readonly on?: Transitions;
  readonly after?: Transitions;
  readonly onDone?: readonly TransitionDefinition[];
  readonly states?: { readonly [key: string]: StateDefinition };
}

interface Transitions {
  readonly [event: string]: readonly TransitionDefinition[];
}

/**
 * A machine as plain JSON. `createMachine` takes it, and Stately's editor imports it. It has the whole structure, with a
 * name for each function. It has no context, input or output: they are no structure and may hold private data.
 */
export interface MachineDefinition extends StateDefinition {
  readonly id: string;
  readonly version?: string;
}

/** A machine or a definition, also one that came over a wire as `JSON.stringify(machine.config)`. */
export type Drawable = AnyStateMachine | MachineDefinition;

/**
 * Returns the definition of any XState 5 machine. A definition is checked, completed and returned.
 *
 * @throws {InvalidArgument} It is neither a machine nor a definition.
 */
export function definitionOf(machine: Drawable): MachineDefinition {
  const given = isRecord(machine) && isRecord(machine['config']) ? machine['config'] : (machine as unknown);
  if (!isRecord(given)) throw new InvalidArgument('a diagram needs an XState machine or its definition');
  const { version } = given;
  return {
    id: typeof given['id'] === 'string' ? given['id'] : '(machine)',
    ...(typeof version === 'string' ? { version } : undefined),
    ...state(given),
  };
}

function state(config: Fields): StateDefinition {
  const initial = config['initial'];
  return present({
    id: text(config['id']),
    type: oneOf(config['type'], ['atomic', 'compound', 'parallel', 'final', 'history']),
    history: config['history'] === true ? 'shallow' : oneOf(config['history'], ['shallow', 'deep']),
    target: config['type'] === 'history' || config['history'] !== undefined ? targetOf(config['target']) : undefined,
    description: text(config['description']),
    tags: filled(listOf(config['tags']).map(String)),
    meta: plain(config['meta']),
    initial: isRecord(initial)
      ? present({ target: String(targetsOf(initial['target'])[0]), actions: actions(initial['actions']) })
      : text(initial),
    route: isRecord(config['route']) ? present({ guard: guard(config['route']['guard']) }) : undefined,
    entry: actions(config['entry']),
    exit: actions(config['exit']),
    invoke: filled(listOf(config['invoke']).filter(isRecord).map(invoke)),
    always: transitions(config['always']),
    on: transitionsBy(config['on']),
    after: transitionsBy(config['after']),
    onDone: transitions(config['onDone']),
    states: isRecord(config['states']) ? mapped(config['states'], (child) => state(record(child))) : undefined,
  });
}

function invoke(config: Fields): InvokeDefinition {
  return present({
    id: text(config['id']),
    systemId: text(config['systemId']),
    src: nameOfActor(config['src']),
    input: plain(config['input']),
    onDone: transitions(config['onDone']),
    onError: transitions(config['onError']),
    onSnapshot: transitions(config['onSnapshot']),
  });
}

function transitionsBy(config: unknown): Transitions | undefined {
  if (!isRecord(config)) return undefined;
  // In XState `EVENT: undefined` forbids a transition of a parent state. The chart shows it as a transition without effect.
  return mapped(config, (value) => transitions(value) ?? [{}]);
}

function transitions(config: unknown): readonly TransitionDefinition[] | undefined {
  return filled(listOf(config).map(transition));
}

function transition(config: unknown): TransitionDefinition {
  if (!isRecord(config)) return present({ target: targetOf(config) });
  return present({
    target: targetOf(config['target']),
    reenter: config['reenter'] === true ? true : undefined,
    guard: guard(config['guard']),
    actions: actions(config['actions']),
    description: text(config['description']),
    meta: plain(config['meta']),
  });
}

function targetOf(config: unknown): string | readonly string[] | undefined {
  const targets = targetsOf(config);
  return targets.length > 1 ? targets : targets[0];
}

function targetsOf(config: unknown): readonly string[] {
  // A target may also be a state node instead of a name, which is rare.
  return listOf(config).map((target) => (isRecord(target) ? `#${String(target['id'])}` : String(target)));
}

function guard(config: unknown): NamedDefinition | undefined {
  if (config === undefined || config === null) return undefined;
  return present({ type: nameOfGuard(config), params: paramsOf(config) });
}

function actions(config: unknown): readonly NamedDefinition[] | undefined {
  // JSON.stringify replaces a function in a list by null.
  const list = Array.isArray(config) ? config : listOf(config);
  return filled(list.map((action) => present({ type: nameOfAction(action), params: paramsOf(action) })));
}

function paramsOf(part: unknown): Json | undefined {
  return isRecord(part) ? plain(part['params']) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function filled<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function oneOf<const T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((choice) => choice === value);
}

/** Converts each field. Not by assignment: that would treat the name `__proto__` specially. */
function mapped<T>(fields: Fields, convert: (value: unknown) => T): { readonly [key: string]: T } {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, convert(value)]));
}

/** Returns `value` as plain data. Parts that JSON lacks, mainly functions, are left out. */
function plain(value: unknown): Json | undefined {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Returns the fields that are not undefined, in their order. */
function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
