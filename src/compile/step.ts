import { type AnyStateNode, spawnChild, stopChild } from 'xstate';
import type { HistoryValue, Part, Transition } from './internals.js';

/** Turns actions and guards, as their author wrote them, into the form that a host runs. */
export interface Host<Action, Guard> {
  action(part: Part): Action;
  guard(part: Part): Guard;
}

/** The entry of one node. */
export interface Group<Action> {
  readonly actions: readonly Action[];
  /** The ids of the actors that the node invokes: an action of the group may send to them before they exist. */
  readonly invoked: readonly string[];
  readonly completion: Completion | undefined;
}

/** The entry of a final node, and what it completes. */
export interface Completion {
  readonly node: AnyStateNode;
  /** The type of the done event of the compound state that the node completes. */
  readonly parent: string | undefined;
  /** The types of the done events of the parallel states around it that are complete now. */
  readonly regions: readonly string[];
  /** The node whose completion ends the machine. */
  readonly root: AnyStateNode | undefined;
}

/** A microstep: all that is decided by the configuration, the transitions and the history. */
export interface Step<Action> {
  /** The transitions without those that another one takes precedence over. */
  readonly transitions: readonly Transition[];
  /** The actions of the nodes that are left, and of the transitions. */
  readonly actions: readonly Action[];
  readonly entries: readonly Group<Action>[];
  /** The same actions in one list, and those of the entries behind them: for a host that needs no groups. */
  readonly all: readonly Action[];
  /** True if the machine ends. */
  readonly isDone: boolean;
  /** The exit actions of all nodes, if the machine ends. */
  readonly last: readonly Action[];
  /** The nodes to remember for each history node that is left. */
  readonly history: readonly (readonly [id: string, nodes: readonly AnyStateNode[]])[];
  /** The nodes that are active afterwards; undefined if neither their set nor the history changes. */
  readonly nodes: readonly AnyStateNode[] | undefined;
  /** The parts of the history that decided. Undefined: none did. */
  readonly reads: ReadonlyMap<string, readonly AnyStateNode[] | undefined> | undefined;
  /** The error that XState throws between the transitions' actions and the entries. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Works out the step from the active nodes by the selected transitions. The initial step enters the initial states. */
export function stepOf<Action>(
  root: AnyStateNode,
  host: Host<Action, unknown>,
  nodes: readonly AnyStateNode[],
  selected: readonly Transition[] | 'initial',
  history: HistoryValue,
): Step<Action> {
  const isInitial = selected === 'initial';
  const actionsOf = (parts: readonly Part[]) => parts.map((part) => host.action(part));
  const active = new Set(nodes);
  const past = new Past(history);
  const transitions = isInitial ? [] : withoutConflicts(selected, active, past);
  const left = isInitial ? [] : exitSet(transitions, active, past).sort((a, b) => b.order - a.order);
  const remembered = left.flatMap((node) => memories(node, active));
  past.overwrite(remembered);
  for (const node of left) active.delete(node);
  const entries: Group<Action>[] = [];
  let failure: { error: unknown } | undefined;
  let isDone = false;
  try {
    const { entered, byDefault } = entrySet(isInitial ? [initialTransition(root)] : transitions, past, isInitial);
    const completed = new Set<AnyStateNode>();
    for (const node of [...entered].sort((a, b) => a.order - b.order)) {
      active.add(node);
      const completion = node.type === 'final' ? completionOf(node, active, completed) : undefined;
      if (completion?.root !== undefined) isDone = true;
      const actions = [
        ...actionsOf(node.entry as readonly Part[]),
        ...actionsOf(node.invoke.map(spawnOf)),
        ...(byDefault.has(node) ? actionsOf(node.initial.actions as readonly Part[]) : []),
      ];
      if (actions.length === 0 && completion === undefined) continue;
      entries.push({ actions, invoked: node.invoke.map(({ id }) => id), completion });
    }
  } catch (error) {
    failure = { error };
  }
  const after = [...active];
  if (isDone) after.sort((a, b) => b.order - a.order);
  const isMove = remembered.length > 0 || nodes.length !== active.size || nodes.some((node) => !active.has(node));
  const actions = actionsOf([
    ...left.flatMap((node) => [
      ...(node.exit as readonly Part[]),
      ...node.invoke.map(({ id }) => stopChild(id) as Part),
    ]),
    ...transitions.flatMap((transition) => transition.actions),
  ]);
  return {
    transitions,
    actions,
    entries,
    all: [...actions, ...entries.flatMap((entry) => entry.actions)],
    isDone,
    last: isDone ? after.flatMap(({ exit }) => actionsOf(exit as readonly Part[])) : [],
    history: remembered,
    nodes: failure === undefined && isMove ? after : undefined,
    reads: past.reads.size === 0 ? undefined : past.reads,
    failure,
  };
}

function spawnOf(invoke: AnyStateNode['invoke'][number]): Part {
  const { src, onSnapshot } = invoke as { src: string; onSnapshot?: unknown };
  return spawnChild(src, { ...(invoke as object), syncSnapshot: Boolean(onSnapshot) }) as Part;
}

/** The nodes that each history node was left with. It notes which of them a step looked at. */
class Past {
  readonly reads = new Map<string, readonly AnyStateNode[] | undefined>();
  readonly #history: HistoryValue;
  readonly #overwritten = new Map<string, readonly AnyStateNode[]>();

