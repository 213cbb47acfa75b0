/**
 * A machine prepared for drawing, in any format: names are resolved to states, events are in words, effects are in order.
 */
import { type AnyStateNode, createMachine } from 'xstate';
import { InvalidArgument } from '../base/errors.js';
import { type Drawable, definitionOf, type NamedDefinition, type StateDefinition } from './definition.js';
import { INLINE } from './names.js';

/** An action or a guard, with its parameters as a short text. */
export interface Part {
  readonly name: string;
  readonly params?: string;
}

export interface Transition {
  /** `<path of the source>|<type of the event, as XState has it>|<index among the transitions for this event>`. */
  readonly key: string;
  readonly source: State;
  /** The event in words: `rx.Ping`, `after 100 ms`, `always`. */
  readonly event: string;
  readonly guard?: Part;
  /** True if it has no guard, and transitions with a guard precede it. */
  readonly isElse: boolean;
  readonly targets: readonly State[];
  readonly effects: readonly Part[];
  /** True if its source is left and entered again. */
  readonly reenters: boolean;
  readonly description?: string;
}

export interface State {
  /** The path, such as `running.inbound.reading`. Empty for the machine itself. */
  readonly path: string;
  readonly key: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly isDeep: boolean;
  readonly parent?: State;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly invokes: readonly string[];
  readonly entry: readonly Part[];
  readonly exit: readonly Part[];
  /** The initial state of a compound state, or the target of a history state that has nothing to restore. */
  readonly initial?: { readonly target: State; readonly effects: readonly Part[] };
  readonly children: readonly State[];
  readonly transitions: readonly Transition[];
}

/** The limits of a chart. Drawing blocks the thread, and the chart may come from a stranger. */
const MOST_STATES = 1_000;
const MOST_TRANSITIONS = 5_000;

/**
 * @throws {InvalidArgument} It is neither a machine nor a definition, its definition leads nowhere, or it is too large:
 *   more than 1 000 states, or 5 000 transitions.
 */
export function chartOf(machine: Drawable): State {
  const definition = definitionOf(machine);
  const root = nodeOf(definition);
  const states = new Map<AnyStateNode, Building>();
  const chart = build(root, undefined, states);
  if (states.size > MOST_STATES) throw new InvalidArgument(`more than ${MOST_STATES} states can't be drawn`);
  let count = 0;
  for (const [node, state] of states) {
    for (const [type, transitions] of transitionsOf(node)) {
      count += transitions.length;
      if (count > MOST_TRANSITIONS)
        throw new InvalidArgument(`more than ${MOST_TRANSITIONS} transitions can't be drawn`);
      state.transitions.push(...alternatives(state, eventIn(node, type), type, transitions, states));
    }
    const target = node.type === 'history' ? historyTarget(node) : node.initial?.target?.[0];
    const begun = target === undefined ? undefined : states.get(target);
    // A parallel state enters all of its regions, which needs no arrow.
    if (begun !== undefined && node.type !== 'parallel') {
      state.initial = {
        target: begun,
        effects: partsOf(node.type === 'history' ? [] : (node.initial?.actions as readonly NamedDefinition[])),
      };
    }
  }
  return chart;
}

type Building = { -readonly [K in keyof State]: State[K] } & { transitions: Transition[]; children: State[] };
/** A transition as XState has resolved it. */
interface Resolved {
  readonly target?: readonly AnyStateNode[];
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
  readonly description?: string;
}

function nodeOf(definition: ReturnType<typeof definitionOf>): AnyStateNode {
  try {
    const { root } = createMachine(definition as object);
    // XState resolves targets at once, but an initial state only when it is read. The loop reads all of them, to find errors
    // here.
    for (const nodes: AnyStateNode[] = [root]; nodes.length > 0; ) {
      const node = nodes.pop() as AnyStateNode;
      if (node.initial !== undefined) nodes.push(...(Object.values(node.states) as AnyStateNode[]));
    }
    return root;
  } catch (error) {
    // biome-ignore lint/style/useErrorCause: its message is all that it says.
    throw new InvalidArgument(`this definition can't be drawn: ${(error as Error).message}`);
  }
}

function build(node: AnyStateNode, parent: State | undefined, states: Map<AnyStateNode, Building>): State {
  const { description, tags = [], invoke = [], entry, exit } = node.config as StateDefinition;
  const state: Building = {
    path: node.path.join('.'),
    key: node.key,
    kind: node.type,
    isDeep: node.history === 'deep',
    tags,
    invokes: invoke.map(({ id, src }) => (id === undefined || id === src ? src : `${id}: ${src}`)),
    entry: partsOf(entry),
    exit: partsOf(exit),
    children: [],
    transitions: [],
    ...(parent === undefined ? undefined : { parent }),
    ...(description === undefined ? undefined : { description }),
  };
  states.set(node, state);
  for (const child of Object.values(node.states)) state.children.push(build(child as AnyStateNode, state, states));
  return state;
}

