/**
 * Finds the highlighted parts of a statechart: the active states, and the arrow of the last transition. Also makes the
 * outline of a chart: its states and the events that lead from one to another, without actions and without transitions that
 * stay in a state.
 */
import type { Json, TakenTransition } from '../../inspect/record.js';
import { isRecord } from './story.js';

/** Returns the paths of the active states: `running`, `running.inbound`, `running.inbound.reading`. */
export function activePaths(value: Json | undefined): string[] {
  const paths: string[] = [];
  const walk = (inner: Json | undefined, above: string): void => {
    if (typeof inner === 'string') paths.push(above + inner);
    if (!isRecord(inner)) return;
    for (const [key, below] of Object.entries(inner)) {
      paths.push(above + key);
      walk(below, `${above}${key}.`);
    }
  };
  walk(value, '');
  return paths;
}

interface Node {
  readonly [key: string]: Json;
}

const statesOf = (node: Node): [string, Node][] =>
  isRecord(node['states'])
    ? Object.entries(node['states']).flatMap(([key, child]) =>
        isRecord(child) ? [[key, child] as [string, Node]] : [],
      )
    : [];

/**
 * Returns a diagram's key of a transition: its source's path, its event, and its index among the transitions for that event.
 */
export function transitionKey({ source, event, index }: TakenTransition): string {
  return `${source}|${event}|${index}`;
}

const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

/** Returns the target of a transition, as written in the definition. Undefined for a transition without a target. */
function targetOf(transition: Json | undefined): Json | undefined {
  const target = isRecord(transition) ? transition['target'] : transition;
  return target === null ? undefined : target;
}

/** The transitions of one state to one target. Their arrow has the name of the first event. */
interface Bundle {
  readonly target: Json;
  readonly events: string[];
}

/**
 * Returns the transitions that leave a state, by their targets, in order. `key` is the state's key. Events of the state's
 * actors and of time get readable names.
 */
function bundlesOf(node: Node, key: string | undefined): Map<string, Bundle> {
  const bundles = new Map<string, Bundle>();
  const add = (event: string, transitions: Json | undefined): void => {
    for (const transition of listOf(transitions)) {
      const target = targetOf(transition);
      if (target === undefined || target === key) continue;
      const name = JSON.stringify(target);
      const bundle = bundles.get(name);
      if (bundle === undefined) bundles.set(name, { target, events: [event] });
      else if (!bundle.events.includes(event)) bundle.events.push(event);
    }
  };
  add('always', node['always']);
  for (const [event, transitions] of fieldsOf(node['on'])) add(event, transitions);
  for (const [delay, transitions] of fieldsOf(node['after'])) add(`after ${delay}`, transitions);
  add('done', node['onDone']);
  for (const invoke of listOf(node['invoke'])) {
    if (!isRecord(invoke)) continue;
    const name = String(invoke['id'] ?? invoke['src'] ?? 'actor');
    add(`${name} done`, invoke['onDone']);
    add(`${name} failed`, invoke['onError']);
    add(`${name} changed`, invoke['onSnapshot']);
  }
  return bundles;
}

const fieldsOf = (value: Json | undefined): [string, Json][] => (isRecord(value) ? Object.entries(value) : []);

/** Returns the bundles of a state by their names, as in `rx.ConnectionClose + 7`. */
function namedBundles(node: Node, key: string | undefined): Map<string, Bundle> {
  const named = new Map<string, Bundle>();
  for (const bundle of bundlesOf(node, key).values()) {
    const [first = '', ...others] = bundle.events;
    let name = others.length === 0 ? first : `${first} + ${others.length}`;
    // An invisible character makes equal names different. Otherwise the outline would have one event with two alternatives.
    while (named.has(name)) name += '\u200b';
    named.set(name, bundle);
  }
  return named;
}

const STRUCTURE = ['id', 'type', 'history', 'target'];

/**
 * Returns the definition without actions, guards and transitions that change no state. One arrow leads from a state to
 * another, for any number of events.
 */
export function outlineOf(definition: Json, key?: string): Json {
  if (!isRecord(definition)) return definition;
  const outline: { [key: string]: Json } = {};
  for (const key of STRUCTURE) if (definition[key] !== undefined) outline[key] = definition[key];
  const { initial } = definition as { readonly initial?: Json };
  if (initial !== undefined) outline['initial'] = isRecord(initial) ? (initial['target'] ?? null) : initial;
  const named = namedBundles(definition, key);
  if (named.size > 0) {
    outline['on'] = Object.fromEntries([...named].map(([name, { target }]) => [name, { target }]));
  }
  const states = statesOf(definition).map(([name, child]) => [name, outlineOf(child, name)]);
  if (states.length > 0) outline['states'] = Object.fromEntries(states);
  return outline;
}

/**
 * Returns the outline's key of the arrow for a transition. Undefined for a transition without a target: the outline has no
 * arrow for it.
 */
export function outlineKey({ source: path, targets }: TakenTransition, definition: Json): string | undefined {
  const source = nodeAt(definition, path);
  if (targets.length === 0 || source === undefined) return undefined;
  // Targets are compared by their last name, which is the state's key in every form of a target.
  const leadsThere = ({ target }: Bundle): boolean =>
    listOf(target).every((name) => {
      const last = String(name).split(/[.#]/).at(-1);
      return targets.some((there) => there.split('.').includes(last ?? ''));
    });
  for (const [name, bundle] of namedBundles(source, path.split('.').at(-1)))
    if (leadsThere(bundle)) return `${path}|${name}|0`;
  return undefined;
}

function nodeAt(definition: Json, path: string): Node | undefined {
  let node: Json | undefined = definition;
  for (const key of path === '' ? [] : path.split('.')) {
    node = isRecord(node) && isRecord(node['states']) ? node['states'][key] : undefined;
  }
  return isRecord(node) ? node : undefined;
}