  constructor(history: HistoryValue) {
    this.#history = history;
  }

  overwrite(memories: readonly (readonly [string, readonly AnyStateNode[]])[]): void {
    for (const [id, nodes] of memories) this.#overwritten.set(id, nodes);
  }

  of(id: string): readonly AnyStateNode[] | undefined {
    const overwritten = this.#overwritten.get(id);
    if (overwritten !== undefined) return overwritten;
    const nodes = this.#history[id];
    this.reads.set(id, nodes === undefined ? undefined : [...nodes]);
    return nodes;
  }
}

// The functions below follow XState's, which follow the algorithm of SCXML (https://www.w3.org/TR/scxml/#AlgorithmforSCXMLInterpretation).
// They decide orders that users see, so even their order of insertion into sets is XState's.

function initialTransition(root: AnyStateNode): Transition {
  const target = new Set<AnyStateNode>();
  const add = (node: AnyStateNode): void => {
    if (target.has(node)) return;
    target.add(node);
    if (node.type === 'compound') add(node.initial.target[0] as AnyStateNode);
    else if (node.type === 'parallel') childrenOf(node).forEach(add);
  };
  add(root);
  return { source: root, target: [...target], reenter: true, actions: [] };
}

export function isAtomic({ type }: AnyStateNode): boolean {
  return type === 'atomic' || type === 'final';
}

function isHistory({ type }: AnyStateNode): boolean {
  return type === 'history';
}

function childrenOf({ states }: AnyStateNode): readonly AnyStateNode[] {
  return (Object.values(states) as AnyStateNode[]).filter((child) => !isHistory(child));
}

/** Returns the nodes around a node, from the inside to the outside, up to `end` and without it. */
export function ancestorsOf(node: AnyStateNode, end?: AnyStateNode): AnyStateNode[] {
  const ancestors: AnyStateNode[] = [];
  if (end === node) return ancestors;
  for (let at = node.parent; at !== undefined && at !== end; at = at.parent) ancestors.push(at);
  return ancestors;
}

/** True if `node` stands within `outer`. All nodes stand within undefined, the root too. */
function isWithin(node: AnyStateNode, outer: AnyStateNode | undefined): boolean {
  let at = node;
  while (at.parent !== undefined && at.parent !== outer) at = at.parent;
  return at.parent === outer;
}

function isInFinalState(node: AnyStateNode, active: ReadonlySet<AnyStateNode>): boolean {
  if (node.type === 'compound') return childrenOf(node).some((child) => child.type === 'final' && active.has(child));
  if (node.type === 'parallel') return childrenOf(node).every((child) => isInFinalState(child, active));
  return node.type === 'final';
}

/** Finds out what a final node completes. Each parallel node around it completes once in a step. */
function completionOf(node: AnyStateNode, active: ReadonlySet<AnyStateNode>, completed: Set<AnyStateNode>): Completion {
  const { parent } = node;
  let around = parent?.type === 'parallel' ? parent : parent?.parent;
  let root = around ?? node;
  const regions: string[] = [];
  while (around?.type === 'parallel' && !completed.has(around) && isInFinalState(around, active)) {
    completed.add(around);
    regions.push(doneType(around));
    root = around;
    around = around.parent;
  }
  return {
    node,
    parent: parent?.type === 'compound' ? doneType(parent) : undefined,
    regions,
    root: around === undefined ? root : undefined,
  };
}

/** Returns the type of the event that tells of a state's completion. */
function doneType({ id }: AnyStateNode): string {
  return `xstate.done.state.${id}`;
}

/** Returns what the history nodes in a node that is left have to remember. */
function memories(
  left: AnyStateNode,
  active: ReadonlySet<AnyStateNode>,
): (readonly [string, readonly AnyStateNode[]])[] {
  const histories = (Object.values(left.states) as AnyStateNode[]).filter(isHistory);
  return histories.map(({ id, history }) => {
    const isKept = (node: AnyStateNode) =>
      history === 'deep' ? isAtomic(node) && isWithin(node, left) : node.parent === left;
    return [id, [...active].filter(isKept)] as const;
  });
}

/** Removes each transition that leaves a node which another one also leaves. The inner one stays, else the first. */
function withoutConflicts(
  selected: readonly Transition[],
  active: ReadonlySet<AnyStateNode>,
  past: Past,
): readonly Transition[] {
  const chosen = new Set<Transition>();
  for (const transition of selected) {
    const preempted: Transition[] = [];
    let isPreempted = false;
    for (const other of chosen) {
      const both = new Set(exitSet([other], active, past));
      if (!exitSet([transition], active, past).some((node) => both.has(node))) continue;
      if (!isWithin(transition.source, other.source)) {
        isPreempted = true;
        break;
      }
      preempted.push(other);
    }
    if (isPreempted) continue;
    for (const other of preempted) chosen.delete(other);
    chosen.add(transition);
  }
  return [...chosen];
}

function exitSet(transitions: readonly Transition[], active: ReadonlySet<AnyStateNode>, past: Past): AnyStateNode[] {
  const left = new Set<AnyStateNode>();
  for (const transition of transitions) {
    if (transition.target === undefined || transition.target.length === 0) continue;
    const domain = domainOf(transition, past);
    if (transition.reenter && transition.source === domain) left.add(domain);
    for (const node of active) if (isWithin(node, domain)) left.add(node);
  }
  return [...left];
}

/** Returns the node within which a transition leaves and enters nodes. Undefined: it leaves the root, too. */
function domainOf(transition: Transition, past: Past): AnyStateNode | undefined {
  const { source, reenter } = transition;
  const targets = targetsOf(transition, past);
  if (!reenter && targets.every((target) => target === source || isWithin(target, source))) return source;
  const [first, ...rest] = [...targets, source];
  const common = ancestorsOf(first as AnyStateNode).find((node) => rest.every((other) => isWithin(other, node)));
  if (common !== undefined) return common;
  return reenter ? undefined : source.machine.root;
}

/** Returns the targets of a transition, with those of history nodes in their place. */
function targetsOf({ target }: Pick<Transition, 'target'>, past: Past): readonly AnyStateNode[] {
  const targets = new Set<AnyStateNode>();
  for (const node of target ?? []) {
    const found = isHistory(node) ? (past.of(node.id) ?? targetsOf(defaultOf(node), past)) : [node];
    for (const each of found) targets.add(each);
  }
  return [...targets];
}

/** Returns the transition of a history node that has nothing to remember. */
function defaultOf(node: AnyStateNode): { readonly target: readonly AnyStateNode[] } {
  const parent = node.parent as AnyStateNode;
  const { target } = node.config as { target?: string | readonly string[] };
  if (target === undefined || target === '') {
    return parent.type === 'parallel'
      ? { target: [parent] }
      : (parent.initial as unknown as { target: AnyStateNode[] });
  }
  const paths = Array.isArray(target) ? target : [target];
  return {
    target: paths.map((path: unknown) => (typeof path === 'string' ? nodeAt(parent, path) : (path as AnyStateNode))),
  };
}

/** Returns the node at a path, as XState's `target` has it: relative to the parent, or by an id. */
function nodeAt(parent: AnyStateNode, path: string): AnyStateNode {
  const from = path.startsWith('#') ? '' : `#${parent.id.replace(/[\\.]/g, '\\$&')}.`;
  return parent.machine.getStateNodeById(`${from}${path}`);
}

interface Entry {
  readonly entered: Set<AnyStateNode>;
  /** The nodes whose initial actions run. */
  readonly byDefault: Set<AnyStateNode>;
}

function entrySet(transitions: readonly Transition[], past: Past, isInitial: boolean): Entry {
  const entry: Entry = { entered: new Set(), byDefault: new Set() };
  for (const transition of transitions) {
    const { source, reenter } = transition;
    const domain = domainOf(transition, past);
    for (const node of transition.target ?? []) {
      if (!isHistory(node) && (source !== node || source !== domain || reenter)) {
        entry.entered.add(node);
        entry.byDefault.add(node);
      }
      enterBelow(node, past, entry);
    }
    for (const target of targetsOf(transition, past)) {
      const ancestors = ancestorsOf(target, domain);
      if (domain?.type === 'parallel') ancestors.push(domain);
      enterAround(ancestors, past, entry, source.parent === undefined && reenter ? undefined : domain);
    }
  }
  if (isInitial) for (const { source } of transitions) entry.byDefault.add(source);
  return entry;
}

function enterBelow(node: AnyStateNode, past: Past, entry: Entry): void {
  const { entered, byDefault } = entry;
  if (isHistory(node)) {
    const parent = node.parent as AnyStateNode;
    const remembered = past.of(node.id);
    const otherwise = remembered === undefined ? defaultOf(node) : undefined;
    const targets = remembered ?? (otherwise as { target: readonly AnyStateNode[] }).target;
    for (const target of targets) {
      entered.add(target);
      if (otherwise !== undefined && (otherwise as unknown) === parent.initial) byDefault.add(parent);
      enterBelow(target, past, entry);
    }
    for (const target of targets) enterAround(ancestorsOf(target, parent), past, entry);
  } else if (node.type === 'compound') {
    const initial = node.initial.target[0] as AnyStateNode;
    if (!isHistory(initial)) {
      entered.add(initial);
      byDefault.add(initial);
    }
    enterBelow(initial, past, entry);
    enterAround(ancestorsOf(initial, node), past, entry);
  } else if (node.type === 'parallel') {
    for (const child of childrenOf(node)) {
      if (isAnyWithin(entered, child)) continue;
      entered.add(child);
      byDefault.add(child);
      enterBelow(child, past, entry);
    }
  }
}

function enterAround(ancestors: readonly AnyStateNode[], past: Past, entry: Entry, domain?: AnyStateNode): void {
  const { entered } = entry;
  for (const node of ancestors) {
    if (domain === undefined || isWithin(node, domain)) entered.add(node);
    if (node.type !== 'parallel') continue;
    for (const child of childrenOf(node)) {
      if (isAnyWithin(entered, child)) continue;
      entered.add(child);
      enterBelow(child, past, entry);
    }
  }
}

function isAnyWithin(nodes: ReadonlySet<AnyStateNode>, outer: AnyStateNode): boolean {
  for (const node of nodes) if (isWithin(node, outer)) return true;
  return false;
}