function transitionsOf(node: AnyStateNode): [type: string, transitions: readonly Resolved[]][] {
  const always = (node.always ?? []) as readonly Resolved[];
  return [
    ...(always.length > 0 ? [['', always] as [string, readonly Resolved[]]] : []),
    ...(node.transitions as unknown as Map<string, readonly Resolved[]>),
  ];
}

function alternatives(
  source: State,
  event: string,
  type: string,
  transitions: readonly Resolved[],
  states: ReadonlyMap<AnyStateNode, State>,
): Transition[] {
  return transitions.map(({ guard: given, target = [], actions, reenter, description }, at) => {
    const isLast = at === transitions.length - 1;
    // XState wraps the machine's own guard of `route` in one of its own.
    const guard = type === 'xstate.route' ? (target[0] as AnyStateNode).config.route?.guard : given;
    // A transition without a guard that is not the last one hides those after it. So it had a function, which JSON has lost.
    const isLost = guard === undefined && type !== 'xstate.route' && !isLast;
    return {
      key: `${source.path}|${type}|${at}`,
      source,
      event,
      isElse: guard === undefined && at > 0 && isLast && type !== 'xstate.route',
      targets: target.map((node) => states.get(node) as State),
      effects: partsOf(actions as readonly NamedDefinition[]),
      reenters: reenter,
      ...(guard === undefined ? undefined : { guard: partOf(guard as NamedDefinition) }),
      ...(isLost ? { guard: { name: INLINE } } : undefined),
      ...(description === undefined ? undefined : { description }),
    };
  });
}

/** Returns the text for an event. XState's own types name the state or the child that they belong to. */
function eventIn(node: AnyStateNode, type: string): string {
  if (type === '') return 'always';
  if (type === `xstate.done.state.${node.id}`) return 'done';
  if (type === 'xstate.route') return 'route';
  const { after = {}, invoke = [] } = node.config as StateDefinition;
  for (const delay of Object.keys(after)) {
    const isNumber = !Number.isNaN(Number(delay));
    if (type === `xstate.after.${isNumber ? Number(delay) : delay}.${node.id}`) {
      return `after ${delay}${isNumber ? ' ms' : ''}`;
    }
  }
  for (const [at, { id = `${at}.${node.id}`, src }] of invoke.entries()) {
    const name = id === `${at}.${node.id}` ? src : id;
    if (type === `xstate.done.actor.${id}`) return `${name} done`;
    if (type === `xstate.error.actor.${id}`) return `${name} failed`;
    if (type === `xstate.snapshot.${id}`) return `${name} changed`;
  }
  return type;
}

function historyTarget({ config, parent, machine, id }: AnyStateNode): AnyStateNode | undefined {
  const { target } = config as StateDefinition;
  const [path] = typeof target === 'string' ? [target] : (target ?? []);
  if (path === undefined) return undefined;
  const found = path.startsWith('#')
    ? machine.getStateNodeById(path)
    : path.split('.').reduce((at: AnyStateNode | undefined, key) => at?.states[key], parent);
  if (found === undefined) throw new InvalidArgument(`the history state ${id} leads to ${path}, which is not there`);
  return found;
}

function partsOf(parts: readonly NamedDefinition[] = []): Part[] {
  return parts.map(partOf);
}

function partOf({ type, params }: NamedDefinition): Part {
  return params === undefined ? { name: type } : { name: type, params: inWords(params) };
}

/** Returns parameters as a short text: `{ limit: 3, by: peer }`. */
function inWords(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${inWords(inner)}`)
    .join(', ')} }`;
}

/**
 * True if the transition is drawn as an arrow to another state. One that stays, or leads to a state around its source, is
 * written in the box.
 */
export function isArrow({ source, targets }: Transition): boolean {
  return targets.some((target) => target !== source && !isWithin(source, target));
}

export function isWithin(state: State, other: State): boolean {
  for (let at = state.parent; at !== undefined; at = at.parent) if (at === other) return true;
  return false;
}

export function namesOf(parts: readonly Part[]): string {
  return parts.map(({ name }) => name).join(', ');
}

/** Returns the text of a guard. Its parameters distinguish two uses of the same guard. */
export function guardText({ guard, isElse }: Transition): string {
  if (guard !== undefined) return `[${inFull(guard)}]`;
  return isElse ? '[else]' : '';
}

/** Returns the text for the target of a transition that is written into its source's box. */
export function destination({ source, targets, reenters }: Transition): string {
  const names = targets.map((target) => {
    if (target !== source) return `to ${target.key}`;
    return reenters ? 're-enters' : target.children.length > 0 ? `to ${target.key}` : '';
  });
  return names.filter((name) => name !== '').join(', ');
}

export function inFull({ name, params }: Part): string {
  return params === undefined ? name : `${name} ${params}`;
}
